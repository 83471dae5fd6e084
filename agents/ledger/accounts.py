"""What is known of an approver's account in the chat, and since when: the claim asks for it (P5).

The actor has no chat token. So the gatekeeper looks at each account whose approval counts, at the
click and again while the plan waits, and leaves what it saw here under its seal. A look at a user group
of the roster is kept likewise (``groups``).
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field
from sqlmodel import Session

from agents.incident import Approver, Value
from agents.ledger.protocol import Agent
from agents.ledger.store import Ledger
from agents.ledger.tables_looks import AccountRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import NonEmpty

CLICK_MAY_RELY_ON = timedelta(seconds=60)
"""How old an answer of the chat may be when it decides about a click."""
CLAIM_MAY_RELY_ON = timedelta(seconds=240)
"""How old a click or a later look may be at the claim; with the minute above, five minutes in all."""
LOOK_EVERY = timedelta(seconds=90)
"""How often an account is looked at again while an approval of its owner counts, and a group at all times."""
MOST_MEMBERS = 500
"""With more people than that a group is no list of those who may sign."""
GroupId = Annotated[str, Field(pattern=r"^S[A-Z0-9]{2,19}$")]
"""A user group, as the chat names it."""


class Seen(Value):
    """One look at an account: whether its owner could still sign, and when that was."""

    approver: Approver
    good: bool
    at: AwareDatetime
    mac: str = ""


class Flaw(StrEnum):
    """Why nobody of a group may sign, whoever is in it; the empty one is no flaw."""

    NONE = ""
    GONE = "there is no such group"
    DISABLED = "it is disabled"
    FOREIGN = "it is another workspace's"
    CROWD = f"more than {MOST_MEMBERS} people are in it"


class SeenGroup(Value):
    """One look at a user group: who was in it, by user id, and when that was."""

    team_id: NonEmpty
    group: GroupId
    handle: str
    members: tuple[NonEmpty, ...]
    flaw: Flaw = Flaw.NONE
    at: AwareDatetime
    mac: str = ""

    @property
    def present(self) -> tuple[str, ...]:
        """Those who were in it, if it is a group to go by."""
        return () if self.flaw else self.members

    @property
    def digest(self) -> str:
        """Of who was in it, for the event that tells of them."""
        return hashlib.sha256(" ".join(self.members).encode()).hexdigest()


def record(ledger: Ledger, incident: int, seen: Seen) -> None:
    """Keep the newest look, and ask for the next; that an account went bad is said in the record."""
    with ledger.write() as tx:
        key = (seen.approver.team_id, seen.approver.user_id)
        row = tx.session.get(AccountRow, key)
        if not seen.good and (row is None or row.good):
            tx.audit(Tag.APPROVER_LOST, seen.approver.model_dump(), incident=incident)
        new = AccountRow(team_id=key[0], user_id=key[1], good=seen.good, seen_at=seen.at, mac=seen.mac)
        tx.session.merge(new)
        tx.wake(Agent.GATEKEEPER, incident, tx.now + LOOK_EVERY / 3)


def look_later(ledger: Ledger, incident: int) -> None:
    """Ask for the next look at the accounts behind the approvals of this incident's plan."""
    with ledger.write() as tx:
        tx.wake(Agent.GATEKEEPER, incident, tx.now + LOOK_EVERY / 3)


def last_seen(session: Session, approver: Approver) -> Seen | None:
    """The newest look at this account, or None."""
    row = session.get(AccountRow, (approver.team_id, approver.user_id))
    if row is None:
        return None
    return Seen(approver=approver, good=row.good, at=row.seen_at, mac=row.mac)


def in_good_standing(clicked_at: datetime, seen: Seen | None, now: datetime) -> bool:
    """Whether what is known is good and not too old. The click itself was a look as well."""
    if seen is None or seen.at < clicked_at:
        return now - clicked_at <= CLAIM_MAY_RELY_ON
    return seen.good and now - seen.at <= CLAIM_MAY_RELY_ON


def speaks_against(decided_at: datetime, asked: bool, seen: Seen | None) -> bool:
    """Whether a look says that whoever signed without a click may not; ``asked``: the chat was asked then.

    The key in the roster says who may, and that is read again at the claim. What the chat knows counts
    when it knows something: a good answer at the signature makes an older bad one worthless.
    """
    return seen is not None and not seen.good and (seen.at >= decided_at or not asked)
