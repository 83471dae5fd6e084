"""RFC 6901 JSON pointers into objects: reading, escaping, and comparing what is expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tools.kubernetes.objects import JsonObject

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class Missing:
    """What a pointer finds when there is nothing there; prints as ``(absent)``."""

    def __repr__(self) -> str:
        return "(absent)"


MISSING = Missing()


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One expected value that no longer stands in the object."""

    pointer: str
    expected: object
    found: object

    def __str__(self) -> str:
        return f"{self.pointer}: expected {self.expected!r}, found {self.found!r}"


def escape(key: str) -> str:
    """One reference token of a pointer (``~`` and ``/`` escaped)."""
    return key.replace("~", "~0").replace("/", "~1")


def tokens(pointer: str) -> list[str]:
    """The reference tokens of a pointer, as keys."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def read(obj: JsonObject | None, pointer: str) -> Any:
    """The value a pointer finds, or MISSING; without an object nothing is found."""
    here: Any = obj
    for key in tokens(pointer):
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and _INDEX.fullmatch(key) and int(key) < len(here):
            here = here[int(key)]
        else:
            return MISSING
    return here


def same(one: object, other: object) -> bool:
    """Whether two JSON values are equal; unlike in Python, ``true`` is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other)


def drift(expect: JsonObject, obj: JsonObject | None) -> tuple[Drift, ...]:
    """Every expected value that differs in the object, in the order it was stated.

    An expected null is met by nothing: an API server keeps no nulls in what it stores.
    """
    found = ((pointer, value, read(obj, pointer)) for pointer, value in expect.items())
    return tuple(
        Drift(pointer=p, expected=value, found=now) for p, value, now in found if not _met(value, now)
    )


def _met(expected: object, found: object) -> bool:
    return found is MISSING or found is None if expected is None else same(found, expected)
