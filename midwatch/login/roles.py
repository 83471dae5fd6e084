"""Which role somebody has, asked anew at every request: the settings' lists, and for Slack the roster."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from agents.incident import Approver
from agents.ledger import accounts, groups
from agents.ledger.accounts import CLAIM_MAY_RELY_ON
from agents.ledger.roster import Roster, roster_or_nobody
from agents.ledger.seals import SealKey
from agents.ledger.sessions import Account
from agents.ledger.store import Ledger
from midwatch.settings import Settings
from midwatch.wiring import roster_of, seal_of

ROSTER_FOR_S = 10.0
"""How long the roster is remembered between requests: reading a long one takes as long as a page."""


class Role(IntEnum):
    """What somebody may do at the pages; each may what the ones before it may."""

    VIEWER = 1
    APPROVER = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """What people call it."""
        return self.name.lower()


@dataclass(kw_only=True)
class Roles:
    """The lists and the roster. Whoever is in none of them has no role."""

    ledger: Ledger
    roster_file: Path
    seal: SealKey
    lists: tuple[tuple[Role, frozenset[str]], ...]
    _roster: Roster = field(default_factory=Roster, repr=False)
    _read_at: float = field(default=float("-inf"), repr=False)

    @classmethod
    def of(cls, settings: Settings, ledger: Ledger) -> Roles:
        """As the settings say."""
        lists = (
            (Role.ADMIN, frozenset(settings.login_admins)),
            (Role.APPROVER, frozenset(settings.login_approvers)),
            (Role.VIEWER, frozenset(settings.login_viewers)),
        )
        return cls(ledger=ledger, roster_file=roster_of(settings), seal=seal_of(settings), lists=lists)

    def role(self, account: Account) -> Role | None:
        """The highest role of this account, or None. Blocking: it may read the roster and the ledger."""
        if account.method == "token":
            return Role.ADMIN
        person = _approver(account)
        if person is not None and self._gone(person):
            return None
        # The lists go from the highest role down, so the first that names somebody is the one.
        named = next((role for role, names in self.lists if not names.isdisjoint(account.ids)), None)
        if named is None or named < Role.APPROVER:
            return Role.APPROVER if person is not None and self._listed(person) else named
        return named

    def _listed(self, person: Approver) -> bool:
        now = time.monotonic()
        if now - self._read_at > ROSTER_FOR_S:
            # Anything wrong with the file means nobody, here as at the click.
            # Who is in its groups is what the gatekeeper saw last, within the minutes that a claim allows.
            file = roster_or_nobody(self.roster_file)
            self._roster = groups.resolved(file, self.ledger, self.seal, CLAIM_MAY_RELY_ON)
            self._read_at = now
        return self._roster.listed(person)

    def _gone(self, person: Approver) -> bool:
        """Whether the chat said last that the account is deactivated; that it is good is not asked here."""
        with self.ledger.read() as session:
            seen = accounts.last_seen(session, person)
        return seen is not None and not seen.good


def _approver(account: Account) -> Approver | None:
    if account.method != "slack":
        return None
    team_id, _, user_id = account.subject.partition("/")
    return Approver(team_id=team_id, user_id=user_id)


def ids_of_slack(team: str, user: str) -> frozenset[str]:
    """What the lists may call a Slack account.

    No e-mail: in Slack that is what its owner says.
    """
    return frozenset({f"slack:{team}/{user}", f"slack:{team}/*"})


def ids_of_email(email: str) -> frozenset[str]:
    """What the lists may call a verified address: the whole, or its domain."""
    name, at, domain = email.lower().rpartition("@")
    return (
        frozenset({f"email:{name}@{domain}", f"email:@{domain}"}) if name and at and domain else frozenset()
    )


def ids_of_groups(groups: Iterable[object]) -> frozenset[str]:
    """What the lists may call the groups of somebody."""
    return frozenset(f"group:{one.strip()}" for one in groups if isinstance(one, str) and one.strip())
