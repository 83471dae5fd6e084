"""Containers killed for memory, also when they run again by now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.fields import container_statuses, dig, moment
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ref_of

LATELY = timedelta(days=1)
"""What grows slowly is killed every few hours; who has run well for a day has found room."""


def out_of_memory(snapshot: Snapshot) -> Iterator[Finding]:
    """A finding for every container whose current or last end was OOMKilled."""
    for pod in snapshot.unwell:
        # A pod on its way out was replaced already; its successor is judged on its own.
        if dig(pod, "metadata", "deletionTimestamp"):
            continue
        for spec, status in container_statuses(pod):
            end = killed_for_memory(status)
            if end:
                yield _finding(snapshot, pod, (spec, status, end))


def killed_for_memory(status: JsonObject) -> JsonObject:
    """The OOMKilled state of this container, the present one before the last; empty when there is none."""
    for state in ("state", "lastState"):
        end = dig(status, state, "terminated") or {}
        if end.get("reason") == "OOMKilled":
            return dict(end)
    return {}


def _finding(snapshot: Snapshot, pod: JsonObject, seen: tuple[JsonObject, JsonObject, JsonObject]) -> Finding:
    spec, status, end = seen
    ref = ref_of(pod)
    running = bool(dig(status, "state", "running"))
    limit = dig(spec, "resources", "limits", "memory")
    fields: JsonObject = {
        "container": status.get("name", ""),
        "restarts": status.get("restartCount") or 0,
        "reason": "OOMKilled",
        "running_again": running,
    }
    for key, value in (
        ("limit", limit),
        ("exit_code", end.get("exitCode")),
        ("ended_at", end.get("finishedAt")),
    ):
        if value is not None:
            fields[key] = value
    bound = f"its limit of {limit}" if limit else "no limit of its own, so the node was short of memory"
    now = " It runs again." if running else ""
    return Finding(
        code=Code.OOM_KILLED,
        severity=_severity(snapshot, end) if running and status.get("ready") else Severity.CRITICAL,
        object=ref,
        message=f"Container {fields['container']} was killed for memory at {bound} "
        f"({fields['restarts']} restarts).{now}",
        fields=fields,
        evidence=snapshot.cites(ref.namespace, "Pod"),
        since=moment(end.get("finishedAt")),
    )


def _severity(snapshot: Snapshot, end: JsonObject) -> Severity:
    # The last end of a container is shown for as long as it lives, if it has run well for weeks since.
    at = moment(end.get("finishedAt"))
    return Severity.INFO if at and snapshot.taken_at - at > LATELY else Severity.WARNING
