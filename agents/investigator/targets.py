"""What the alerts are about, and how far a proposal may reach.

Alert labels are search keys and nothing more: a name counts only when the inventory holds an object of
that name (threat T4). Anything proposed must lie in the blast radius computed here.

What labels mean stands in ``targets_labels``, and which objects answer for a host in ``targets_hosts``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from agents.incident import Alert, Incident
from agents.investigator.analyzers.fields import items, name_of, namespace_of
from agents.investigator.analyzers.objects import Objects
from agents.investigator.targets_hosts import holding
from agents.investigator.targets_labels import Named, missing_name, namespace_label, wanted
from agents.investigator.targets_radius import blast_radius
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_CLUSTER_SCOPED = frozenset(("Node", "PersistentVolume", "Namespace", "GatewayClass"))

# How controllers name pods: Deployment-hash-suffix, ReplicaSet/DaemonSet/Job-suffix, StatefulSet-ordinal.
_POD_NAMES = (
    ("Deployment", re.compile(r"^(?P<owner>.+)-[a-z0-9]{6,10}-[a-z0-9]{5}$")),
    ("ReplicaSet", re.compile(r"^(?P<owner>.+)-[a-z0-9]{5}$")),
    ("StatefulSet", re.compile(r"^(?P<owner>.+)-\d+$")),
    ("DaemonSet", re.compile(r"^(?P<owner>.+)-[a-z0-9]{5}$")),
    ("Job", re.compile(r"^(?P<owner>.+)-[a-z0-9]{5}$")),
)


def claimed_elsewhere(incident: Incident) -> tuple[str, ...]:
    """Alerts whose ``cluster`` label is not the cluster that their sender's credential stands for.

    A label never widens or moves the scope (threat T3): it is said, and the credential's cluster is
    what was looked at.
    """
    named = sorted({alert.labels.get("cluster", "") for alert in incident.alerts} - {"", incident.cluster})
    return tuple(
        f"an alert names the cluster {name}, but only {incident.cluster}, which its credential stands for, "
        "was looked at"
        for name in named
    )


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The objects the alerts are about and the set that a proposal must stay within.

    ``by_alert`` pairs each alert with its objects (none when it names none that exists);
    ``missing`` says in plain words which names were not found.
    """

    by_alert: tuple[tuple[Alert, tuple[ObjectRef, ...]], ...]
    radius: frozenset[ObjectRef]
    missing: tuple[str, ...] = ()

    @property
    def refs(self) -> tuple[ObjectRef, ...]:
        """Every target once, in the order of the alerts."""
        return tuple(dict.fromkeys(ref for _, refs in self.by_alert for ref in refs))

    def holds(self, ref: ObjectRef) -> bool:
        """Whether the object is inside the blast radius."""
        return ref.key in self._keys

    @cached_property
    def _keys(self) -> frozenset[tuple[str, str, str]]:
        return frozenset(known.key for known in self.radius)


def targets(alerts: Iterable[Alert], inventory: Objects) -> Targets:
    """What these alerts are about. Alerts that name nothing, or nothing that exists, get no object."""
    by_alert: list[tuple[Alert, tuple[ObjectRef, ...]]] = []
    missing: list[str] = []
    for alert in alerts:
        looked_up = (_found(alert, one, inventory) for one in wanted(alert.labels))
        found = next((hit for hit in looked_up if hit), ())
        by_alert.append((alert, found))
        if not found and (lost := missing_name(alert.labels)):
            what = f"{lost.kind} {lost.name[:253]}"
            missing.append(f"{alert.name} names {what}, which is not among what could be read.")
    named = dict.fromkeys(ref for _, hits in by_alert for ref in hits)
    return Targets(
        by_alert=tuple(by_alert),
        radius=blast_radius(named, inventory),
        missing=tuple(dict.fromkeys(missing)),
    )


def _found(alert: Alert, one: Named, inventory: Objects) -> tuple[ObjectRef, ...]:
    place = "" if one.kind in _CLUSTER_SCOPED else one.namespace or namespace_label(alert.labels)
    match one.kind:
        case "Workload":
            return _application(inventory, place, one.name)
        case "Host":
            return holding(one.name, inventory)
        case "Image":
            return _running(inventory, place, one.name)
        case "Pod":
            found = _named(inventory, one.kind, place, one.name)
            return found or _owner_of_gone_pod(inventory, place, one.name)
    return _named(inventory, one.kind, place, one.name)


def _named(inventory: Objects, kind: str, namespace: str, name: str) -> tuple[ObjectRef, ...]:
    """The object of that name; without a namespace only if the name is unique in the cluster."""
    found = [obj for obj in inventory.objects(kind) if name_of(obj) == name and _in(obj, namespace)]
    return (ref_of(found[0]),) if len(found) == 1 else ()


def _in(obj: JsonObject, namespace: str) -> bool:
    return not namespace or namespace_of(obj) == namespace


def _application(inventory: Objects, namespace: str, name: str) -> tuple[ObjectRef, ...]:
    """The Service, or else the workload, of that name."""
    for kind in ("Service", *_WORKLOADS):
        if found := _named(inventory, kind, namespace, name):
            return found
    return ()


def _running(inventory: Objects, namespace: str, image: str) -> tuple[ObjectRef, ...]:
    """The workloads of the namespace whose pods are to run this very image."""
    workloads = (
        obj for kind in _WORKLOADS for obj in inventory.objects(kind) if namespace_of(obj) == namespace
    )
    return tuple(
        ref_of(obj)
        for obj in workloads
        if any(one.get("image") == image for one in items(obj, "spec", "template", "spec", "containers"))
    )


def _owner_of_gone_pod(inventory: Objects, namespace: str, name: str) -> tuple[ObjectRef, ...]:
    """The controller whose pod this was: pods are replaced while an alert is on its way."""
    for kind, pattern in _POD_NAMES:
        match = pattern.match(name)
        if match and (found := _named(inventory, kind, namespace, match["owner"])):
            return found
    return ()
