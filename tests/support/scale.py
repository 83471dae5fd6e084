"""How far a proof goes: a slice of its figure in every run, all of it with ``make prove``.

A test that takes its number from here carries the mark ``proof``; that is what ``make prove`` runs.
"""

from __future__ import annotations

import os

# Read once at the start: the suite takes every setting of ours out of a test's environment.
PROVING = os.environ.get("MIDWATCH_PROVE") == "1"


def scaled(slice: int, full: int) -> int:  # noqa: A002
    """How often this run does it: ``slice`` in every run, ``full`` with ``make prove``."""
    return full if PROVING else slice
