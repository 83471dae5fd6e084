"""Dying exactly here, for tests: the crash points c0 to c9 of the approval protocol, and one after
each stage of an investigation (``i-gather``).

Nothing arms a point but a test's own launcher; no setting, flag or variable of the product can.
"""

from __future__ import annotations

import os
import signal

_armed: set[str] = set()


def arm(point: str) -> None:
    """Make this process kill itself with SIGKILL when it reaches ``point``."""
    _armed.add(point)


def crash(point: str) -> None:
    """A place where a test may end this process; otherwise nothing."""
    if point in _armed:
        os.kill(os.getpid(), signal.SIGKILL)
