"""What the LimitRanges of a namespace come to: the strictest of each kind. No findings: facts for some."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from agents.investigator.analyzers.capacity import number
from agents.investigator.analyzers.fields import items, namespace_of
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

GIVEN = ("default", "defaultRequest")
"""What a container gets that states nothing itself."""


class Bound(NamedTuple):
    """One bound on every container: ``kind`` is ``max``, ``min``, ``default`` or ``defaultRequest``."""

    kind: str
    resource: str
    value: str
    limit_range: JsonObject

    def broken_by(self, stated: str) -> bool:
        """Whether a container that states this much is refused."""
        over = number(stated) - number(self.value)
        return over > 0 if self.kind == "max" else over < 0


def bounds_by_namespace(snapshot: Snapshot) -> dict[str, tuple[Bound, ...]]:
    """The strictest maximum and minimum, and every default, for the containers of each namespace."""
    found: dict[str, dict[tuple[str, ...], Bound]] = defaultdict(dict)
    for limit_range in snapshot.objects("LimitRange"):
        for limit in items(limit_range, "spec", "limits"):
            if limit.get("type") == "Container":
                _add(found[namespace_of(limit_range)], limit, limit_range)
    return {namespace: tuple(bounds.values()) for namespace, bounds in found.items()}


def _add(known: dict[tuple[str, ...], Bound], limit: JsonObject, limit_range: JsonObject) -> None:
    for kind in ("max", "min", "default", "defaultRequest"):
        for resource, value in (limit.get(kind) or {}).items():
            bound = Bound(kind, resource, str(value), limit_range)
            # Of several defaults any may have been the one: all are kept.
            given = kind in GIVEN
            key = (kind, resource, bound.value) if given else (kind, resource)
            if key not in known or not known[key].broken_by(bound.value):
                known[key] = bound
