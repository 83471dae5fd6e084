"""The chat as those may use it who have no token of it: somebody else's, and perhaps not there yet."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agents.ledger.store import Ledger

if TYPE_CHECKING:
    from agents.gatekeeper.clicks import Person
    from agents.gatekeeper.office import Office

logger = logging.getLogger("midwatch.channel")


@dataclass(kw_only=True)
class Channel:
    """An outlet that posts through the gatekeeper's office once there is one; the auditor holds no token."""

    ledger: Ledger
    office: Office | None = None
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it was tried for the first time: before that nobody knows whether the chat is away."""

    async def post(self, text: str, key: str) -> str:
        """Say it in the channel once; where it stands, or nothing when the chat is away."""
        from agents.gatekeeper.posting import announce
        from tools.slack import SlackError

        if self.office is None:
            return ""
        try:
            return await announce(self.office, text, key)
        except SlackError as problem:
            # Asked again with the next look; the anchor file has it meanwhile.
            logger.warning("the chat did not take a word about the record: %s", problem)
            return ""

    async def person(self, user_id: str) -> Person | None:
        """The account as the chat has it, or None when it has none. Raises SlackUnreachable."""
        from tools.slack import SlackUnreachable

        if self.office is None:
            raise SlackUnreachable("there is no chat yet")
        return await self.office.heard_of(user_id)
