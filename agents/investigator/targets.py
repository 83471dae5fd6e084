"""What the alerts are about, and how far a proposal may reach.

Alert labels are search keys and nothing more: a name counts only when the inventory holds an object of
that name (threat T4). Anything proposed must lie in the blast radius computed here.

The label rules come from kube-state-metrics: workload series of the Helm chart carry the exporter's own
``pod``, ``container``, ``service`` and sometimes ``namespace``, so an alert's kind label comes first and
``pod`` counts only for pod alerts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from agents.incident import Alert, Incident
from agents.investigator.analyzers.fields import name_of, namespace_of
from agents.investigator.analyzers.objects import Objects
from agents.investigator.targets_radius import blast_radius
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

EXPORTER = "kube-state-metrics"

# Label → kind, most telling first: a claim's alert also carries `node`, a workload's never carries a claim.
KIND_LABELS: tuple[tuple[str, str], ...] = (
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("replicaset", "ReplicaSet"),
    ("job_name", "Job"),
    ("cronjob", "CronJob"),
    ("ingress", "Ingress"),
    ("poddisruptionbudget", "PodDisruptionBudget"),
    ("resourcequota", "ResourceQuota"),
)
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_APP_LABELS = ("workload", "service", "app", "app_kubernetes_io_name", "application", "job")
_CLUSTER_SCOPED = frozenset(("Node", "PersistentVolume", "Namespace"))

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
        wanted = tuple(_wanted(alert.labels))
        looked_up = (_found(alert, kind, name, inventory) for kind, name in wanted)
        found = next((hit for hit in looked_up if hit), ())
        by_alert.append((alert, found))
        if wanted and not found:
            kind, name = wanted[0]
            missing.append(f"{alert.name} names {kind} {name[:253]}, which is not among what could be read.")
    named = dict.fromkeys(ref for _, hits in by_alert for ref in hits)
    return Targets(
        by_alert=tuple(by_alert),
        radius=blast_radius(named, inventory),
        missing=tuple(dict.fromkeys(missing)),
    )


def namespace_label(labels: dict[str, str]) -> str:
    """The workload's namespace: ``exported_namespace`` wins, because then ``namespace`` is the exporter's."""
    return labels.get("exported_namespace") or labels.get("namespace", "")


def names_something(labels: dict[str, str]) -> bool:
    """Whether the alert names an object at all, be there one of that name or not."""
    return next(_wanted(labels), None) is not None


def _wanted(labels: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Kinds and names to look for, the best first."""
    named = [
        (kind, value)
        for label, kind in KIND_LABELS
        if (value := labels.get(f"exported_{label}") or labels.get(label))
    ]
    # An alert says its kind in its name; with two kind labels that one is the subject.
    subject = labels.get("alertname", "").lower()
    yield from sorted(named, key=lambda pair: pair[0].lower() not in subject)
    pod, about_exporter = _pod(labels)
    if node := _node(labels, named=bool(named or (pod and not about_exporter))):
        yield "Node", node
        return
    if named:
        return
    if pod and not about_exporter:
        yield "Pod", pod
        return
    if not about_exporter:
        for label in _APP_LABELS:
            value = labels.get(f"exported_{label}") or labels.get(label)
            if value and value != EXPORTER:
                yield "Workload", value


def _pod(labels: dict[str, str]) -> tuple[str, bool]:
    """The pod named, and whether ``pod`` and ``service`` are the exporter's own labels."""
    if exported := labels.get("exported_pod"):
        return exported, False
    return labels.get("pod", ""), labels.get("container") == EXPORTER


def _node(labels: dict[str, str], *, named: bool) -> str:
    # A pod's or a claim's alert names the node it is on; the node is the subject only without those.
    return "" if named else labels.get("node", "")


def _found(alert: Alert, kind: str, name: str, inventory: Objects) -> tuple[ObjectRef, ...]:
    namespace = "" if kind in _CLUSTER_SCOPED else namespace_label(alert.labels)
    if kind == "Workload":
        return _application(inventory, namespace, name)
    found = _named(inventory, kind, namespace, name)
    if not found and kind == "Pod":
        found = _owner_of_gone_pod(inventory, namespace, name)
    return found


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


def _owner_of_gone_pod(inventory: Objects, namespace: str, name: str) -> tuple[ObjectRef, ...]:
    """The controller whose pod this was: pods are replaced while an alert is on its way."""
    for kind, pattern in _POD_NAMES:
        match = pattern.match(name)
        if match and (found := _named(inventory, kind, namespace, match["owner"])):
            return found
    return ()
