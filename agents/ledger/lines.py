"""Places among a channel's cards, and the line of those that wait for one (threat T33).

A plan that waits for a signature has a place, and so has a draft that was given one and is about to be
posted. Everybody else is a line of the channel's digest; the order of the lines is the order in which
places are given: what asks for a signature first, then the gravest, then the oldest. Whatever changes a
line wakes the digest in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, and_, col, select

from agents.ledger.notification import RANK
from agents.ledger.protocol import Agent, Objection, PlanState
from agents.ledger.store import Transaction
from agents.ledger.tables import IncidentRow, PlanRow, ProposalRow
from agents.ledger.tables_chat import DigestLineRow, DigestRow
from tools.queue.port import Job

MOST_ASKING = 5
"""How many plans may wait for a signature in one channel at a time (threat T33)."""
LANE = "digest"
"""The queue's lane of digests; its jobs carry a digest's number, so no two workers write one at once."""
EVERY = timedelta(seconds=5)
"""A digest is brought up to date so often at most: what had to wait a second only is never told."""
NOWHERE = "nowhere"
"""Where the cards of a Midwatch without a chat would be: its places are counted like those of a channel, and
a draft that has none yet is not among them."""
AGAIN = timedelta(minutes=2)
"""Whoever waits looks again after this: cards also stop being new, and nobody says so."""
_WAITS = and_(
    col(ProposalRow.state) == PlanState.DRAFT.value,
    col(ProposalRow.obstacle) == Objection.CHANNEL_FULL.value,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One incident and what decides when its turn is."""

    incident: int
    asks: bool
    severity: str
    opened_at: datetime

    @property
    def order(self) -> tuple[bool, int, datetime, int]:
        """Smaller comes sooner."""
        return not self.asks, -RANK.get(self.severity, 0), self.opened_at, self.incident


def holders(session: Session, channel_id: str) -> set[int]:
    """The incidents whose plans have a place in the channel."""
    place = and_(
        col(ProposalRow.state).in_([PlanState.DRAFT.value, PlanState.PENDING.value]),
        col(ProposalRow.channel_id) == channel_id,
        col(ProposalRow.obstacle) != Objection.CHANNEL_FULL.value,
    )
    return set(session.exec(select(PlanRow.incident).join(ProposalRow).where(place)))


def waits(session: Session, incident: int) -> bool:
    """Whether a draft of the incident waits for a place."""
    query = select(PlanRow.id).join(ProposalRow).where(PlanRow.incident == incident, _WAITS)
    return session.exec(query).first() is not None


def asking(session: Session, incident: int) -> Line:
    """The incident as one that asks for a signature."""
    return _line(session.get_one(IncidentRow, incident), asks=True)


def telling(session: Session, incident: int) -> Line:
    """The incident as one that asks nothing."""
    return _line(session.get_one(IncidentRow, incident), asks=False)


def _line(row: IncidentRow, *, asks: bool) -> Line:
    return Line(incident=row.number or 0, asks=asks, severity=row.severity, opened_at=row.opened_at)


def in_line(session: Session, channel_id: str) -> list[Line]:
    """The lines of a channel's digest, in the order in which they get a place."""
    query = select(IncidentRow.number, IncidentRow.severity, IncidentRow.opened_at)
    query = query.join(DigestLineRow, col(DigestLineRow.incident) == col(IncidentRow.number))
    rows = session.exec(query.where(DigestLineRow.channel_id == channel_id)).all()
    if not rows:
        return []
    asks = set(session.exec(select(PlanRow.incident).join(ProposalRow).where(_WAITS)))
    found = [
        Line(incident=number or 0, asks=number in asks, severity=severity, opened_at=opened)
        for number, severity, opened in rows
    ]
    return sorted(found, key=lambda one: one.order)


def ahead(session: Session, channel_id: str, mine: Line) -> int:
    """How many of the same kind have their turn before this one."""
    others = (one for one in in_line(session, channel_id) if one.asks == mine.asks)
    return sum(one.order < mine.order for one in others if one.incident != mine.incident)


def list_in(tx: Transaction, channel_id: str, incident: int) -> bool:
    """Let the channel's digest tell an incident; whether that is new."""
    tx.wake(Agent.GATEKEEPER, incident, tx.now + AGAIN)
    row = tx.session.get(DigestLineRow, incident)
    new = row is None or row.channel_id != channel_id
    if new:
        # Another route may lead it to another channel while it waits.
        leave(tx, incident)
        tx.session.add(DigestLineRow(incident=incident, channel_id=channel_id, since=tx.now))
        digest = _open(tx.session, channel_id)
        if digest is None:
            digest = DigestRow(channel_id=channel_id, open_key=channel_id, begun_at=tx.now)
        digest.told += 1
        tx.session.add(digest)
        tx.session.flush()
    touch(tx, channel_id)
    return new


def leave(tx: Transaction, incident: int) -> bool:
    """Take an incident off its digest; whether it was there."""
    row = tx.session.get(DigestLineRow, incident)
    if row is None:
        return False
    tx.session.delete(row)
    tx.session.flush()
    touch(tx, row.channel_id)
    return True


def place_of(session: Session, proposal: ProposalRow) -> str:
    """The channel in which a plan has a place, or waits for one; empty when neither."""
    if PlanState(proposal.state) not in {PlanState.DRAFT, PlanState.PENDING}:
        return ""
    if proposal.obstacle != Objection.CHANNEL_FULL.value:
        return proposal.channel_id
    row = session.get(DigestLineRow, session.get_one(PlanRow, proposal.plan_id).incident)
    return row.channel_id if row else ""


def room_in(tx: Transaction, channel_id: str) -> None:
    """A place became free, or somebody waits no more: those whose turn is next are looked at."""
    tx.session.flush()
    for one in in_line(tx.session, channel_id)[:MOST_ASKING]:
        tx.wake(Agent.GATEKEEPER, one.incident)
    touch(tx, channel_id)


def touch(tx: Transaction, channel_id: str) -> None:
    """Bring the channel's digest up to date soon, if there is one."""
    digest = _open(tx.session, channel_id)
    if digest is not None and channel_id != NOWHERE:
        job = Job(lane=LANE, incident=digest.id or 0, run_at=tx.now + EVERY)
        tx.queue.enqueue(tx.session.connection(), job)


def _open(session: Session, channel_id: str) -> DigestRow | None:
    return session.exec(select(DigestRow).where(DigestRow.open_key == channel_id)).first()
