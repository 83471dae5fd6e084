"""Who is in the user groups of the roster: kept under the gatekeeper's seal, relied on for minutes (P5).

The actor has no chat token. What the gatekeeper saw lies here, and both make the same roster of it: a look
that is missing, old, or not as it was sealed gives nobody of that group a right.
"""

from __future__ import annotations

from datetime import timedelta

import orjson
from pydantic import ValidationError
from sqlmodel import Session, col, select

from agents.ledger.accounts import SeenGroup
from agents.ledger.roster import Roster, RosterFile
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow
from agents.ledger.tables_looks import ChatGroupRow
from agents.ledger.tags import Tag

MOST_EVENTS = 100
"""A group whose last change lies further back among those of all groups is said once more."""


def record(ledger: Ledger, seen: SeenGroup) -> None:
    """Keep the newest look; who came and who left since the one before is said in the record."""
    with ledger.write() as tx:
        # Nobody claims meanwhile: of a claim and somebody's leaving, the record has an order.
        tx.alone()
        row = tx.session.get(ChatGroupRow, (seen.team_id, seen.group))
        # Of two looks that overlapped the later one stands; one that pretends to be of tomorrow does not.
        if row is not None and seen.at < row.seen_at <= tx.now:
            return
        if not _on_record(tx.session, seen):
            before = set(row.members.split()) if row is not None else set()
            came, left = sorted(set(seen.members) - before), sorted(before - set(seen.members))
            said = {"team": seen.team_id, "group": seen.group, "members": seen.digest, "flaw": seen.flaw}
            tx.audit(Tag.GROUP_CHANGED, said | {"came": came, "left": left})
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


def _on_record(session: Session, seen: SeenGroup) -> bool:
    """Whether the record's last word on the group is what this look says.

    A look that was true some minutes ago can be put back by whoever owns the database; the event of what
    changed since cannot be taken out of the record.
    """
    query = select(AuditRow.body).where(AuditRow.tag == Tag.GROUP_CHANGED.value)
    newest = query.order_by(col(AuditRow.seq).desc()).limit(MOST_EVENTS)
    try:
        told = (orjson.loads(body)["body"] for body in session.exec(newest).all())
        ours = (one for one in told if (one["team"], one["group"]) == (seen.team_id, seen.group))
        last = next(ours, None)
        return last is not None and (last["members"], last["flaw"]) == (seen.digest, seen.flaw)
    except (ValueError, TypeError, KeyError):
        # Somebody wrote what is no event of ours.
        return False


def resolved(file: RosterFile, ledger: Ledger, seal: SealKey, within: timedelta) -> Roster:
    """The roster with those who are in its groups, by looks not older than ``within``.

    They count as far as the record bears them out. Blocking. Raises LedgerUnavailable.
    """
    if not file.groups:
        return file.with_members(())
    with ledger.read() as session:
        kept = [last_seen(session, one.team_id, one.group) for one in file.groups]
        looks = [look for look in kept if look is not None and _on_record(session, look)]
    now = ledger.now()
    # One from the future would count for as long as a clock was set back.
    fresh = [look for look in looks if timedelta(0) <= now - look.at <= within]
    return file.with_members(look for look in fresh if seal.vouches(look))
