"""A question that no rule answers, put to the cheap model over what is stored, and held against it.

What comes back are claims, each with quotes that stand in the evidence it cites; the rest is dropped and
counted. Nothing is looked at for it, nothing is proposed, and no plan can begin here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict

from agents.incident import Diagnosis, Evidence
from agents.investigator.citations import checked
from agents.investigator.consulting import key_of
from agents.investigator.opinion import SaidClaim, claims_of, outcome_of
from agents.investigator.prompts import words
from agents.investigator.toolbox import Toolbox
from agents.ledger import consultations, investigations, payloads
from agents.ledger.consultations import Asked, Asker, Ended
from agents.ledger.errands import Answered, Errand
from agents.ledger.tables import IncidentRow
from tools.model import Budget, Model, ModelError, Prompt
from tools.redaction import redact, redacted_json

MOST_EVIDENCE = 8
EXCERPT = 4_000
ANSWER_TOKENS = 800
_WORD = re.compile(r"[a-z0-9][a-z0-9._/-]{2,}")


class Reply(BaseModel):
    """What the model answers; not believed until it was checked."""

    model_config = ConfigDict(extra="forbid")

    claims: list[SaidClaim]


@dataclass(frozen=True, kw_only=True)
class _Case:
    """What is asked, about what is stored of one incident."""

    incident: int
    question: str
    diagnosis: Diagnosis | None
    evidence: Mapping[str, Evidence]
    turn: int
    is_over: bool

    def prompt(self) -> Prompt:
        found = self.diagnosis
        records = {
            "question": self.question,
            "believed": {
                "cause": found.cause.sentence if found and found.cause else "not established",
                "confidence": found.confidence if found else "none",
                "not_checked": list(found.not_checked[:MOST_EVIDENCE]) if found else [],
            },
            "untrusted_evidence": [
                {"id": one.id, "tool": one.tool, "query": one.query, "excerpt": one.excerpt[:EXCERPT]}
                for one in _near(self)
            ],
        }
        return Prompt(instructions=words("question").text, evidence=redacted_json(records))


def answered(box: Toolbox, wish: Errand) -> Answered:
    """What a model says to a question, as far as it stands in the evidence. Blocking. Raises LedgerError."""
    case, model = _case(box, wish), box.model_of("question")
    if case is None or model is None:
        return Answered(problem="there is nothing to ask about" if model else "no model is configured")
    put = case.prompt()
    key = key_of(model, put, Reply)
    with box.ledger.read() as session:
        kept = consultations.kept(session, case.incident, key)
    if kept is not None:
        return _held(case, Reply.model_validate(kept), model.options.name)
    why = _too_dear(box, case, put)
    return Answered(problem=why) if why else _asked(box, case, (model, put, key))


def _case(box: Toolbox, wish: Errand) -> _Case | None:
    with box.ledger.read() as session:
        row = session.get(IncidentRow, wish.incident) if wish.incident else None
        question, _ = payloads.words_of(session, wish.subject)
        if row is None or question in {"", payloads.ERASED}:
            return None
        number = wish.incident or 0
        found = investigations.evidence_of(session, number)
        return _Case(
            incident=number,
            question=question,
            diagnosis=investigations.diagnosis_of(session, number),
            evidence={one.id: one for one in found if one.ok},
            turn=row.round,
            is_over=row.closed_at is not None,
        )


def _near(case: _Case) -> Sequence[Evidence]:
    """The evidence that shares most words with the question, then what the diagnosis stands on."""
    asked = set(_WORD.findall(case.question.lower()))
    claims = case.diagnosis.claims if case.diagnosis else ()
    cited = {number for claim in claims for number in claim.evidence}

    def distance(one: Evidence) -> tuple[int, bool]:
        said = f"{one.tool} {one.query} {one.excerpt}".lower()
        return -sum(word in said for word in asked), one.id not in cited

    return sorted(case.evidence.values(), key=distance)[:MOST_EVIDENCE]


def _too_dear(box: Toolbox, case: _Case, put: Prompt) -> str:
    """Why the incident's budget has no room for a question, or nothing."""
    most = box.policy.allowance
    with box.ledger.read() as session:
        calls, tokens = consultations.spent_on(session, case.incident)
    # While it is open half of it is kept: curiosity must not cost the diagnosis its model.
    share = 1 if case.is_over else 2
    if calls >= most.model_calls // share or tokens + put.tokens + ANSWER_TOKENS > most.tokens // share:
        return "what questions about this incident may cost is spent"
    return ""


def _asked(box: Toolbox, case: _Case, question: tuple[Model, Prompt, str]) -> Answered:
    (model, put, key), breaker = question, box.policy.breaker
    budget = Budget(seconds=box.policy.model_seconds, answer_tokens=ANSWER_TOKENS)
    asked = Asked(
        turn=case.turn,
        stage="question",
        key=key,
        prompt=words("question").version,
        model=model.options.name,
        reserved=put.tokens + budget.answer_tokens,
        seconds=budget.seconds,
    )
    # Of the hour's tokens as well, half is for diagnoses alone.
    limits = replace(breaker, tokens_per_hour=breaker.tokens_per_hour // 2)
    who = Asker(incident=case.incident)
    begun = consultations.begin(box.ledger, who, asked, limits)
    if isinstance(begun, str):
        return Answered(problem=begun)
    said, ended = _heard(case, (model, put), budget)
    consultations.end(box.ledger, who, begun, ended)
    return said


def _heard(case: _Case, question: tuple[Model, Prompt], budget: Budget) -> tuple[Answered, Ended]:
    model, put = question
    price = model.options.price
    try:
        answer = model.ask(put, Reply, budget)
    # A model that is away, slow or wrong costs an answer, and the rules' own words are said instead.
    except ModelError as problem:
        why, usage = redact(str(problem))[:200], problem.usage
        said, ended = Answered(problem=why), Ended(outcome=outcome_of(problem), problem=why)
    else:
        usage, claims = answer.usage, len(answer.content.claims)
        said = _held(case, answer.content, answer.model or model.options.name)
        ended = Ended(
            outcome="answered",
            answered_by=answer.model,
            claims=claims,
            dropped=said.dropped,
            answer=answer.content.model_dump(mode="json"),
        )
    cost = None if price is None else price.millionths(usage)
    ended = replace(ended, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    return said, replace(ended, estimated=usage.estimated, cost=cost)


def _held(case: _Case, reply: Reply, model: str) -> Answered:
    """Only the claims that the evidence carries."""
    kept, _ = checked(claims_of(reply.claims), case.evidence)
    return Answered(claims=kept, dropped=len(reply.claims) - len(kept), model=model)
