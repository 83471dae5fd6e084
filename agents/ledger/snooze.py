"""Letting the calls about one incident rest: for a while, or until it is over. Nothing expires later for it.

A snooze quiets what calls people by name. The card stays up to date, a plan still expires when it
says so, and whoever looks sees who asked for quiet.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime
from sqlmodel import Session

from agents.incident import Approver, Value
from agents.ledger.protocol import Agent
from agents.ledger.store import Ledger
from agents.ledger.tables import IncidentRow
from agents.ledger.tables_people import SnoozeRow
from agents.ledger.tags import Tag


class Rest(StrEnum):
    """How long calls rest; the value is what a menu sends."""

    QUARTER = "15m"
    HOUR = "1h"
    UNTIL_OVER = "over"

    @property
    def time(self) -> timedelta | None:
        """How long, or None until the incident is over."""
        return {Rest.QUARTER: timedelta(minutes=15), Rest.HOUR: timedelta(hours=1)}.get(self)

    @property
    def says(self) -> str:
        """The words of the menu."""
        known = {Rest.QUARTER: "for 15 minutes", Rest.HOUR: "for an hour"}
        return known.get(self, "until it is over")


class Snooze(Value):
    """Who let calls rest, from when, and until when; no end means until the incident is over."""

    by: Approver
    at: AwareDatetime
    until: AwareDatetime | None

    def holds(self, now: datetime) -> bool:
        """Whether calls still rest."""
        return self.until is None or now < self.until


def rest(ledger: Ledger, incident: int, by: Approver, wanted: Rest) -> Snooze | None:
    """Let the calls about an incident rest; None when there is no such incident. The last wish counts."""
    with ledger.write() as tx:
        tx.alone()
        if tx.session.get(IncidentRow, incident) is None:
            return None
        # By the database's clock, like every other time that people wait for.
        until = tx.now + wanted.time if wanted.time else None
        tx.session.merge(SnoozeRow(incident=incident, **by.model_dump(), at=tx.now, until_at=until))
        said = {"by": by.model_dump(), "until": until.isoformat() if until else wanted.says}
        tx.audit(Tag.CALLS_SNOOZED, said, incident=incident)
        tx.wake(Agent.GATEKEEPER, incident)
        return Snooze(by=by, at=tx.now, until=until)


def look_again(ledger: Ledger, incident: int, at: datetime) -> None:
    """Look at the incident once more at this time: calls that rested are due, or a card says it is over."""
    with ledger.write() as tx:
        tx.wake(Agent.GATEKEEPER, incident, at)


def of_incident(session: Session, incident: int) -> Snooze | None:
    """The newest wish, or None."""
    row = session.get(SnoozeRow, incident)
    if row is None:
        return None
    return Snooze(by=Approver(team_id=row.team_id, user_id=row.user_id), at=row.at, until=row.until_at)
