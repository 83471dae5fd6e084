"""Closed incidents as texts to be found again: what fired, what it was, and what was done.

The words are strangers' words, kept as the ledger has them (without secrets); whoever shows them makes
them inert. Nothing that is found here decides anything.

What does not fit the record's own events is left out: an incident that was bent must not teach anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import AwareDatetime
from sqlmodel import Session, col, select

from agents.incident import Hypothesis, IncidentState, Value
from agents.ledger.investigations import diagnosis_of
from agents.ledger.memory import alert_names
from agents.ledger.tables import IncidentRow

MOST = 500
"""How many are searched, the newest: what is older has been seen again or is not missed."""
_CAUSE, _TITLE = 3, 2


class Closed(Value):
    """One closed incident in the words it is found by."""

    number: int
    at: AwareDatetime
    title: str
    alerts: tuple[str, ...]
    cause: Hypothesis | None
    claims: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of its words, each part as often as it weighs."""
        cause = f"{self.cause.code.replace('.', ' ')} {self.cause.sentence}" if self.cause else ""
        return " ".join([*[self.title, *self.alerts] * _TITLE, *[cause] * _CAUSE, *self.claims])


def closed(session: Session) -> Iterator[Closed]:
    """The closed incidents, newest first."""
    rows = select(IncidentRow).where(IncidentRow.state == IncidentState.CLOSED.value)
    for row in session.exec(rows.order_by(col(IncidentRow.number).desc()).limit(MOST)):
        number = row.number or 0
        found = diagnosis_of(session, number)
        yield Closed(
            number=number,
            at=row.closed_at or row.opened_at,
            title=row.title,
            alerts=tuple(sorted(alert_names(session, number))),
            cause=found.cause if found else None,
            claims=tuple(claim.text for claim in found.claims) if found else (),
        )
