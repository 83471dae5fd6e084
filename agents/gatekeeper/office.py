"""What the gatekeeper works with where there is a chat: its bench, Slack, and what Slack said of people."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from agents.gatekeeper.bench import Bench
from agents.gatekeeper.clicks import Home, Person
from agents.ledger.accounts import CLICK_MAY_RELY_ON
from tools.slack import Slack, SlackError, SlackRefused, SlackUnreachable

FRESH_S = CLICK_MAY_RELY_ON.total_seconds()
LONGEST_PUT_OFF_S = 15.0


@dataclass(kw_only=True)
class Office(Bench):
    """One gatekeeper."""

    slack: Slack
    home: Home
    bot_user_id: str = ""
    """Our own account: whoever names it in a thread asks us."""
    asks_model: bool = False
    """Whether the investigator has a model: who answers questions has none, and no key of one."""
    limit_factor: float = 2.0
    """By how much an edit may raise a value at most; the policy can say less."""
    click_waits_s: float = 1.5
    """How long a click waits for Slack to say who is in the groups: half of what it has in all."""
    attendance: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """One question at a time about who is in the groups of the roster: who comes second finds the answer."""
    _people: dict[str, tuple[float, Person]] = field(default_factory=dict, repr=False)
    _posting: dict[int, asyncio.Lock] = field(default_factory=dict, repr=False)
    _put_off: dict[int, float] = field(default_factory=dict, repr=False)

    def posting(self, incident: int) -> asyncio.Lock:
        """One writer a card: two advances of one incident never post side by side."""
        return self._posting.setdefault(incident, asyncio.Lock())

    def put_off(self, incident: int, seconds: float) -> bool:
        """Whether what can wait is put off for these seconds; not for ever, whatever else there is to say."""
        since = self._put_off.setdefault(incident, time.monotonic())
        if seconds and time.monotonic() - since < LONGEST_PUT_OFF_S:
            return True
        del self._put_off[incident]
        return False

    async def person(self, user_id: str) -> Person | None:
        """The account, at most a minute old, or None when Slack would not say."""
        return self._fresh(user_id) or await self.look(user_id)

    async def heard_of(self, user_id: str) -> Person | None:
        """The account, at most a minute old, or None when Slack says that there is none.

        Raises SlackUnreachable: that nobody can be asked is no answer.
        """
        try:
            return self._fresh(user_id) or await self._asked(user_id)
        except SlackRefused as problem:
            if problem.is_of_account:
                return None
            raise SlackUnreachable(str(problem)) from problem

    async def look(self, user_id: str) -> Person | None:
        """The account as it is now, or None when Slack would not say."""
        try:
            return await self._asked(user_id)
        # Not known is not allowed: the click is refused with a reason and can be made again.
        except SlackError:
            return None

    def _fresh(self, user_id: str) -> Person | None:
        seen = self._people.get(user_id)
        return seen[1] if seen is not None and time.monotonic() - seen[0] < FRESH_S else None

    async def _asked(self, user_id: str) -> Person:
        asked = time.monotonic()
        account = await self.slack.user(user_id)
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
