"""Pods that no node takes, that wait to be released, or that nobody schedules.

Source: the pod condition PodScheduled and its reasons; the scheduler's Preempted events.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.capacity import Shortage, largest, shortages
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import condition, dig, items, moment, name_of, quotable
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.unschedulable import verdict
from tools.kubernetes.objects import JsonObject, ref_of

PROMPT = timedelta(minutes=2)
"""A scheduler that runs has said something about a pod by then."""

_SCHEDULED = "the condition PodScheduled"


class SchedulingCode(Coded):
    """Why a pod has no node."""

    UNSCHEDULABLE = (
        "pod.scheduling.unschedulable",
        "No node takes the pod; with how many nodes refuse it for which reason.",
        f"{_SCHEDULED} (reason Unschedulable), the allocatable resources of nodes",
    )
    GATED = (
        "pod.scheduling.gated",
        "The pod waits until its scheduling gates are removed.",
        f"{_SCHEDULED} (reason SchedulingGated), spec.schedulingGates",
    )
    NO_SCHEDULER = (
        "pod.scheduling.no_scheduler",
        "Nobody has tried to schedule the pod: its scheduler is down, or has another name.",
        f"the absence of {_SCHEDULED}, spec.schedulerName",
    )
    PREEMPTED = (
        "pod.scheduling.preempted",
        "The pod had to make room for one of higher priority.",
        "the condition DisruptionTarget (reason PreemptionByScheduler), Preempted events",
    )


def scheduling(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for pods that have no node, and for those that lost theirs to others."""
    yield from _gone(snapshot)
    most = largest(snapshot)
    for pod in snapshot.unwell:
        if dig(pod, "metadata", "deletionTimestamp"):
            continue
        pending = dig(pod, "status", "phase") == "Pending"
        said = _waits(snapshot, pod, most or {}) if pending else _preempted(snapshot, pod)
        if said is not None:
            yield said.of(snapshot, pod)


def _gone(snapshot: Snapshot) -> Iterator[Finding]:
    """Pods that were preempted and are gone: an event is all that is left of them."""
    told: dict[tuple[str, str], JsonObject] = {}
    for event in snapshot.objects("Event"):
        about = event.get("involvedObject") or {}
        if event.get("reason") == "Preempted" and about.get("kind") == "Pod":
            told[about.get("namespace") or "", about.get("name") or ""] = event
    for (namespace, name), event in told.items():
        if name and snapshot.lacks("Pod", namespace, name):
            # Its controller has made another; that one speaks for itself.
            yield Said(
                code=SchedulingCode.PREEMPTED,
                severity=Severity.INFO,
                message=f"Pod {name} had to make room: {quotable(event.get('message') or 'preempted')}.",
                fields={"message": quotable(event.get("message") or ""), "gone": True},
                since=moment(event.get("firstTimestamp")),
                reads=("Event",),
            ).of(snapshot, {"kind": "Pod", "metadata": {"namespace": namespace, "name": name}})


def _waits(snapshot: Snapshot, pod: JsonObject, most: dict[str, str]) -> Said | None:
    told = [entry for entry in items(pod, "status", "conditions") if entry.get("type") == "PodScheduled"]
    refused = next((entry for entry in told if entry.get("reason") == "Unschedulable"), None)
    if refused is not None:
        return _unschedulable(refused, shortages(most, pod) if most else ())
    gated = next((entry for entry in told if entry.get("reason") == "SchedulingGated"), None)
    if gated is not None:
        return _gated(pod, gated)
    begun = dig(pod, "status", "containerStatuses") or dig(pod, "status", "initContainerStatuses")
    made = moment(dig(pod, "metadata", "creationTimestamp"))
    if told or begun or dig(pod, "spec", "nodeName") or not made or snapshot.taken_at - made < PROMPT:
        return None
    scheduler = dig(pod, "spec", "schedulerName") or "default-scheduler"
    return Said(
        code=SchedulingCode.NO_SCHEDULER,
        severity=Severity.CRITICAL,
        message=f"Nobody has tried to schedule the pod: scheduler {quotable(scheduler)} is silent.",
        fields={"scheduler": scheduler},
        since=made,
    )


def _unschedulable(refused: JsonObject, short: tuple[Shortage, ...]) -> Said:
    text = refused.get("message") or ""
    said = verdict(text)
    words = said.words or quotable(text)
    return Said(
        code=SchedulingCode.UNSCHEDULABLE,
        severity=Severity.CRITICAL,
        message=f"No node takes the pod: of {said.nodes} nodes {words}{_fits_none(short)}."
        if said.words and said.nodes
        else f"No node takes the pod: {words}{_fits_none(short)}.",
        fields={
            "message": quotable(text, limit=600),
            "nodes": said.nodes,
            "reasons": dict(said.reasons),
            "resources": list(said.resources),
            "taints": list(said.taints),
            "missing_claims": list(said.claims),
            "fits_no_node": {one.resource: {"requested": one.asked, "largest": one.most} for one in short},
        },
        since=moment(refused.get("lastTransitionTime")),
        reads=("Node",) if short else (),
    )


def _fits_none(short: tuple[Shortage, ...]) -> str:
    """That it will fit no node ever, however empty; waiting for room is then in vain."""
    parts = [
        f"no node has any {one.resource}"
        if one.most == "0"
        else f"it asks for {one.asked} {one.resource} and the largest node has {one.most}"
        for one in short
    ]
    return "; " + "; ".join(parts) if parts else ""


def _gated(pod: JsonObject, gated: JsonObject) -> Said:
    gates = [gate.get("name") or "" for gate in items(pod, "spec", "schedulingGates")]
    return Said(
        code=SchedulingCode.GATED,
        message="The pod waits for its scheduling gates"
        + (f": {', '.join(quotable(gate) for gate in gates)}." if gates else "."),
        fields={
            "gates": gates,
            "reason": "SchedulingGated",
            "message": quotable(gated.get("message") or ""),
        },
        since=moment(gated.get("lastTransitionTime")),
    )


def _preempted(snapshot: Snapshot, pod: JsonObject) -> Said | None:
    target = condition(pod, "DisruptionTarget")
    if target.get("reason") != "PreemptionByScheduler" and dig(pod, "status", "reason") != "Preempting":
        return None
    told = [event for event in snapshot.events(ref_of(pod)) if event.get("reason") == "Preempted"]
    text = target.get("message") or dig(pod, "status", "message") or (told[-1].get("message") if told else "")
    return Said(
        code=SchedulingCode.PREEMPTED,
        message=f"Pod {name_of(pod)} had to make room: {quotable(text or 'preempted')}.",
        fields={
            "message": quotable(text or ""),
            "priority": dig(pod, "spec", "priority"),
            "node": dig(pod, "spec", "nodeName"),
        },
        since=moment(target.get("lastTransitionTime")),
        reads=("Event",),
    )
