"""What the gatekeeper works with: the ledger, the chat, the roster and the seal."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from agents.gatekeeper.clicks import Home, Person
from agents.incident import Incident
from agents.ledger.accounts import CLICK_MAY_RELY_ON
from agents.ledger.roster import roster_or_nobody
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from tools.kubernetes.approvals import Approvals
from tools.policy.load import PolicyFile
from tools.slack import Slack, SlackError

FRESH_S = CLICK_MAY_RELY_ON.total_seconds()


@dataclass(kw_only=True)
class Office:
    """One gatekeeper."""

    ledger: Ledger
    slack: Slack
    seal: SealKey
    roster_file: Path
    halt_file: Path
    channel_id: str
    home: Home
    public_url: str
    bot_user_id: str = ""
    """Our own account: whoever names it in a thread asks us."""
    policy_file: PolicyFile = field(default_factory=PolicyFile)
    limit_factor: float = 2.0
    """By how much an edit may raise a value at most; the policy can say less."""
    approvals: Approvals | None = None
    """Where what was signed is written in sealed mode; None when it is off."""
    click_waits_s: float = 1.5
    """How long a click waits for Slack to say who is in the groups: half of what it has in all."""
    attendance: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """One question at a time about who is in the groups of the roster: who comes second finds the answer."""
    _people: dict[str, tuple[float, Person]] = field(default_factory=dict, repr=False)
    _posting: dict[int, asyncio.Lock] = field(default_factory=dict, repr=False)

    def posting(self, incident: int) -> asyncio.Lock:
        """One writer a card: two advances of one incident never post side by side."""
        return self._posting.setdefault(incident, asyncio.Lock())

    def channel_of(self, incident: Incident) -> str:
        """Where a new card of this incident goes; with a roster that cannot be read, to the usual place."""
        return roster_or_nobody(self.roster_file).channel_of(incident) or self.channel_id

    async def person(self, user_id: str) -> Person | None:
        """The account, at most a minute old, or None when Slack would not say."""
        seen = self._people.get(user_id)
        if seen is not None and time.monotonic() - seen[0] < FRESH_S:
            return seen[1]
        return await self.look(user_id)

    async def look(self, user_id: str) -> Person | None:
        """The account as it is now, or None when Slack would not say."""
        asked = time.monotonic()
        try:
            account = await self.slack.user(user_id)
        # Not known is not allowed: the click is refused with a reason and can be made again.
        except SlackError:
            return None
        person = Person(
            id=str(account.get("id", "")),
            team_id=str(account.get("team_id", "")),
            is_bot=bool(account.get("is_bot", True)),
            # These are absent for ordinary people; only their presence says something.
            is_app_user=bool(account.get("is_app_user")),
            is_workflow_bot=bool(account.get("is_workflow_bot")),
            is_guest=bool(account.get("is_restricted", True) or account.get("is_ultra_restricted", True)),
            is_stranger=bool(account.get("is_stranger")),
            deleted=bool(account.get("deleted", True)),
        )
        self._people[user_id] = (asked, person)
        return person
