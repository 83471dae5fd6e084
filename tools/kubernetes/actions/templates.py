"""Going from one pod template to another without touching env values, which are never read."""

from __future__ import annotations

from collections.abc import Iterator

from tools.kubernetes.actions.containers import TEMPLATE
from tools.kubernetes.actions.step import Pointer
from tools.kubernetes.cleaning import VALUE_TAG
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import escape, same


class OutOfReach(Exception):
    """The way leads through an env value, so Midwatch cannot go it; the message names the field."""


def changes_between(now: JsonObject, then: JsonObject) -> JsonObject:
    """What to set in a workload so that its template ``now`` becomes ``then``.

    The whole template, unless env values were dropped from one of the two: then only the fields
    that differ, around those values. Raises OutOfReach when the values themselves differ.
    """
    if not _has_values(now) and not _has_values(then):
        return {TEMPLATE: then}
    return dict(_between(now, then, TEMPLATE))


def _between(now: object, then: object, pointer: Pointer) -> Iterator[tuple[Pointer, object]]:
    if same(now, then):
        return
    if not _has_values(now) and not _has_values(then):
        yield pointer, then
    elif isinstance(now, dict) and isinstance(then, dict):
        if VALUE_TAG in (now | then) or now.keys() != then.keys():
            raise OutOfReach(pointer)
        for key, value in now.items():
            yield from _between(value, then[key], f"{pointer}/{escape(key)}")
    elif isinstance(now, list) and isinstance(then, list) and _names(now) == _names(then):
        for index, pair in enumerate(zip(now, then, strict=True)):
            yield from _between(*pair, f"{pointer}/{index}")
    else:
        raise OutOfReach(pointer)


def _names(items: list[object]) -> list[object]:
    # Env entries and containers both have names; another order is another meaning.
    return [item.get("name") if isinstance(item, dict) else None for item in items]


def _has_values(value: object) -> bool:
    if isinstance(value, dict):
        return VALUE_TAG in value or any(map(_has_values, value.values()))
    return isinstance(value, list) and any(map(_has_values, value))
