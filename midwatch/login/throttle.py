"""Who fails to log in too often waits a minute; who succeeds never does."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

FAILURES = 20
WITHIN_S = 60.0
SOURCES = 10_000


class Throttle:
    """Counts the failures of each source address. In memory: a restart forgives, and guesses nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, source: str) -> float:
        """Seconds until this source may try again; 0 when it may now."""
        times, now = self._failed.get(source), self._clock()
        if times is None:
            return 0.0
        # What is older than the window no longer counts against anybody.
        while times and now - times[0] >= WITHIN_S:
            times.popleft()
        return 0.0 if len(times) < FAILURES else WITHIN_S - (now - times[0])

    def failed(self, source: str) -> None:
        """One more failure."""
        times = self._failed.setdefault(source, deque(maxlen=FAILURES))
        times.append(self._clock())
        self._failed.move_to_end(source)
        # A flood from many addresses must not fill the memory: the oldest is forgotten.
        if len(self._failed) > SOURCES:
            self._failed.popitem(last=False)
