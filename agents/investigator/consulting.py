"""Asking a model about one diagnosis: within purse and breaker, once a question, with every cost kept.

The order is the ledger's: the question is written down before it is sent and its answer before it is used.
A stage that was killed in between finds the answer and does not ask again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from agents.incident import Diagnosis, Evidence
from agents.investigator.opinion import Heard, Opinion, merged, prompt, stage_of, with_opinion
from agents.investigator.prompts import words
from agents.investigator.purse import Purse
from agents.investigator.toolbox import Toolbox
from agents.ledger import consultations
from agents.ledger.consultations import Asked, Ended
from tools.crash import crash
from tools.model import Budget, Model, Prompt


@dataclass(frozen=True, kw_only=True)
class Consulting:
    """Who asks: the tools under their lease, the round, and what the round may still spend."""

    box: Toolbox
    turn: int
    purse: Purse


def consulted(at: Consulting, found: Diagnosis, evidence: Mapping[str, Evidence]) -> Diagnosis:
    """The diagnosis with what a model adds to it, or with why none was heard. Blocking. Raises LeaseLost."""
    model = at.box.model_of(stage_of(found))
    if model is None:
        return found
    question = prompt(found, evidence)
    key = key_of(model, question)
    with at.box.ledger.read() as session:
        answer = consultations.kept(session, at.box.held.incident, key)
        _catch_up(at.purse, consultations.spent_on(session, at.box.held.incident))
    if answer is not None:
        return merged(found, Opinion.model_validate(answer), evidence)
    return _asked(at, model, found, evidence).told


def key_of(model: Model, question: Prompt) -> str:
    """The digest of all that decides about an answer: who is asked, in which shape, and with which words."""
    options = model.options
    parts = [options.base_url, options.name, options.method, Opinion.model_json_schema()]
    content = orjson.dumps([*parts, question.instructions, str(question.evidence)])
    return hashlib.sha256(content).hexdigest()


def _catch_up(purse: Purse, spent: tuple[int, int]) -> None:
    """What the ledger knows and the purse forgot: the questions of a killed stage were asked all the same."""
    for coin, count in zip(("model_calls", "tokens"), spent, strict=True):
        purse.spent[coin] = max(purse.spent.get(coin, 0), count)


def _asked(at: Consulting, model: Model, found: Diagnosis, evidence: Mapping[str, Evidence]) -> Heard:
    purse, question = at.purse, prompt(found, evidence)
    why = "" if purse.left("tokens") else f"the budget of {purse.allowance.tokens} tokens is spent"
    why = why or purse.take("model_calls")
    if why:
        return Heard(diagnosis=found, problem=why)
    budget = _budget(at)
    stage = stage_of(found)
    asked = Asked(
        turn=at.turn,
        stage=stage,
        key=key_of(model, question),
        prompt=words(stage).version,
        model=model.options.name,
        reserved=question.tokens + budget.answer_tokens,
        seconds=budget.seconds,
    )
    begun = consultations.begin(at.box.ledger, at.box.held, asked, at.box.policy.breaker)
    if isinstance(begun, str):
        return Heard(diagnosis=found, problem=begun)
    heard = with_opinion(model, found, evidence, budget)
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
