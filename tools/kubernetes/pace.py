"""How fast one connection may read: bursts are fine, a storm of incidents is not (threat T30)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Pace:
    """A token bucket for several threads: ``burst`` requests at once, then ``per_second``.

    ``clock`` gives seconds that never go back, ``sleep`` waits; both are handed in by tests.
    """

    per_second: float = 25.0
    burst: float = 100.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _tokens: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = self.burst
        self._at = self.clock()

    def wait(self) -> None:
        """Take one turn; blocks until it has come."""
        with self._lock:
            now = self.clock()
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.per_second)
            self._at = now
            # Going into debt gives every waiter its own moment without holding the lock meanwhile.
            self._tokens -= 1
            wait = -self._tokens / self.per_second
        if wait > 0:
            self.sleep(wait)
