"""``midwatch actor`` or ``midwatch serve`` in a forked process that dies at one point.

The point is one of ``tools.crash``, ``none`` for a whole life. The actor's pace is short here and only here:
no setting of the product can shorten it. The leases are the product's, so that none runs out because the
machine stands still; those of the dead end in the ledger (``signed.time_passed``, ``Scene.lease_over``).
Without a point everything is as it is outside of tests.
"""

from __future__ import annotations

import os
import sys

from agents.actor import work as actor_work
from midwatch.cli import main
from tools.crash import arm


def launch(point: str, command: str, environment: dict[str, str], log: str) -> None:
    """Take on this environment and log, hurry the actor, arm the point and become ``midwatch COMMAND``."""
    os.environ.clear()
    os.environ.update(environment)
    said = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    if point:
        _mortal(point)
    sys.argv = ["midwatch", command]
    main()


def _mortal(point: str) -> None:
    actor_work.LOOK_AGAIN_S = 0.3
    if point != "none":
        arm(point)
