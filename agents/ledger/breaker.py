"""The circuit breaker over all incidents: whether a model may be asked one more time.

Derived from the questions in the ledger and nothing else, so it holds over all workers and restarts, and
whoever only looks (``midwatch check``) sees the same. Two things open it: the tokens of an hour, and failures
of one model in a row. The first is over all models, for there is one bill; the second is for each, for a
cheap one may answer while a strong one is down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from agents.ledger.tables_model import ConsultationRow

HOUR = timedelta(hours=1)
MOST_DOUBLINGS = 4
"""A rest grows to sixteen times its first length and no further: a mended model must be found again."""


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """The limits: tokens of an hour, failures in a row, and how long the first rest is."""

    tokens_per_hour: int = 500_000
    failures: int = 5
    rest_s: float = 60.0

    def rests_until(self, ended: Sequence[tuple[datetime, bool]]) -> datetime | None:
        """Until when a model rests, by its last questions, newest first: when each ended and whether well."""
        in_a_row = next((n for n, (_, well) in enumerate(ended) if well), len(ended))
        if in_a_row < self.failures:
            return None
        doublings = min(in_a_row - self.failures, MOST_DOUBLINGS)
        return ended[0][0] + timedelta(seconds=self.rest_s * 2**doublings)


def against(session: Session, now: datetime, question: tuple[str, int], breaker: Breaker) -> str:
    """Why this model (its name, and the tokens that a question may take) is not asked now, or nothing."""
    model, tokens = question
    spent = spent_since(session, now - HOUR)
    if spent + tokens > breaker.tokens_per_hour:
        most = breaker.tokens_per_hour
        return f"{spent} of the {most} tokens for an hour, over all incidents, are spent or taken"
    ended = _ended(session, model, breaker.failures + MOST_DOUBLINGS)
    until = breaker.rests_until([(at, well) for at, well, _ in ended])
    if until is None:
        return ""
    what = f"{model} failed {breaker.failures} times in a row or more, the last time: {ended[0][2]}"
    if until > now:
        return f"{what}; it rests until {until:%H:%M:%S} UTC"
    # After the rest one question tries it; the others would only wait for the same failure.
    return f"{what}; another incident is just trying it" if _tried(session, model, now) else ""


def spent_since(session: Session, since: datetime) -> int:
    """The tokens of all questions since then; one without an answer counts with all it may take."""
    told = col(ConsultationRow.input_tokens) + col(ConsultationRow.output_tokens)
    total = func.sum(func.coalesce(told, col(ConsultationRow.reserved)))
    return int(session.exec(select(total).where(col(ConsultationRow.asked_at) > since)).one() or 0)


def _ended(session: Session, model: str, most: int) -> list[tuple[datetime, bool, str]]:
    of_model = select(ConsultationRow).where(
        ConsultationRow.model == model, col(ConsultationRow.ended_at).is_not(None)
    )
    newest = of_model.order_by(col(ConsultationRow.ended_at).desc(), col(ConsultationRow.id).desc())
    rows = session.exec(newest.limit(most))
    return [(row.ended_at, row.outcome == "answered", row.problem) for row in rows if row.ended_at]


def _tried(session: Session, model: str, now: datetime) -> bool:
    open_now = select(ConsultationRow.id).where(
        ConsultationRow.model == model,
        col(ConsultationRow.ended_at).is_(None),
        col(ConsultationRow.until_at) > now,
    )
    return session.exec(open_now).first() is not None
