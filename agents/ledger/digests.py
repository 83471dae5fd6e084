"""A channel's digest as it is to be told: its lines, how many are asked about now, and where it stands."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from agents.incident import Diagnosis, Incident, Plan, Value
from agents.ledger import incidents, investigations, lines, moves
from agents.ledger.moves import Standing
from agents.ledger.previews import Posted
from agents.ledger.protocol import PlanState
from agents.ledger.store import Ledger
from agents.ledger.tables import IncidentRow
from agents.ledger.tables_chat import DigestLineRow, DigestRow
from agents.ledger.tags import Tag

MOST_TOLD = 10
"""Incidents of which a digest tells more than that they are there: nobody reads on at night."""


class Waiting(Value):
    """One incident of a digest: what is believed, what is proposed, and since when it waits."""

    incident: Incident
    diagnosis: Diagnosis | None
    plan: Plan | None
    state: PlanState | None
    since: datetime


class Digest(Value):
    """One digest. ``first`` are told, ``more`` are counted; ``told`` is how many it had in all.

    ``tried``: it was about to be posted, or is; ``shown`` is the digest of what its message shows.
    """

    number: int
    channel_id: str
    message_ts: str
    shown: str
    tried: bool
    told: int
    open: bool
    asked: int
    first: tuple[Waiting, ...]
    more: int

    @property
    def waiting(self) -> int:
        """How many incidents wait now."""
        return len(self.first) + self.more


def digest(ledger: Ledger, number: int) -> Digest | None:
    """The digest with this number, or None."""
    with ledger.read() as session:
        row = session.get(DigestRow, number)
        if row is None:
            return None
        line = lines.in_line(session, row.channel_id) if row.open_key else []
        return Digest(
            number=number,
            channel_id=row.channel_id,
            message_ts=row.message_ts,
            shown=row.shown,
            tried=row.tried_at is not None,
            told=row.told,
            open=row.open_key is not None,
            asked=len(lines.holders(session, row.channel_id)),
            first=tuple(_waiting(session, one.incident) for one in line[:MOST_TOLD]),
            more=len(line[MOST_TOLD:]),
        )


def _waiting(session: Session, incident: int) -> Waiting:
    plans = [moves.standing(session, plan_id) for plan_id in moves.plan_ids(session, incident)]
    # A bent plan is called out by its incident's own card.
    newest = next((one for one in reversed(plans) if isinstance(one, Standing)), None)
    return Waiting(
        incident=incidents.value_of(session, session.get_one(IncidentRow, incident)),
        diagnosis=investigations.diagnosis_of(session, incident),
        plan=newest.plan if newest else None,
        state=newest.state if newest else None,
        since=session.get_one(DigestLineRow, incident).since,
    )


def intend(ledger: Ledger, number: int) -> None:
    """Note that a digest is about to be posted: whoever comes after a crash looks for it first."""
    with ledger.write() as tx:
        # Before the row, always: whoever lists an incident holds the record's lock when it counts there.
        tx.alone()
        row = tx.session.get_one(DigestRow, number)
        row.tried_at = row.tried_at or tx.now
        tx.session.add(row)


def record(ledger: Ledger, number: int, posted: Posted, waiting: int) -> None:
    """The digest is up, or shows something new."""
    with ledger.write() as tx:
        tx.alone()
        row = tx.session.get_one(DigestRow, number)
        tag = Tag.DIGEST_UPDATED if row.message_ts else Tag.DIGEST_POSTED
        row.message_ts, row.shown = posted.message_ts, posted.card_digest
        tx.session.add(row)
        tx.audit(tag, {"channel": row.channel_id, "ts": posted.message_ts, "waiting": waiting})


def end(ledger: Ledger, number: int) -> bool:
    """The storm is over, unless somebody waits again by now: the next one has a digest of its own."""
    with ledger.write() as tx:
        tx.alone()
        row = tx.session.get_one(DigestRow, number)
        still = select(DigestLineRow.incident).where(DigestLineRow.channel_id == row.channel_id)
        if tx.session.exec(still).first() is not None:
            return False
        row.open_key = None
        tx.session.add(row)
        return True
