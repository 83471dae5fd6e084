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


def changes_between(now: JsonObject, then: JsonObject, *, narrow: bool = False) -> JsonObject:
    """What to set in a workload so that its template ``now`` becomes ``then``; null takes a field away.

    The whole template, unless env values were dropped from one of the two or it shall be ``narrow``: then
    only the fields that differ, around those values. Raises OutOfReach when the values themselves differ.
    """
    if not narrow and not _has_values(now) and not _has_values(then):
        return {TEMPLATE: then}
    return dict(_between(now, then, TEMPLATE, narrow=narrow))


def _between(
    now: object, then: object, pointer: Pointer, *, narrow: bool
) -> Iterator[tuple[Pointer, object]]:
    if same(now, then):
        return
    hidden = _has_values(now) or _has_values(then)
    if isinstance(now, dict) and isinstance(then, dict) and (hidden or narrow):
        if VALUE_TAG in (now | then):
            raise OutOfReach(pointer)
        # An absent field and a null are one to the API server.
        for key in sorted({key for one in (now, then) for key, value in one.items() if value is not None}):
            place = f"{pointer}/{escape(key)}"
            yield from _key(now.get(key), then.get(key), place, narrow=narrow)
    elif (
        isinstance(now, list)
        and isinstance(then, list)
        and _names(now) == _names(then)
        and (hidden or narrow)
    ):
        for index, pair in enumerate(zip(now, then, strict=True)):
            yield from _between(*pair, f"{pointer}/{index}", narrow=narrow)
    elif hidden:
        raise OutOfReach(pointer)
    else:
        yield pointer, then


def _key(now: object, then: object, pointer: Pointer, *, narrow: bool) -> Iterator[tuple[Pointer, object]]:
    if now is not None and then is not None:
        yield from _between(now, then, pointer, narrow=narrow)
    elif _has_values(now) or _has_values(then):
        raise OutOfReach(pointer)
    else:
        yield pointer, then


def _names(items: list[object]) -> list[object]:
    # Env entries and containers both have names; another order is another meaning.
    return [item.get("name") if isinstance(item, dict) else None for item in items]


def _has_values(value: object) -> bool:
    if isinstance(value, dict):
        return VALUE_TAG in value or any(map(_has_values, value.values()))
    return isinstance(value, list) and any(map(_has_values, value))
