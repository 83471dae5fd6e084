"""Who is in the user groups of the roster: kept under the gatekeeper's seal, relied on for minutes (P5).

The actor has no chat token. What the gatekeeper saw lies here, and both make the same roster of it: a look
that is missing, old, or not as it was sealed gives nobody of that group a right.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import ValidationError
from sqlmodel import Session

from agents.ledger.accounts import SeenGroup
from agents.ledger.roster import Roster, RosterFile
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from agents.ledger.tables_looks import ChatGroupRow
from agents.ledger.tags import Tag


def record(ledger: Ledger, seen: SeenGroup) -> None:
    """Keep the newest look; who came and who left since the one before is said in the record."""
    with ledger.write() as tx:
        # Nobody claims meanwhile: of a claim and somebody's leaving, the record has an order.
        tx.alone()
        row = tx.session.get(ChatGroupRow, (seen.team_id, seen.group))
        # Of two looks that overlapped the later one stands; one that pretends to be of tomorrow does not.
        if row is not None and seen.at < row.seen_at <= tx.now:
            return
        before = set(row.members.split()) if row is not None else set()
        came, left = sorted(set(seen.members) - before), sorted(before - set(seen.members))
        if row is None or came or left or row.flaw != seen.flaw:
            said = {"team": seen.team_id, "group": seen.group, "came": came, "left": left, "flaw": seen.flaw}
            tx.audit(Tag.GROUP_CHANGED, said)
        new = ChatGroupRow(
            team_id=seen.team_id,
            group_id=seen.group,
            handle=seen.handle,
            members=" ".join(seen.members),
            flaw=seen.flaw,
            seen_at=seen.at,
            mac=seen.mac,
        )
        tx.session.merge(new)


def last_seen(session: Session, team_id: str, group: str) -> SeenGroup | None:
    """The newest look at this group; None where there is none, or none that makes sense."""
    row = session.get(ChatGroupRow, (team_id, group))
    if row is None:
        return None
    try:
        return SeenGroup(
            team_id=row.team_id,
            group=row.group_id,
            handle=row.handle,
            members=tuple(row.members.split()),
            flaw=row.flaw,
            at=row.seen_at,
            mac=row.mac,
        )
    except ValidationError:
        # Whoever owns the database can put anything into it, also what no look ever was.
        return None


def resolved(file: RosterFile, ledger: Ledger, seal: SealKey, within: timedelta) -> Roster:
    """The roster with those who are in its groups, by looks not older than ``within``.

    Blocking. Raises LedgerUnavailable.
    """
    if not file.groups:
        return file.with_members(())
    with ledger.read() as session:
        looks = [last_seen(session, one.team_id, one.group) for one in file.groups]
    now = ledger.now()
    # One from the future would count for as long as a clock was set back.
    fresh = [look for look in looks if look is not None and timedelta(0) <= now - look.at <= within]
    return file.with_members(look for look in fresh if seal.vouches(look))
