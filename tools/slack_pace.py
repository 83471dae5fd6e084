"""How fast Slack may be spoken to, as its documentation of rate limits says.

``chat.postMessage`` is in a tier of its own: one message a second a channel, short bursts are let through.
``chat.update`` is in tier 3: fifty a minute and more for the whole workspace. What is beyond is answered
with 429, which the client waits out as it is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tools.pacing import Bucket, Rate, Urgency

POSTS = Rate(per_second=1.0, burst=5, kept=3)
UPDATES = Rate(per_second=50 / 60, burst=20, kept=10)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The turns of one client. ``factor`` 1 is what is published; more where Slack granted more.

    ``clock`` and ``sleep`` are in seconds.
    """

    factor: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _posts: dict[str, Bucket] = field(default_factory=dict, repr=False)
    _updates: list[Bucket] = field(default_factory=list, repr=False)

    async def post(self, channel: str, urgency: Urgency) -> None:
        """Wait until one more message may be posted into the channel."""
        await self._of(channel).turn(urgency)

    async def update(self, channel: str, urgency: Urgency) -> None:
        """Wait until one more message may be changed; the channels take turns."""
        await self._updating().turn(urgency, channel)

    def spare_post(self, channel: str) -> float:
        """Seconds until a message that is not urgent would go into the channel at once."""
        return self._of(channel).spare()

    def spare_update(self) -> float:
        """Seconds until a change that is not urgent would be made at once."""
        return self._updating().spare()

    def _of(self, channel: str) -> Bucket:
        if channel not in self._posts:
            self._posts[channel] = self._bucket(POSTS)
        return self._posts[channel]

    def _updating(self) -> Bucket:
        if not self._updates:
            self._updates.append(self._bucket(UPDATES))
        return self._updates[0]

    def _bucket(self, rate: Rate) -> Bucket:
        burst, kept = (max(1, round(many * self.factor)) for many in (rate.burst, rate.kept))
        scaled = Rate(per_second=rate.per_second * self.factor, burst=burst, kept=kept)
        return Bucket(rate=scaled, clock=self.clock, sleep=self.sleep)
