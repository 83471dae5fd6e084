"""Deployments that do not have what they ask for, or ask for nothing at all.

Source: ``DeploymentStatus`` and the condition reasons of the deployment controller.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.fields import (
    condition,
    count_of,
    dig,
    last_writer,
    matches,
    moment,
    namespace_of,
    quotable,
    template_labels,
)
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ref_of

SETTLING = timedelta(seconds=60)
"""A rollout that moved within this time and still serves is at work, not in trouble."""


def deployments(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for Deployments scaled to zero, short of replicas, or stuck past their deadline."""
    for deployment in snapshot.objects("Deployment"):
        if wanted(deployment) == 0:
            yield _scaled_to_zero(snapshot, deployment)
            continue
        if _short(snapshot, deployment):
            yield _replicas_short(snapshot, deployment)
        if condition(deployment, "Progressing").get("reason") == "ProgressDeadlineExceeded":
            yield _progress_deadline(snapshot, deployment)


def wanted(workload: JsonObject) -> int:
    """``spec.replicas``; 1 when it is unset, as the API server's default says."""
    replicas = dig(workload, "spec", "replicas")
    return 1 if replicas is None else int(replicas)


def available(workload: JsonObject) -> int:
    """``status.availableReplicas``; the server leaves a zero out."""
    return int(dig(workload, "status", "availableReplicas") or 0)


def _short(snapshot: Snapshot, deployment: JsonObject) -> bool:
    if available(deployment) >= wanted(deployment):
        return False
    progressing = condition(deployment, "Progressing")
    moved = moment(progressing.get("lastUpdateTime") or progressing.get("lastTransitionTime"))
    serves = condition(deployment, "Available").get("status") == "True"
    return not (serves and moved and snapshot.taken_at - moved <= SETTLING)


def _scaled_to_zero(snapshot: Snapshot, deployment: JsonObject) -> Finding:
    ref = ref_of(deployment)
    manager, time = last_writer(deployment, subresource="scale")
    served = sorted(
        dig(service, "metadata", "name")
        for service in snapshot.objects("Service")
        if namespace_of(service) == ref.namespace
        and matches(dig(service, "spec", "selector") or {}, template_labels(deployment))
    )
    fields: JsonObject = {"replicas": 0, "services": served}
    if manager:
        fields |= {"manager": manager}
    if time:
        fields |= {"scaled_at": time}
    by = f", last written by {quotable(manager)}" if manager else ""
    return Finding(
        code=Code.SCALED_TO_ZERO,
        # Parked Deployments are common and harmless; one that a Service leads to is not.
        severity=Severity.WARNING if served else Severity.INFO,
        object=ref,
        message=f"Deployment {ref.name} is scaled to zero{by}.",
        fields=fields,
        evidence=snapshot.cites(ref.namespace, "Deployment"),
        since=moment(time) or moment(condition(deployment, "Progressing").get("lastUpdateTime")),
    )


def _replicas_short(snapshot: Snapshot, deployment: JsonObject) -> Finding:
    ref, serving = ref_of(deployment), available(deployment)
    state = condition(deployment, "Available")
    return Finding(
        code=Code.REPLICAS_SHORT,
        # Short-handed still serves; nobody serving is what people are woken for.
        severity=Severity.WARNING if serving else Severity.CRITICAL,
        object=ref,
        message=f"Deployment {ref.name} has {serving} of {wanted(deployment)} replicas available.",
        fields={
            "replicas": wanted(deployment),
            "available": serving,
            "ready": count_of(deployment, "status", "readyReplicas"),
            "created": count_of(deployment, "status", "replicas"),
        },
        evidence=snapshot.cites(ref.namespace, "Deployment"),
        since=moment(state.get("lastTransitionTime")) if state.get("status") == "False" else None,
    )


def _progress_deadline(snapshot: Snapshot, deployment: JsonObject) -> Finding:
    ref, progressing = ref_of(deployment), condition(deployment, "Progressing")
    return Finding(
        code=Code.PROGRESS_DEADLINE,
        severity=Severity.WARNING,
        object=ref,
        message=f"The rollout of Deployment {ref.name} stopped making progress.",
        fields={
            "condition": "Progressing",
            "status": progressing.get("status") or "",
            "reason": "ProgressDeadlineExceeded",
            "message": quotable(progressing.get("message") or ""),
            "updated": int(dig(deployment, "status", "updatedReplicas") or 0),
        },
        evidence=snapshot.cites(ref.namespace, "Deployment"),
        since=moment(progressing.get("lastTransitionTime")),
    )
