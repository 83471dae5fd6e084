"""Fields that a verb may change, written once: a step's pointers and the API server's wall come from it.

A field is a JSON pointer in which ``[]`` stands for each item of a list, ``{}`` for each key of a map and
``{a,b/c}`` for either of some ways on; ``/**`` at its end is whatever lies below.
"""

from __future__ import annotations

import re
from itertools import product

from tools.kubernetes.pointers import tokens

ITEM = "[]"
KEY = "{}"
BELOW = "/**"

_ITEM, _KEY = r"(?:0|[1-9]\d*)", "[A-Za-z0-9._~-]+"
_EITHER = re.compile(r"\{([^{}]+)\}")


def pattern(*fields: str) -> re.Pattern[str]:
    """Matches the pointer of any of these fields."""
    return re.compile("|".join(map(_matching, fields)))


def spread(field: str) -> tuple[str, ...]:
    """The field without its alternatives, once for each way through them."""
    # Every second part is what stood between braces.
    parts = [part.split(",") if index % 2 else [part] for index, part in enumerate(_EITHER.split(field))]
    return tuple("".join(way) for way in product(*parts))


def parts_of(field: str) -> tuple[str, ...]:
    """The names on the way to a field without alternatives, unescaped."""
    return tuple(tokens(field.removesuffix(BELOW)))


def _matching(field: str) -> str:
    parts = _EITHER.split(field.removesuffix(BELOW))
    found = (
        f"(?:{'|'.join(map(_plain, part.split(',')))})" if index % 2 else _plain(part)
        for index, part in enumerate(parts)
    )
    return "".join(found) + ("(?:/.+)?" if field.endswith(BELOW) else "")


def _plain(text: str) -> str:
    # A pointer's own characters mean themselves; re.escape would dress up what people read in the docs.
    bare = text.replace(".", r"\.").replace("$", r"\$").replace("+", r"\+")
    return bare.replace(ITEM, _ITEM).replace(KEY, _KEY)
