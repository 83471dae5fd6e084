"""Time as the pretend data centre sees it: real, or moved by hand so that an hour of back-off takes no
wall time.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Whatever can say what time it is in the world."""

    def now(self) -> datetime:
        """The world's present moment, aware, in UTC."""
        ...


class RealClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)


class VirtualClock:
    """Time that stands still until somebody advances it; safe to read from any thread."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a virtual clock starts at an aware moment, not a naive one")
        self._now = start.astimezone(UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The moment the clock was last moved to."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> datetime:
        """Move time forward by ``seconds`` (never back) and return the new moment."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        with self._lock:
            self._now += timedelta(seconds=seconds)
            return self._now


# Written a hundred times at each look of a controller: isoformat is some times as quick as strftime.
def rfc3339(moment: datetime) -> str:
    """``moment`` as a Kubernetes ``Time``: whole seconds, ``Z`` at the end."""
    return f"{moment.astimezone(UTC).isoformat(timespec='seconds')[:-6]}Z"


def rfc3339_micro(moment: datetime) -> str:
    """``moment`` as a Kubernetes ``MicroTime``, used by events and leases."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"
