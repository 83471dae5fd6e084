"""Pods and containers that ended badly: evicted, refused by their node, lost with it, or by an exit code.

Source: PodStatus.reason (the kubelet's admission and eviction) and the containers' terminated states.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.crash import loops
from agents.investigator.analyzers.fields import (
    condition,
    container_statuses,
    controller_of,
    dig,
    items,
    moment,
    name_of,
    namespace_of,
    quotable,
)
from agents.investigator.analyzers.messages import exit_meaning
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot, event_time
from tools.kubernetes.objects import JsonObject

LATELY = timedelta(hours=1)
REPLACING = ("ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet")
"""Controllers that make a new pod at once: what is left of a failed one is history."""

_REFUSALS = ("OutOf", "UnexpectedAdmissionError", "NodeAffinity", "NodePorts", "PodOS", "SysctlForbidden",
             "AppArmor", "TopologyAffinityError", "UnsupportedPodSpec")  # fmt: skip
_SHORT_OF = re.compile(r"low on resource: (?P<resource>[\w-]+)")
_OWN_LIMIT = re.compile(
    r"exceeds the (?:total limit of containers|limit)|exceeded its local ephemeral storage limit"
)
_LOST = ("NodeLost", "NodeShutdown", "Shutdown", "Terminated")


class EndedCode(Coded):
    """How a pod or a container ended."""

    EVICTED = (
        "pod.evicted",
        "The kubelet evicted the pod: its node was short of something, or it used more storage than it may.",
        "status.reason Evicted, status.message, the pod's Evicted events",
    )
    REFUSED = (
        "pod.refused_by_node",
        "The node refused the pod that was given to it, for want of room or of a device.",
        "status.reason (OutOfcpu, UnexpectedAdmissionError, NodeAffinity and their like)",
    )
    LOST = (
        "pod.lost_with_node",
        "The pod ended because its node shut down or was lost.",
        "status.reason (NodeLost, Terminated, NodeShutdown)",
    )
    DEADLINE = (
        "pod.deadline_exceeded",
        "The pod ran longer than its own deadline.",
        "status.reason DeadlineExceeded, spec.activeDeadlineSeconds",
    )
    CONTAINER = (
        "pod.container.failed",
        "A container (also an init or ephemeral one) ended with an error and has not run again.",
        "the container's terminated state",
    )


def ended(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for what ended badly; a retry that helped and a pod that is leaving are silent."""
    for pod in snapshot.unwell:
        if dig(pod, "metadata", "deletionTimestamp") or _job_is_done(snapshot, pod):
            continue
        whole = _whole(snapshot, pod)
        if whole is not None:
            yield whole.of(snapshot, pod)
            continue
        for said in _containers(snapshot, pod):
            yield said.of(snapshot, pod)


def _job_is_done(snapshot: Snapshot, pod: JsonObject) -> bool:
    owner = controller_of(pod)
    name = owner.get("name", "") if owner.get("kind") == "Job" else ""
    job = snapshot.find("Job", namespace_of(pod), name)
    return bool(job and condition(job, "Complete").get("status") == "True")


def _whole(snapshot: Snapshot, pod: JsonObject) -> Said | None:
    """What befell the pod as a whole; None when its containers have to speak for it."""
    reason = dig(pod, "status", "reason") or ""
    rows = (
        (EndedCode.EVICTED, reason == "Evicted", "was evicted"),
        (EndedCode.REFUSED, reason.startswith(_REFUSALS), "was refused by its node"),
        (EndedCode.LOST, reason in _LOST, "ended with its node"),
        (EndedCode.DEADLINE, reason == "DeadlineExceeded", "ran longer than its deadline"),
    )
    row = next((row for row in rows if row[1]), None)
    if row is None:
        return None
    text, at = dig(pod, "status", "message") or "", _ended_at(snapshot, pod)
    old = at is not None and snapshot.taken_at - at > LATELY
    short = _SHORT_OF.search(text) if row[0] is EndedCode.EVICTED else None
    return Said(
        code=row[0],
        severity=Severity.INFO if old else Severity.WARNING,
        message=f"Pod {name_of(pod)} {row[2]}" + (f": {quotable(text)}" if text else "."),
        fields={
            "reason": reason,
            "message": quotable(text),
            "node": dig(pod, "spec", "nodeName"),
            "short_of": short["resource"] if short else None,
            "own_limit": True if _OWN_LIMIT.search(text) else None,
        },
        since=at,
    )


def _ended_at(snapshot: Snapshot, pod: JsonObject) -> datetime | None:
    """When the pod ended, as far as its containers, its conditions and its events tell."""
    times = [
        moment(dig(status, "state", "terminated", "finishedAt")) for _, status in container_statuses(pod)
    ]
    times += [moment(entry.get("lastTransitionTime")) for entry in items(pod, "status", "conditions")]
    times += [moment(event_time(event)) for event in snapshot.events_of(pod)]
    known = max((at for at in times if at), default=None)
    if known is None and snapshot.looked_at(namespace_of(pod), "Event"):
        # Events are kept for an hour: an end that none of them tells of is no recent one.
        return moment(dig(pod, "status", "startTime"))
    return known


def _containers(snapshot: Snapshot, pod: JsonObject) -> Iterator[Said]:
    ephemeral = {status.get("name") for status in items(pod, "status", "ephemeralContainerStatuses")}
    statuses = [status for _, status in container_statuses(pod)]
    for status in (*statuses, *items(pod, "status", "ephemeralContainerStatuses")):
        end = dig(status, "state", "terminated") or {}
        # What memory killed, and what crashes again and again, is told by analyzers of their own.
        told = end.get("reason") == "OOMKilled" or loops(status, snapshot.taken_at)
        if end.get("exitCode") and not told:
            yield _container(pod, status, end, harmless=status.get("name") in ephemeral)


def _container(pod: JsonObject, status: JsonObject, end: JsonObject, *, harmless: bool) -> Said:
    name, code = status.get("name") or "", end.get("exitCode") or 0
    failed = dig(pod, "status", "phase") == "Failed"
    owner = controller_of(pod).get("kind")
    # It will be started again within seconds, or is only what a new pod has replaced.
    passing = owner in REPLACING and (failed or dig(pod, "spec", "restartPolicy") in (None, "Always"))
    reason, meaning = end.get("reason") or "", exit_meaning(code)
    words = f" ({quotable(reason)})" if reason else ""
    return Said(
        code=EndedCode.CONTAINER,
        severity=Severity.INFO if harmless or passing else Severity.WARNING,
        message=f"Container {name} ended with exit code {code}{words}"
        + (f": {meaning}." if meaning else "."),
        fields={
            "container": name,
            "exit_code": code,
            "signal": end.get("signal"),
            "reason": reason,
            "message": quotable(end.get("message") or ""),
            "restarts": status.get("restartCount"),
        },
        since=moment(end.get("finishedAt")),
    )
