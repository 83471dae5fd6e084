"""What stands between a claim and a volume: its class, the volumes that nearly fit, the pods that want it.

Source: PersistentVolumeSpec (core/v1), StorageClass (storage/v1), the binder's rules.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from agents.investigator.analyzers.fields import (
    dig,
    is_finished,
    is_ready,
    items,
    labels_of,
    moment,
    name_of,
    namespace_of,
    quotable,
)
from agents.investigator.analyzers.selectors import selects, spelled
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.quantities import QuantityError, amount

NO_PROVISIONER = "kubernetes.io/no-provisioner"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_MULTI_ATTACH = re.compile(r'Multi-Attach error for volume "([^"]+)"')
_EXCLUSIVE = (["ReadWriteOnce"], ["ReadWriteOncePod"])


class Users:
    """Which living pods mount which claim, indexed once."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Index the volumes of all pods."""
        self._pods: dict[tuple[str, str], list[JsonObject]] = defaultdict(list)
        for pod in snapshot.objects("Pod"):
            if is_finished(pod):
                continue
            for volume in items(pod, "spec", "volumes"):
                name = dig(volume, "persistentVolumeClaim", "claimName")
                if name:
                    self._pods[namespace_of(pod), name].append(pod)

    def of(self, claim: JsonObject) -> tuple[JsonObject, ...]:
        """The pods that mount this claim."""
        return tuple(self._pods.get((namespace_of(claim), name_of(claim)), ()))


def size(quantity: object) -> float:
    """Bytes of a storage quantity; endless when it is none, so that none is called too small by mistake."""
    try:
        return amount(str(quantity))
    except QuantityError:
        return float("inf")


def is_default(storage_class: JsonObject) -> bool:
    """Whether claims without a class get this one."""
    marks = dig(storage_class, "metadata", "annotations") or {}
    return bool(marks.get(DEFAULT_CLASS) == "true")


def class_of(snapshot: Snapshot, claim: JsonObject) -> str:
    """The class a claim asks for, or the default one; empty for none."""
    named = dig(claim, "spec", "storageClassName")
    if named is None:
        named = (dig(claim, "metadata", "annotations") or {}).get(_OLD_CLASS)
    if named is not None:
        return str(named)
    # Of several defaults the newest is taken.
    defaults = [one for one in snapshot.objects("StorageClass") if is_default(one)]
    born = [(dig(one, "metadata", "creationTimestamp") or "", name_of(one)) for one in defaults]
    return max(born, default=("", ""))[1]


def misfits(snapshot: Snapshot, claim: JsonObject, wanted: str) -> list[tuple[str, list[str]]]:
    """Every volume that is not in use by name, with what keeps it from this claim; the nearest first."""
    free = [
        volume
        for volume in snapshot.objects("PersistentVolume")
        if dig(volume, "status", "phase") in ("Available", "Released")
    ]
    rated = [(name_of(volume), _reasons(volume, claim, wanted)) for volume in free]
    return sorted(rated, key=lambda one: (len(one[1]), one[0]))


def _reasons(volume: JsonObject, claim: JsonObject, wanted: str) -> list[str]:
    found = []
    has, needs = (
        dig(volume, "spec", "capacity", "storage"),
        dig(claim, "spec", "resources", "requests", "storage"),
    )
    if dig(volume, "status", "phase") == "Released":
        found.append("it is Released and still holds another claim's data")
    if (other := dig(volume, "spec", "storageClassName") or "") != wanted:
        found.append(f"its class is {other or '(none)'} and not {wanted or '(none)'}")
    if has and needs and size(has) < size(needs):
        found.append(f"it has {has} and not {needs}")
    lacking = set(_modes(claim)) - set(_modes(volume))
    if lacking:
        found.append(f"it does not offer {', '.join(sorted(lacking))}")
    selector = dig(claim, "spec", "selector")
    if selector and not selects(selector, labels_of(volume)):
        found.append(f"its labels are not {spelled(selector)}")
    return found


def _modes(obj: JsonObject) -> list[str]:
    return list(dig(obj, "spec", "accessModes") or ())


@dataclass(frozen=True, kw_only=True)
class Contended:
    """A claim that is wanted on a node while another holds it."""

    waiting: tuple[str, ...]
    nodes: tuple[str, ...]
    message: str = ""
    since: datetime | None = None


def contended(snapshot: Snapshot, claim: JsonObject, pods: tuple[JsonObject, ...]) -> Contended | None:
    """Who waits and who holds, when the volume of this claim cannot be in two places; else None."""
    # Who waits is not ready: of nearly every claim nobody is.
    unready = [pod for pod in pods if snapshot.is_unwell(pod) and not is_ready(pod)]
    if not unready:
        return None
    volume = dig(claim, "spec", "volumeName") or ""
    nodes = {str(dig(pod, "spec", "nodeName")) for pod in pods if is_ready(pod)}
    for pod in unready:
        for event in snapshot.events_of(pod):
            hit = _MULTI_ATTACH.search(event.get("message") or "")
            # The event stays for an hour; a pod that runs by now has its volume.
            if hit and hit[1] == volume:
                return Contended(
                    waiting=(name_of(pod),),
                    nodes=tuple(sorted(nodes)),
                    message=quotable(event["message"]),
                    since=moment(event.get("firstTimestamp")),
                )
    elsewhere = [pod for pod in unready if dig(pod, "spec", "nodeName") not in (None, *nodes)]
    if _modes(claim) in _EXCLUSIVE and nodes and elsewhere and _starting(elsewhere):
        return Contended(waiting=tuple(sorted(map(name_of, elsewhere))), nodes=tuple(sorted(nodes)))
    return None


def _starting(pods: list[JsonObject]) -> bool:
    """Whether no container of theirs has run yet: one that runs has its volume already."""
    states = (status for pod in pods for status in items(pod, "status", "containerStatuses"))
    return all(dig(status, "state", "waiting") and not status.get("restartCount") for status in states)
