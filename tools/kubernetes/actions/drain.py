"""Draining a node: one cordon and one eviction for each pod that can go, as the steps of one plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tools.kubernetes.actions.cordon import Cordon
from tools.kubernetes.actions.evict_pod import MIRROR, EvictPod
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import read

MOST_PODS = 50
"""Pods of one plan at most: a person has to read them all."""


def drain(node: JsonObject, pods: Iterable[JsonObject], others: int) -> tuple[Step, ...] | Refused:
    """The steps that empty ``node``, or why they must not be done; such a plan is always tier 3.

    ``others`` is how many other nodes take pods. Static pods and those of a DaemonSet stay, as they
    belong to the node. Every eviction asks the disruption budget anew: one that says no ends the plan
    there (PARTIAL), and nothing is tried a second time.
    """
    cordoned = Cordon().draft(node, {"others": others}, Context())
    if isinstance(cordoned, Refused):
        return cordoned
    steps = [cordoned]
    for pod in _to_go(node["metadata"]["name"], pods):
        evicted = EvictPod().draft(pod, {}, Context())
        if isinstance(evicted, Refused):
            return evicted
        steps.append(evicted)
    if len(steps) > MOST_PODS + 1:
        return Refused(reason=f"{len(steps) - 1} pods are more than {MOST_PODS}, the most of one plan")
    return tuple(steps)


def _to_go(node: str, pods: Iterable[JsonObject]) -> Iterator[JsonObject]:
    for pod in pods:
        meta = pod["metadata"]
        stays = MIRROR in (meta.get("annotations") or {}) or _of_daemon_set(pod)
        over = meta.get("deletionTimestamp") or read(pod, "/status/phase") in ("Succeeded", "Failed")
        if read(pod, "/spec/nodeName") == node and not stays and not over:
            yield pod


def _of_daemon_set(pod: JsonObject) -> bool:
    owners = pod["metadata"].get("ownerReferences") or []
    return any(owner.get("kind") == "DaemonSet" and owner.get("controller") is True for owner in owners)
