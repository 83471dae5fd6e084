"""``midwatch actor`` or ``midwatch serve`` in a forked process that dies at one point.

The point is one of ``tools.crash``, ``none`` for a whole life. The investigator's lease and the actor's pace
are short here and only here: no setting of the product can shorten them. The actor's lease is the product's,
so that none runs out because a machine stands still (see ``tests.support.signed.time_passed``). Without a
point everything is as it is outside of tests.
"""

from __future__ import annotations

import os
import sys

from agents.actor import work as actor_work
from agents.investigator import work as investigator_work
from midwatch.cli import main
from tools.crash import arm

INVESTIGATOR_LEASE_S = 4.0


def launch(point: str, command: str, environment: dict[str, str], log: str) -> None:
    """Take on this environment and log, shorten the leases, arm the point and become ``midwatch COMMAND``."""
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
    investigator_work.LEASE_S = INVESTIGATOR_LEASE_S
    if point != "none":
        arm(point)
