"""A StatefulSet that waits for a pod of before: its template was mended, and the pod that is sick stays.

A StatefulSet that makes its pods in order goes no further while one of them is not ready, be that one of an
earlier template and the very reason for the change. It has to be taken away by somebody. Source: the
Kubernetes documentation of StatefulSets, "Forced rollback".
"""

from __future__ import annotations

from agents.investigator.analyzers.fields import dig, is_ready, items, labels_of, name_of
from tools.kubernetes.history import POD_REVISION
from tools.kubernetes.objects import JsonObject


def holds_up(owner: JsonObject, pod: JsonObject) -> bool:
    """Whether the owner waits for this pod, which an earlier template made, and will not replace it."""
    ordered = owner.get("kind") == "StatefulSet" and not (
        dig(owner, "spec", "podManagementPolicy") == "Parallel"
        or dig(owner, "spec", "updateStrategy", "type") == "OnDelete"
    )
    uid, wanted = dig(owner, "metadata", "uid"), dig(owner, "status", "updateRevision")
    seen = dig(owner, "status", "observedGeneration") == dig(owner, "metadata", "generation")
    mine = any(one.get("uid") == uid for one in items(pod, "metadata", "ownerReferences"))
    earlier = labels_of(pod).get(POD_REVISION) not in (None, wanted)
    # Pods below the partition are meant to stay as they were.
    kept = _number(name_of(pod)) < int(
        dig(owner, "spec", "updateStrategy", "rollingUpdate", "partition") or 0
    )
    stays = not is_ready(pod) and not dig(pod, "metadata", "deletionTimestamp")
    return bool(ordered and seen and wanted and mine and earlier and stays and not kept)


def first_of(owner: JsonObject, pods: tuple[JsonObject, ...]) -> JsonObject | None:
    """The pod that is waited for: the first in order."""
    held = [pod for pod in pods if holds_up(owner, pod)]
    return min(held, key=lambda pod: _number(name_of(pod)), default=None)


def _number(name: str) -> int:
    number = name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
