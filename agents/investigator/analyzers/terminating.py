"""Pods that should be gone and are not.

Source: metadata.deletionTimestamp, which already holds the grace period (core/v1).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import condition, dig, items, moment, name_of, quotable
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ref_of

OVERDUE = timedelta(minutes=2)
"""After the grace period a kubelet kills, unmounts and reports within seconds."""


class TerminatingCode(Coded):
    """Why a pod does not go away."""

    FINALIZER = (
        "pod.terminating.finalizer",
        "A pod that is being deleted waits for somebody to remove a finalizer.",
        "metadata.deletionTimestamp, metadata.finalizers",
    )
    OVERDUE = (
        "pod.terminating.overdue",
        "A pod is long past its grace period: its node does not answer, or cannot kill or unmount it.",
        "metadata.deletionTimestamp, the condition Ready of its node, FailedKillPod events",
    )


def terminating(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for pods past their grace period; one that is stopping within it is silent."""
    for pod in snapshot.unwell:
        due = moment(dig(pod, "metadata", "deletionTimestamp"))
        if due is None or snapshot.taken_at - due < OVERDUE:
            continue
        finalizers = [str(name) for name in items(pod, "metadata", "finalizers")]
        said = _finalizer(pod, finalizers) if finalizers else _overdue(snapshot, pod)
        yield Said(**{**vars(said), "since": due}).of(snapshot, pod)


def _finalizer(pod: JsonObject, finalizers: list[str]) -> Said:
    return Said(
        code=TerminatingCode.FINALIZER,
        message=f"Pod {name_of(pod)} is being deleted and waits for {quotable(', '.join(finalizers))}.",
        fields={"finalizers": finalizers},
    )


def _overdue(snapshot: Snapshot, pod: JsonObject) -> Said:
    node = dig(pod, "spec", "nodeName") or ""
    known = snapshot.find("Node", "", node)
    ready = condition(known, "Ready").get("status") if known else None
    told = [event for event in snapshot.events(ref_of(pod)) if event.get("reason") == "FailedKillPod"]
    text = quotable(told[-1].get("message") or "") if told else ""
    silent = known is not None and ready != "True"
    return Said(
        code=TerminatingCode.OVERDUE,
        message=f"Pod {name_of(pod)} should be gone and is not"
        + (f": node {node} is not ready." if silent else f": {text}" if text else "."),
        fields={"node": node, "node_ready": ready, "message": text},
        reads=("Node", "Event"),
    )
