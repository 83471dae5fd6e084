"""What changed before the trouble began: rollouts, configuration, limits, routes, scaling and nodes.

Read from ReplicaSets, ``managedFields``, taints and events of one look. ``managedFields`` name the fields
that a manager keeps and when it wrote last, not what it wrote: such a change is told as a write. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from agents.incident import Claim
from agents.investigator.analyzers.fields import dig, items, namespace_of, selected_by, template_labels
from agents.investigator.analyzers.references import pod_spec, references
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.change import Change, ChangeKind, Window
from agents.investigator.changes_nodes import node_changes
from agents.investigator.changes_rollouts import rollout_changes
from agents.investigator.changes_writes import written
from agents.investigator.targets import Targets
from agents.investigator.targets_labels import namespace_label
from tools.kubernetes.objects import JsonObject, ObjectRef
from tools.redaction import redact

HOURS = 6
"""How far back is looked: a change of this shift. What is older set off few incidents, and is many."""

MOST = 10
"""Changes kept with a diagnosis, the nearest to the start."""

_OF_A_NAMESPACE = frozenset(("ResourceQuota", "LimitRange"))
Key = tuple[str, str, str]


def changes(snapshot: Snapshot, began: datetime, hours: float = HOURS) -> tuple[Change, ...]:
    """Everything that was changed in the hours before ``began``, the nearest first."""
    window = Window(since=began - timedelta(hours=hours), until=began)
    found = (*rollout_changes(snapshot, window), *written(snapshot, window), *node_changes(snapshot, window))
    return tuple(sorted(found, key=lambda one: (began - one.at, str(one))))


def near(found: tuple[Change, ...], snapshot: Snapshot, about: Targets) -> tuple[Change, ...]:
    """Those changes that touch what the alerts are about, or what it takes, runs on and is reached by."""
    reach = _Reach(snapshot, about)
    return tuple(one for one in found if reach.holds(one))


def changed(snapshot: Snapshot, about: Targets) -> tuple[Claim, ...]:
    """The changes near the alerts as claims, each a line of the evidence that was kept of all changes."""
    kept = snapshot.cites("", "Change")
    if snapshot.began is None or not kept:
        return ()
    found = near(changes(snapshot, snapshot.began), snapshot, about)
    # As the evidence holds it: without what looks like a secret.
    told = ((str(redact(str(one))), str(one.object)) for one in found[:MOST])
    return tuple(Claim(text=text, evidence=kept, quotes=(text,), objects=(name,)) for text, name in told)


class _Reach:
    """The objects whose change can matter to these alerts."""

    def __init__(self, snapshot: Snapshot, about: Targets) -> None:
        self._keys = {ref.key for ref in about.radius}
        self._places = {ref.namespace for ref in about.radius if ref.namespace}
        if not self._keys:
            # An alert that names only a namespace is about all of it.
            alerts = (alert for alert, _ in about.by_alert)
            self._whole = {place for alert in alerts if (place := namespace_label(alert.labels))}
        else:
            self._whole = set()
        objects = [obj for ref in about.radius if (obj := _find(snapshot, ref)) is not None]
        self._labels = [
            (namespace_of(obj), template_labels(obj) or dig(obj, "metadata", "labels") or {})
            for obj in objects
        ]
        self._keys |= set(_taken(objects)) | set(_routes(snapshot, self._keys))
        self._snapshot = snapshot

    def holds(self, one: Change) -> bool:
        """Whether this change can matter."""
        ref = one.object
        if ref.key in self._keys or ref.namespace in self._whole:
            return True
        if ref.kind in _OF_A_NAMESPACE:
            return ref.namespace in self._places
        return one.kind in {ChangeKind.NETWORK_POLICY, ChangeKind.DISRUPTION} and self._selects(ref)

    def _selects(self, ref: ObjectRef) -> bool:
        obj = self._snapshot.find(ref.kind, ref.namespace, ref.name) or {}
        selector = dig(obj, "spec", "podSelector") or dig(obj, "spec", "selector") or {}
        here = (labels for namespace, labels in self._labels if namespace == ref.namespace)
        return any(selected_by(selector, labels) for labels in here)


def _find(snapshot: Snapshot, ref: ObjectRef) -> JsonObject | None:
    return snapshot.find(ref.kind, ref.namespace, ref.name)


def _taken(objects: Iterable[JsonObject]) -> Iterator[Key]:
    """What these objects are configured from, and the nodes that their pods run on."""
    for obj in objects:
        namespace, spec = namespace_of(obj), pod_spec(obj)
        if spec.get("containers"):
            yield from ((one.kind, namespace, one.name) for one in references(spec))
        for volume in items(spec, "volumes"):
            if claim := dig(volume, "persistentVolumeClaim", "claimName"):
                yield ("PersistentVolumeClaim", namespace, claim)
        if obj.get("kind") == "Pod" and (node := dig(obj, "spec", "nodeName")):
            yield ("Node", "", node)


def _routes(snapshot: Snapshot, keys: set[Key]) -> Iterator[Key]:
    """The Ingresses that lead to one of these Services."""
    for ingress in snapshot.objects("Ingress"):
        namespace = namespace_of(ingress)
        backends = (
            dig(path, "backend", "service", "name")
            for rule in items(ingress, "spec", "rules")
            for path in items(rule, "http", "paths")
        )
        if any(("Service", namespace, name) in keys for name in backends):
            yield ("Ingress", namespace, dig(ingress, "metadata", "name") or "")
