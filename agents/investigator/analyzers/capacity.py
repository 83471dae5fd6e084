"""What a pod asks for, against the largest node there is. No findings: the facts for some."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from agents.investigator.analyzers.fields import dig, items
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.quantities import QuantityError, amount, mebibytes


class Shortage(NamedTuple):
    """A resource of which no node has as much as a pod asks for, however empty the node is."""

    resource: str
    asked: str
    most: str


def largest(snapshot: Snapshot) -> dict[str, str] | None:
    """The most that one node offers of each resource; None when not all nodes are known."""
    nodes = snapshot.objects("Node")
    if not nodes or not snapshot.looked_at("", "Node"):
        return None
    most: dict[str, str] = {}
    for node in nodes:
        for resource, text in (dig(node, "status", "allocatable") or {}).items():
            if number(text) > number(most.get(resource, "0")):
                most[resource] = str(text)
    return most


def shortages(most: dict[str, str], pod: JsonObject) -> tuple[Shortage, ...]:
    """The resources that rule out every node for good."""
    return tuple(
        Shortage(resource, _written(resource, wanted), most.get(resource, "0"))
        for resource, wanted in sorted(requests(pod).items())
        if number(most.get(resource, "0")) < wanted
    )


def _written(resource: str, wanted: float) -> str:
    return mebibytes(wanted) if resource in ("memory", "ephemeral-storage") else f"{wanted:g}"


def requests(pod: JsonObject) -> dict[str, float]:
    """What the scheduler counts: the sum over containers, or an init container that asks for more."""
    total: dict[str, float] = {}
    for container in items(pod, "spec", "containers"):
        for resource, text in _asked(container).items():
            total[resource] = total.get(resource, 0.0) + number(text)
    for container in items(pod, "spec", "initContainers"):
        for resource, text in _asked(container).items():
            total[resource] = max(total.get(resource, 0.0), number(text))
    return total


def _asked(container: JsonObject) -> dict[str, object]:
    limits = dig(container, "resources", "limits") or {}
    return {**limits, **(dig(container, "resources", "requests") or {})}


@lru_cache(maxsize=4096)
def number(text: object) -> float:
    """A quantity as a number; what cannot be read counts as nothing."""
    try:
        return amount(str(text))
    except QuantityError:
        return 0.0
