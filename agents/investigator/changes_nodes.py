"""What happened to nodes before the trouble began: cordoned, tainted, joined, rebooted, not ready."""

from __future__ import annotations

from collections.abc import Iterator

from agents.investigator.analyzers.fields import condition, dig, items, moment
from agents.investigator.analyzers.snapshot import Snapshot, event_time
from agents.investigator.change import Change, ChangeKind, Window
from tools.kubernetes.objects import JsonObject, ref_of

_CORDON = "node.kubernetes.io/unschedulable"
_UNSCHEDULABLE = "spec.unschedulable"
_EVENTS = {
    "Rebooted": "was rebooted",
    "Starting": "its kubelet started",
    "NodeNotSchedulable": "was cordoned",
    "NodeSchedulable": "was uncordoned",
    "NodeNotReady": "became not ready",
    "NodeReady": "became ready",
}


def node_changes(snapshot: Snapshot, window: Window) -> Iterator[Change]:
    """Changes of nodes in this time, each once though an event may tell it as well."""
    for node in snapshot.objects("Node"):
        told: dict[str, Change] = {}
        for one in (*_of_object(node), *_of_events(snapshot, node)):
            if window.holds(one.at):
                told.setdefault(one.what, one)
        yield from told.values()


def _of_object(node: JsonObject) -> Iterator[Change]:
    yield from _at(node, "joined the cluster", dig(node, "metadata", "creationTimestamp"))
    ready = condition(node, "Ready")
    word = "became ready" if ready.get("status") == "True" else "became not ready"
    if ready:
        yield from _at(node, word, ready.get("lastTransitionTime"))
    for taint in items(node, "spec", "taints"):
        key = taint.get("key") or ""
        if key == _CORDON:
            yield from _at(node, "was cordoned", taint.get("timeAdded"), _cordoner(node))
        # What the conditions of a node bring is told with them.
        elif not key.startswith("node.kubernetes.io/"):
            yield from _at(node, f"was tainted {key}:{taint.get('effect') or ''}", taint.get("timeAdded"))


def _of_events(snapshot: Snapshot, node: JsonObject) -> Iterator[Change]:
    for event in snapshot.events(ref_of(node)):
        if word := _EVENTS.get(event.get("reason") or ""):
            yield from _at(node, word, event_time(event))


def _cordoner(node: JsonObject) -> str:
    entries = items(node, "metadata", "managedFields")
    writers = (one.get("manager") or "" for one in entries if _UNSCHEDULABLE in (one.get("fields") or ()))
    return next(writers, "")


def _at(node: JsonObject, what: str, time: str | None, who: str = "") -> Iterator[Change]:
    at = moment(time)
    if at is not None:
        yield Change(at=at, kind=ChangeKind.NODE, object=ref_of(node), what=what, who=who)
