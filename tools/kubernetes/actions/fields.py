"""Fields that a verb may change, written once: a step's pointers and the API server's wall come from it.

A field is a JSON pointer in which ``[]`` stands for each item of a list and ``{}`` for each key of a map;
``/**`` at its end is whatever lies below.
"""

from __future__ import annotations

import re

ITEM = "[]"
KEY = "{}"
BELOW = "/**"

_PARTS = {ITEM: r"(?:0|[1-9]\d*)", KEY: "[A-Za-z0-9._~-]+"}


def pattern(*fields: str) -> re.Pattern[str]:
    """Matches the pointer of any of these fields."""
    return re.compile("|".join(map(_matching, fields)))


def parts_of(field: str) -> tuple[str, ...]:
    """The names on the way to a field, unescaped."""
    whole = field.removesuffix(BELOW).removeprefix("/")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in whole.split("/"))


def _matching(field: str) -> str:
    parts = field.removesuffix(BELOW).split("/")
    below = "(?:/.+)?" if field.endswith(BELOW) else ""
    return "/".join(_PARTS.get(part) or re.escape(part) for part in parts) + below
