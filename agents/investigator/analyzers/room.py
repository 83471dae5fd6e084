"""A Job that was just started and holds the room for which other pods wait.

Which pods wait, and for what, is the scheduler's word; what is held is what the Job's pods ask for on nodes
where those that wait might go. Jobs come and go every day: only one that was started shortly before they had
to wait is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from agents.incident import Finding
from agents.investigator.analyzers.capacity import requests
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import (
    condition,
    controller_of,
    dig,
    is_finished,
    is_placeless,
    moment,
    name_of,
    namespace_of,
)
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.unschedulable import verdict
from tools.kubernetes.actions.placement import fits
from tools.kubernetes.objects import JsonObject

JUST = timedelta(hours=1)
"""A Job that has run for longer than this had its place before the pods that wait."""
LACKING = frozenset(("cpu", "memory"))
MOST = 50
Waits = tuple[JsonObject, frozenset[str]]
"""A pod that finds no node, and what the nodes lack for it."""


class RoomCode(Coded):
    """What one workload may take from another."""

    TAKEN = (
        "job.takes_the_room",
        "A Job that was started shortly before other pods had to wait holds what they ask for.",
        "the scheduler's reasons where they are cpu or memory alone, requests and nodes of the Job's pods",
    )


def room(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for Jobs; one that a CronJob made comes again, and is left to who planned it."""
    waiting: dict[str, list[Waits]] = {}
    for job in snapshot.objects("Job"):
        made = moment(dig(job, "metadata", "creationTimestamp"))
        if not made or snapshot.taken_at - made > 2 * JUST or controller_of(job):
            continue
        own, place = snapshot.owned(job), namespace_of(job)
        runs = [pod for pod in own if dig(pod, "spec", "nodeName") and not is_finished(pod)]
        # The pods of a namespace are gone through once, and only for a young Job that runs.
        if runs and place not in waiting:
            waiting[place] = list(_waiting(snapshot, place))
        ours = {name_of(pod) for pod in own}
        waits = [one for one in waiting.get(place, ()) if runs and _since(one, made)]
        kept = [one for one in waits if name_of(one[0]) not in ours and _holds(snapshot, runs, one)]
        if kept:
            yield _said(job, made, kept, waits).of(snapshot, job)


def _waiting(snapshot: Snapshot, namespace: str) -> Iterator[Waits]:
    """Pods that no node takes for want of room alone, and what they lack."""
    for pod in snapshot.within(namespace, "Pod"):
        if not is_placeless(pod):
            continue
        lacks = frozenset(verdict(str(condition(pod, "PodScheduled").get("message") or "")).reasons)
        if lacks and lacks <= LACKING:
            yield pod, lacks


def _since(waits: Waits, made: datetime) -> bool:
    since = moment(condition(waits[0], "PodScheduled").get("lastTransitionTime"))
    return since is not None and timedelta() <= since - made <= JUST


def _holds(snapshot: Snapshot, runs: list[JsonObject], waits: Waits) -> bool:
    """Whether one of these pods has as much as the one that waits lacks, where that might go."""
    pod, lacks = waits
    asked = requests(pod)
    for one in runs:
        node = snapshot.find("Node", "", str(dig(one, "spec", "nodeName")))
        held = requests(one)
        enough = all(held.get(name, 0.0) >= asked.get(name, 0.0) for name in lacks)
        if node is not None and enough and fits(pod["spec"], node):
            return True
    return False


def _said(job: JsonObject, made: datetime, kept: list[Waits], waits: list[Waits]) -> Said:
    lacks = sorted(frozenset[str]().union(*(each for _, each in kept)))
    more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
    return Said(
        code=RoomCode.TAKEN,
        message=f"Job {name_of(job)} was started at {made:%H:%M} UTC and holds the {' and '.join(lacks)} "
        f"that pod {name_of(kept[0][0])}{more} waits for.",
        fields={"waits": [name_of(pod) for pod, _ in waits[:MOST]], "resources": lacks},
        since=made,
        reads=("Pod", "Node"),
    )
