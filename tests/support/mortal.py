"""``midwatch actor`` or ``midwatch serve`` in a forked process that dies at one point.

The point is one of ``tools.crash``, ``none`` for a whole life. Leases are short here and only here: no
setting of the product can shorten them. Without a point everything is as it is outside of tests.
"""

from __future__ import annotations

import os
import sys

from agents.actor import work as actor_work
from agents.investigator import work as investigator_work
from agents.ledger import executions
from midwatch.cli import main
from tools.crash import arm

ACTOR_LEASE_S = 4.0
ACTOR_IN_FLIGHT_S = 1.0
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
    executions.LEASE_S, executions.IN_FLIGHT_S = ACTOR_LEASE_S, ACTOR_IN_FLIGHT_S
    actor_work.LOOK_AGAIN_S = 0.3
    investigator_work.LEASE_S = INVESTIGATOR_LEASE_S
    if point != "none":
        arm(point)
