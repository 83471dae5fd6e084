"""Dying exactly here, for tests: the crash points c0 to c9 of the approval protocol, and one after
each stage of an investigation (``i-gather``).

Nothing arms a point but a test's own launcher; no setting, flag or variable of the product can.
"""

from __future__ import annotations

import os
import signal

_armed: dict[str, signal.Signals] = {}


def arm(point: str, by: signal.Signals = signal.SIGKILL) -> None:
    """Make this process kill itself when it reaches ``point``, or stop there for the first time (SIGSTOP)."""
    _armed[point] = by


def crash(point: str) -> None:
    """A place where a test may end this process; otherwise nothing."""
    if point in _armed:
        os.kill(os.getpid(), _armed.pop(point))
