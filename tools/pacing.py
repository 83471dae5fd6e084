"""Not faster than the other side takes it: turns from a token bucket, by urgency and then fairly.

Whoever waits asks again when its turn may have come; nothing runs in between, so a bucket belongs to no
event loop. The more urgent goes first, and among equals whoever had fewer turns asked for at the time.
"""

from __future__ import annotations

import asyncio
import time
from bisect import insort
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum

MARGIN_S = 0.01
"""Slept beyond what is computed: the other side's clock rounds as well, and not always our way."""


class Urgency(IntEnum):
    """How much a delay would hurt; smaller goes first."""

    NOW = 0
    """Somebody is asked, called or answered."""
    SOON = 1
    """It tells what became of something."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """So many turns a second, ``burst`` at once after a rest; the last ``kept`` are for what is urgent."""

    per_second: float
    burst: int
    kept: int


@dataclass(kw_only=True)
class Bucket:
    """Turns of one kind, for everybody in this process. ``clock`` and ``sleep`` are in seconds."""

    rate: Rate
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _tokens: float = field(init=False)
    _at: float = field(init=False)
    _line: list[tuple[int, int, int, str]] = field(default_factory=list, init=False)
    _asked: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._tokens, self._at = float(self.rate.burst), self.clock()

    async def turn(self, urgency: Urgency, of: str = "") -> None:
        """Wait for a turn; ``of`` is for whom, so that one with many wishes does not hold up the others."""
        self._asked += 1
        mine = (urgency, Counter(one[3] for one in self._line)[of], self._asked, of)
        insort(self._line, mine)
        try:
            while pause := self._pause(urgency, self._line.index(mine)):
                await self.sleep(pause)
            self._tokens -= 1
        finally:
            self._line.remove(mine)

    def spare(self, urgency: Urgency = Urgency.SOON) -> float:
        """Seconds until somebody who comes now would have a turn; 0 when at once."""
        ahead = sum(one[0] <= urgency for one in self._line)
        return self._pause(urgency, ahead)

    def _pause(self, urgency: Urgency, ahead: int) -> float:
        now = self.clock()
        refilled = self._tokens + (now - self._at) * self.rate.per_second
        self._tokens, self._at = min(float(self.rate.burst), refilled), now
        # Those ahead take theirs first, whenever they wake.
        wanted = ahead + 1 + (0 if urgency is Urgency.NOW else self.rate.kept)
        missing = wanted - self._tokens
        return missing / self.rate.per_second + MARGIN_S if missing > 0 else 0.0
