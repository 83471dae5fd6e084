"""Objects that were made or written before the trouble began, as ``managedFields`` tell.

A write says who and when, and which fields that manager keeps; what the value was before is nowhere in the
cluster, and so it is not said.
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.investigator.analyzers.config import MADE_BY_CONTROLLERS
from agents.investigator.analyzers.fields import dig, items, moment, name_of
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.change import Change, ChangeKind, Window, owner_of
from agents.investigator.changes_words import listed
from tools.kubernetes.objects import JsonObject, ref_of

_KINDS: dict[str, ChangeKind] = {
    "ConfigMap": ChangeKind.CONFIG,
    "Secret": ChangeKind.SECRET,
    "ResourceQuota": ChangeKind.QUOTA,
    "LimitRange": ChangeKind.QUOTA,
    "HorizontalPodAutoscaler": ChangeKind.AUTOSCALER,
    "PodDisruptionBudget": ChangeKind.DISRUPTION,
    "NetworkPolicy": ChangeKind.NETWORK_POLICY,
    "Ingress": ChangeKind.ROUTE,
    "HTTPRoute": ChangeKind.ROUTE,
    "Service": ChangeKind.SERVICE,
    "PersistentVolumeClaim": ChangeKind.STORAGE,
    "StatefulSet": ChangeKind.ROLLOUT,
    "DaemonSet": ChangeKind.ROLLOUT,
    "CronJob": ChangeKind.ROLLOUT,
}
_SCALED = ("Deployment", "StatefulSet")
_CONTROLLERS = frozenset(("kube-controller-manager", "kube-scheduler", "kubelet", "kube-apiserver"))
_ELECTION = "control-plane.alpha.kubernetes.io/leader"
_MEANT = ("spec", "data", "binaryData", "immutable", "type", "stringData")
_ROUTED_BY_ANNOTATION = frozenset(("Ingress", "Service"))
_REPLICAS = "spec.replicas"
_TEMPLATE = "spec.template"


def written(snapshot: Snapshot, window: Window) -> Iterator[Change]:
    """The writes of this time that a person or a tool meant; controllers at their daily work are left out."""
    for kind, sort in _KINDS.items():
        for obj in snapshot.objects(kind):
            if not _noise(obj):
                yield from _of(obj, sort, window, kept=bool(snapshot.owned(obj, "ControllerRevision")))
    for kind in _SCALED:
        for obj in snapshot.objects(kind):
            yield from _scalings(obj, window)


def _noise(obj: JsonObject) -> bool:
    return name_of(obj) in MADE_BY_CONTROLLERS or _ELECTION in (dig(obj, "metadata", "annotations") or {})


def _of(obj: JsonObject, sort: ChangeKind, window: Window, *, kept: bool) -> Iterator[Change]:
    """``kept``: its earlier templates are known, and so each rollout is told with what it changed."""
    made = moment(dig(obj, "metadata", "creationTimestamp"))
    first = next((one.get("manager") or "" for one in items(obj, "metadata", "managedFields")), "")
    if made is not None and window.holds(made):
        if first not in _CONTROLLERS:
            yield Change(
                at=made, kind=sort, object=ref_of(obj), what="was made", who=first, owner=owner_of(obj)
            )
        return
    for entry in items(obj, "metadata", "managedFields"):
        at, found = moment(entry.get("time")), _fields(entry, obj["kind"])
        fields = tuple(one for one in found if not (kept and one == _TEMPLATE))
        if at is not None and window.holds(at) and fields and entry.get("manager") not in _CONTROLLERS:
            yield Change(
                at=at,
                kind=sort,
                object=ref_of(obj),
                what=f"was written ({', '.join(listed(fields))})",
                who=entry.get("manager") or "",
                owner=owner_of(obj),
            )


def _fields(entry: JsonObject, kind: str) -> tuple[str, ...]:
    """The fields of this writer that mean something; empty for a status, labels or a mere count of pods."""
    if entry.get("subresource"):
        return ()
    known = entry.get("fields")
    if known is None:
        return ("its fields are not known",)
    meant = tuple(one for one in known if one.partition(".")[0] in _MEANT and one != _REPLICAS)
    if kind in _ROUTED_BY_ANNOTATION:
        meant += tuple(one for one in known if one == "metadata.annotations")
    return meant


def _scalings(obj: JsonObject, window: Window) -> Iterator[Change]:
    for entry in items(obj, "metadata", "managedFields"):
        at = moment(entry.get("time"))
        alone = entry.get("subresource") == "scale" or entry.get("fields") == [_REPLICAS]
        if at is not None and window.holds(at) and alone:
            who = entry.get("manager") or ""
            yield Change(
                at=at,
                kind=ChangeKind.SCALING,
                object=ref_of(obj),
                what=f"was scaled (it asks for {dig(obj, 'spec', 'replicas')} replicas now)",
                # Of the controllers only the autoscaler writes this.
                who="an autoscaler" if who in _CONTROLLERS else who,
                owner=owner_of(obj),
            )
