"""Every question to a language model: what was asked, what came of it, and what it cost.

A question is written down before it is sent, and its answer once: so what a killed process spent is known to
be unknown, and a stage that runs again finds the answer instead of asking anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func, select

from agents.incident import Value
from agents.ledger import breaker
from agents.ledger.breaker import Breaker
from agents.ledger.investigations import Lease, held
from agents.ledger.store import Ledger, Transaction
from agents.ledger.tables_model import ConsultationRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject
from tools.redaction import redact, redacted

Outcome = Literal["answered", "unavailable", "refused", "malformed"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question about to be sent: of which round and stage, by which prompt, to which model.

    ``key`` is the digest of all that is sent, ``prompt`` that of the prompt's file, and ``reserved`` says
    how many tokens it may take.
    """

    turn: int
    stage: str
    key: str
    prompt: str
    model: str
    reserved: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What came of it. ``cost`` is in millionths of the price's money, None where no price is known."""

    outcome: Outcome
    problem: str = ""
    answered_by: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    cost: int | None = None
    claims: int = 0
    dropped: int = 0
    answer: JsonObject | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Somebody's question about an incident: its job runs once at a time, so that no lease is needed."""

    incident: int


class Consultation(Value):
    """One question as pages tell it: everything but the words. ``outcome`` is empty while none is known."""

    number: int
    turn: int
    stage: str
    prompt: str
    model: str
    asked_at: AwareDatetime
    ended_at: AwareDatetime | None
    outcome: str
    problem: str
    answered_by: str
    tokens: int | None
    estimated: bool
    cost: int | None
    claims: int
    dropped: int


class Tally(Value):
    """One model's questions in sum. ``cost`` is None as soon as that of one of them is unknown."""

    model: str
    questions: int
    answered: int
    claims: int
    dropped: int
    tokens: int
    cost: int | None

    @property
    def unsupported(self) -> float | None:
        """The part of its claims that the evidence did not carry; None where it made none."""
        return self.dropped / self.claims if self.claims else None


def begin(ledger: Ledger, lease: Lease | Asker, asked: Asked, limits: Breaker) -> int | str:
    """Write the question down and return its number, or why it may not be asked."""
    with ledger.write() as tx:
        _hold(tx, lease)
        # Two that count at the same moment would both find room for the last question.
        tx.alone()
        why = breaker.against(tx.session, tx.now, (asked.model, asked.reserved), limits)
        if why:
            return why
        row = ConsultationRow(
            incident=lease.incident,
            round=asked.turn,
            stage=asked.stage,
            key=asked.key,
            prompt=asked.prompt,
            model=asked.model,
            reserved=asked.reserved,
            asked_at=tx.now,
            until_at=tx.now + timedelta(seconds=asked.seconds),
        )
        tx.session.add(row)
        tx.session.flush()
        said = {"n": row.id, "stage": asked.stage, "model": asked.model, "prompt": asked.prompt}
        tx.audit(Tag.MODEL_ASKED, {**said, "key": asked.key}, incident=lease.incident)
        return row.id or 0


def end(ledger: Ledger, lease: Lease | Asker, number: int, ended: Ended) -> None:
    """Write down what came of a question, once."""
    with ledger.write() as tx:
        _hold(tx, lease)
        row = tx.session.get(ConsultationRow, number)
        if row is None or row.ended_at is not None:
            return
        row.ended_at, row.outcome, row.problem = tx.now, ended.outcome, redact(ended.problem)[:300]
        row.answered_by, row.estimated, row.cost = (
            redact(ended.answered_by)[:100],
            ended.estimated,
            ended.cost,
        )
        row.input_tokens, row.output_tokens = ended.input_tokens, ended.output_tokens
        row.claims, row.dropped = ended.claims, ended.dropped
        row.answer = None if ended.answer is None else redacted(ended.answer)
        tx.session.add(row)
        tx.audit(Tag.MODEL_ANSWERED, _said(row), incident=lease.incident)


def _hold(tx: Transaction, lease: Lease | Asker) -> None:
    if isinstance(lease, Lease):
        held(tx, lease)


def _said(row: ConsultationRow) -> JsonObject:
    return {
        "n": row.id,
        "outcome": row.outcome,
        "prompt": row.prompt,
        "answered_by": row.answered_by,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "estimated": row.estimated,
        "cost_millionths": row.cost,
        "claims": row.claims,
        "dropped": row.dropped,
    }


def kept(session: Session, incident: int, key: str) -> JsonObject | None:
    """The answer that this very question got in this incident, if it got one."""
    same = select(ConsultationRow.answer).where(
        ConsultationRow.incident == incident,
        ConsultationRow.key == key,
        ConsultationRow.outcome == "answered",
    )
    found = session.exec(same.order_by(col(ConsultationRow.id).desc())).first()
    return None if found is None else dict(found)


def spent_on(session: Session, incident: int) -> tuple[int, int]:
    """The questions and the tokens of one incident, over all its rounds and all that was killed."""
    told = col(ConsultationRow.input_tokens) + col(ConsultationRow.output_tokens)
    tokens = func.sum(func.coalesce(told, col(ConsultationRow.reserved)))
    query = select(func.count(), tokens).where(ConsultationRow.incident == incident)
    count, total = session.exec(query).one()
    return int(count), int(total or 0)


def of_incident(session: Session, incident: int) -> list[Consultation]:
    """The questions about one incident in order."""
    query = select(ConsultationRow).where(ConsultationRow.incident == incident)
    return [_told(row) for row in session.exec(query.order_by(col(ConsultationRow.id)))]


def _told(row: ConsultationRow) -> Consultation:
    known = row.input_tokens is not None and row.output_tokens is not None
    return Consultation(
        number=row.id or 0,
        turn=row.round,
        stage=row.stage,
        prompt=row.prompt,
        model=row.model,
        asked_at=row.asked_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        problem=row.problem,
        answered_by=row.answered_by,
        tokens=(row.input_tokens or 0) + (row.output_tokens or 0) if known else None,
        estimated=row.estimated,
        cost=row.cost,
        claims=row.claims,
        dropped=row.dropped,
    )


def tallies(session: Session, since: datetime | None = None) -> list[Tally]:
    """What each model was asked, claimed and cost, since a moment or ever, by its name."""
    tokens = col(ConsultationRow.input_tokens) + col(ConsultationRow.output_tokens)
    row = ConsultationRow
    query = sql_select(
        col(row.model),
        func.count(),
        func.count().filter(col(row.outcome) == "answered"),
        func.sum(row.claims),
        func.sum(row.dropped),
        func.sum(func.coalesce(tokens, col(row.reserved))),
        func.count(col(row.cost)),
        func.sum(row.cost),
    ).group_by(col(row.model))
    if since is not None:
        query = query.where(col(row.asked_at) > since)
    found = session.connection().execute(query.order_by(col(row.model)))
    return [_tally(*one) for one in found]


def _tally(model: str, questions: int, answered: int, *sums: int | None) -> Tally:
    claims, dropped, tokens, priced, cost = (one or 0 for one in sums)
    return Tally(
        model=model,
        questions=questions,
        answered=answered,
        claims=claims,
        dropped=dropped,
        tokens=tokens,
        cost=None if priced < questions else int(cost),
    )
