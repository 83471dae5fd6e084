"""A clock that first lives through an invented past and then shows the present."""

from __future__ import annotations

from datetime import datetime
from threading import Lock

from evals.world.clock import Clock


class Timeline:
    """Held at a moment while history is made; after `arrive` it is the clock it was given. Safe from any
    thread.
    """

    def __init__(self, present: Clock) -> None:
        self._present = present
        self._held: datetime | None = None
        self._lock = Lock()

    def now(self) -> datetime:
        """The moment held, or the present."""
        with self._lock:
            return self._held or self._present.now()

    def hold(self, moment: datetime) -> None:
        """Stand at `moment`. Raises ValueError when that lies before the moment held now: time has one
        direction.
        """
        with self._lock:
            if self._held is not None and moment < self._held:
                raise ValueError("history is told forwards")
            self._held = moment

    def arrive(self) -> None:
        """Let the present begin."""
        with self._lock:
            self._held = None
