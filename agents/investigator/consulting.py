"""Asking a model about one diagnosis: within purse and breaker, once a question, with every cost kept.

The order is the ledger's: the question is written down before it is sent and its answer before it is used.
A stage that was killed in between finds the answer and does not ask again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import orjson
from pydantic import BaseModel

from agents.incident import Diagnosis, Evidence
from agents.investigator.observing import Eyes, Wanted, observed, refused
from agents.investigator.opinion import Heard, Opinion, answered, merged, prompt, stage_of
from agents.investigator.prompts import Stage, words
from agents.investigator.purse import Purse
from agents.investigator.reasoning_case import Case
from agents.investigator.toolbox import Toolbox
from agents.ledger import consultations, investigations
from agents.ledger.consultations import Asked, Ended
from tools.crash import crash
from tools.model import Budget, Model, Prompt


@dataclass(frozen=True, kw_only=True)
class Consulting:
    """Who asks: the tools under their lease, the round, what it looked at, and what it may still spend."""

    box: Toolbox
    turn: int
    purse: Purse
    case: Case


@dataclass(frozen=True, kw_only=True)
class _Question:
    """What is asked about: the rules' diagnosis, its evidence, and of that what the model wanted to see."""

    found: Diagnosis
    evidence: Mapping[str, Evidence]
    seen: str = ""

    @cached_property
    def prompt(self) -> Prompt:
        # Redacted text is asked for as a digest, as a size and as itself.
        return prompt(self.found, self.evidence, self.seen)

    @property
    def stage(self) -> Stage:
        return stage_of(self.found)


def consulted(at: Consulting, found: Diagnosis, evidence: Mapping[str, Evidence]) -> Diagnosis:
    """The diagnosis with what a model adds to it, or with why none was heard. Blocking. Raises LeaseLost."""
    model = at.box.model_of(stage_of(found))
    if model is None:
        return found
    heard = _heard(at, model, _Question(found=found, evidence=evidence))
    wanted = heard.opinion.look if heard.opinion else None
    if wanted is None:
        return heard.told
    seen = _seen(at, wanted)
    if isinstance(seen, str):
        return _but(heard, f"what the model asked to see ({wanted}): {seen}")
    more = _Question(found=found, evidence={**evidence, seen.id: seen}, seen=seen.id)
    # One look a round: what the second answer would like to see is not asked for.
    again = _heard(at, model, more)
    if again.problem:
        return _but(heard, f"what the model makes of what it asked to see ({wanted}): {again.problem}")
    return again.told


def _but(heard: Heard, gap: str) -> Diagnosis:
    return heard.told.model_copy(update={"not_checked": (*heard.told.not_checked, gap)})


def _seen(at: Consulting, wanted: Wanted) -> Evidence | str:
    """What the model asked to see, as evidence, or why it was not looked at."""
    box = at.box
    why = refused(wanted, at.case, metrics=box.prometheus is not None) or at.purse.take("tool_calls")
    if why:
        return why
    eyes = Eyes(cluster=box.cluster, prometheus=box.prometheus, at=box.ledger.now())
    look = observed(wanted, eyes, f"round-{at.turn}:asked")
    (stored,) = investigations.store_evidence(box.ledger, box.held, [look])
    return stored


def _heard(at: Consulting, model: Model, question: _Question) -> Heard:
    """The answer of the ledger if this very question was answered, else the model's."""
    ledger, incident = at.box.ledger, at.box.held.incident
    with ledger.read() as session:
        answer = consultations.kept(session, incident, key_of(model, question.prompt))
        _catch_up(at.purse, consultations.spent_on(session, incident))
    if answer is None:
        return _asked(at, model, question)
    opinion = Opinion.model_validate(answer)
    return Heard(diagnosis=merged(question.found, opinion, question.evidence), opinion=opinion)


def key_of(model: Model, question: Prompt, schema: type[BaseModel] = Opinion) -> str:
    """The digest of all that decides about an answer: who is asked, in which shape, and with which words."""
    options = model.options
    parts = [options.base_url, options.name, options.method, schema.model_json_schema()]
    content = orjson.dumps([*parts, question.instructions, str(question.evidence)])
    return hashlib.sha256(content).hexdigest()


def _catch_up(purse: Purse, spent: tuple[int, int]) -> None:
    """What the ledger knows and the purse forgot: the questions of a killed stage were asked all the same."""
    for coin, count in zip(("model_calls", "tokens"), spent, strict=True):
        purse.spent[coin] = max(purse.spent.get(coin, 0), count)


def _asked(at: Consulting, model: Model, question: _Question) -> Heard:
    purse, put = at.purse, question.prompt
    why = "" if purse.left("tokens") else f"the budget of {purse.allowance.tokens} tokens is spent"
    why = why or purse.take("model_calls")
    if why:
        return Heard(diagnosis=question.found, problem=why)
    budget = _budget(at)
    asked = Asked(
        turn=at.turn,
        stage=question.stage,
        key=key_of(model, put),
        prompt=words(question.stage).version,
        model=model.options.name,
        reserved=put.tokens + budget.answer_tokens,
        seconds=budget.seconds,
    )
    begun = consultations.begin(at.box.ledger, at.box.held, asked, at.box.policy.breaker)
    if isinstance(begun, str):
        return Heard(diagnosis=question.found, problem=begun)
    heard = answered(model, put, (question.found, question.evidence), budget)
    consultations.end(at.box.ledger, at.box.held, begun, _ended(model, heard))
    crash("i-heard")
    purse.pay("tokens", heard.tokens)
    return heard


def _budget(at: Consulting) -> Budget:
    return Budget(
        # A nearly empty purse gets a short answer; a quite empty one was refused before.
        seconds=max(0.1, min(at.box.policy.model_seconds, at.purse.seconds_left)),
        answer_tokens=min(at.box.policy.model_tokens, at.purse.left("tokens")),
    )


def _ended(model: Model, heard: Heard) -> Ended:
    price = model.options.price
    return Ended(
        outcome=heard.outcome,
        problem=heard.problem,
        answered_by=heard.answered_by,
        input_tokens=heard.usage.input_tokens,
        output_tokens=heard.usage.output_tokens,
        estimated=heard.usage.estimated,
        cost=None if price is None else price.millionths(heard.usage),
        claims=heard.claims,
        dropped=heard.dropped,
        answer=None if heard.opinion is None else heard.opinion.model_dump(mode="json"),
    )
