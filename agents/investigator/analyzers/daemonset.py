"""DaemonSets that are not everywhere where they should be.

Source: DaemonSetStatus (apps/v1).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import count_of, dig, is_finished, is_ready, moment, name_of
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

SETTLING = timedelta(minutes=2)
"""A pod this young may still start; a rollout of a DaemonSet always has one."""


class DaemonSetCode(Coded):
    """What a DaemonSet can suffer from."""

    NOT_READY = (
        "daemonset.not_ready",
        "A DaemonSet has fewer ready pods than nodes that should run one; with the nodes that lack it.",
        "status.numberReady, status.desiredNumberScheduled, its pods and their nodes",
    )
    MISSCHEDULED = (
        "daemonset.misscheduled",
        "A DaemonSet still runs on nodes where it no longer belongs.",
        "status.numberMisscheduled",
    )
    NO_NODE = (
        "daemonset.no_node",
        "A DaemonSet selects no node, so it runs nowhere.",
        "status.desiredNumberScheduled, spec.template.spec.nodeSelector",
    )


def daemonsets(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for DaemonSets; one whose pods have only just started is silent."""
    for daemonset in snapshot.objects("DaemonSet"):
        due = count_of(daemonset, "status", "desiredNumberScheduled")
        if count_of(daemonset, "status", "numberReady") < due:
            yield from _not_ready(snapshot, daemonset, due)
        if astray := count_of(daemonset, "status", "numberMisscheduled"):
            yield Said(
                code=DaemonSetCode.MISSCHEDULED,
                severity=Severity.INFO,
                message=f"{astray} pods of the DaemonSet run on nodes where it does not belong.",
                fields={"misscheduled": astray},
            ).of(snapshot, daemonset)
        selector = dig(daemonset, "spec", "template", "spec", "nodeSelector")
        if selector and not due:
            yield Said(
                code=DaemonSetCode.NO_NODE,
                severity=Severity.INFO,
                message="No node has the labels that the DaemonSet asks for.",
                fields={"node_selector": selector},
            ).of(snapshot, daemonset)


def _not_ready(snapshot: Snapshot, daemonset: JsonObject, due: int) -> Iterator[Finding]:
    pods = [pod for pod in snapshot.owned(daemonset) if not is_finished(pod)]
    unready = [pod for pod in pods if not is_ready(pod)]
    if unready and len(pods) >= due and all(_young(snapshot, pod) for pod in unready):
        return
    ready = count_of(daemonset, "status", "numberReady")
    nodes = sorted({node for pod in unready if (node := dig(pod, "spec", "nodeName"))})
    yield Said(
        code=DaemonSetCode.NOT_READY,
        severity=Severity.WARNING if ready else Severity.CRITICAL,
        message=f"{ready} of {due} pods of the DaemonSet are ready"
        + (f"; not ready on {', '.join(nodes[:3])}." if nodes else "."),
        fields={
            "ready": ready,
            "desired": due,
            "scheduled": count_of(daemonset, "status", "currentNumberScheduled"),
            "pods": sorted(name_of(pod) for pod in unready),
            "nodes": nodes,
        },
        reads=("Pod",),
    ).of(snapshot, daemonset)


def _young(snapshot: Snapshot, pod: JsonObject) -> bool:
    made = moment(dig(pod, "metadata", "creationTimestamp"))
    return bool(made and snapshot.taken_at - made < SETTLING)
