"""``python -m tests.support.crashing_actor POINT [COMMAND]``: a ``midwatch`` process that dies at one point.

``POINT`` is a crash point of ``tools.crash`` (``none`` for a whole life), ``COMMAND`` is ``actor`` unless
named. Leases are short here and only here: no setting of the product can shorten them.
"""

from __future__ import annotations

import sys

from agents.actor import work as actor_work
from agents.investigator import work as investigator_work
from agents.ledger import executions
from midwatch.cli import main
from tools.crash import arm

ACTOR_LEASE_S = 2.5
ACTOR_DEADLINE_S = 0.5
INVESTIGATOR_LEASE_S = 8.0


def launch(point: str, command: str) -> None:
    """Shorten the leases, arm the point and become ``midwatch COMMAND``."""
    executions.LEASE_S, executions.REQUEST_DEADLINE_S = ACTOR_LEASE_S, ACTOR_DEADLINE_S
    actor_work.LOOK_AGAIN_S = 0.3
    investigator_work.LEASE_S = INVESTIGATOR_LEASE_S
    if point != "none":
        arm(point)
    sys.argv = ["midwatch", command]
    main()


if __name__ == "__main__":
    launch(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "actor")
