"""How much of a long proof is run: a slice in CI, all of it under ``MIDWATCH_PROVE=1``."""

from __future__ import annotations

import os


def scaled(slice: int, full: int) -> int:  # noqa: A002
    """The full number when everything is to be proven, else the slice."""
    return full if os.environ.get("MIDWATCH_PROVE") == "1" else slice
