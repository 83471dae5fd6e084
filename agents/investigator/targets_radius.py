"""The blast radius: the objects near enough to an alert's target that a change to them can be its repair.

Owner chains up and down, Services and autoscalers of the same pods, and neighbours of the same
application in the same namespace. Nothing in another namespace, ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from agents.investigator.analyzers.fields import (
    dig,
    items,
    labels_of,
    matches,
    name_of,
    namespace_of,
    template_labels,
)
from agents.investigator.analyzers.objects import Objects
from agents.investigator.analyzers.service import IDENTITY_LABELS, SELECTABLE, nearest
from tools.kubernetes.history import KEPT_BY
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

OWNED_KINDS = ("Pod", "ReplicaSet", "Job")


class Relations:
    """Who owns, selects and scales whom in one inventory; built once and asked often."""

    def __init__(self, inventory: Objects) -> None:
        self.inventory = inventory
        self._roots: dict[tuple[str, str, str], ObjectRef] = {}
        self._offspring: dict[tuple[str, str, str], tuple[ObjectRef, ...]] = {}
        self._known: dict[str, dict[tuple[str, str], JsonObject]] = {}
        self._kept: dict[str, dict[tuple[str, str, str], list[JsonObject]]] = {}
        self._children: dict[tuple[str, str, str], list[JsonObject]] = defaultdict(list)
        for kind in OWNED_KINDS:
            for obj in inventory.objects(kind):
                if owner := self._owner(obj):
                    self._children[owner["kind"], namespace_of(obj), name_of(owner)].append(obj)

    def find(self, ref: ObjectRef) -> JsonObject | None:
        """The object of that kind, namespace and name. Each kind is indexed once: owners are asked often."""
        return self._find(ref.kind, ref.namespace, ref.name)

    def _find(self, kind: str, namespace: str, name: str) -> JsonObject | None:
        if kind not in self._known:
            objects = self.inventory.objects(kind)
            self._known[kind] = {(namespace_of(obj), name_of(obj)): obj for obj in objects}
        return self._known[kind].get((namespace, name))

    def owner(self, obj: JsonObject) -> ObjectRef | None:
        """The controller of an object, if the inventory holds it under the same uid."""
        found = self._owner(obj)
        return ref_of(found) if found else None

    def _owner(self, obj: JsonObject) -> JsonObject | None:
        # By name and not by reference: ten thousand pods have an owner each.
        for entry in items(obj, "metadata", "ownerReferences"):
            if not entry.get("controller", True):
                continue
            found = self._find(entry["kind"], namespace_of(obj), entry["name"])
            # A namesake that was created later is not the owner.
            if found is not None and dig(found, "metadata", "uid") == entry.get("uid"):
                return found
        return None

    def root(self, ref: ObjectRef) -> ObjectRef:
        """The top of the owner chain (Pod → ReplicaSet → Deployment), or the object itself."""
        key = ref.key
        found = self._roots.get(key)
        if found is None:
            found = self._roots[key] = self._root(ref)
        return found

    def _root(self, ref: ObjectRef) -> ObjectRef:
        seen = {ref.key}
        # Owner references are written by anybody: a ring of them must not hold us up for ever.
        while (obj := self.find(ref)) and (owner := self.owner(obj)) and owner.key not in seen:
            seen.add(owner.key)
            ref = owner
        return ref

    def offspring(self, ref: ObjectRef) -> tuple[ObjectRef, ...]:
        """Everything owned by the object, at any depth."""
        # Two hundred nodes that fail at once all lead to the same workloads.
        if ref.key not in self._offspring:
            self._offspring[ref.key] = self._all_offspring(ref)
        return self._offspring[ref.key]

    def _all_offspring(self, ref: ObjectRef) -> tuple[ObjectRef, ...]:
        found: dict[ObjectRef, None] = {}
        waiting = [ref]
        while waiting:
            for child in self._children.get(waiting.pop().key, ()):
                known = ref_of(child)
                if known not in found:
                    found[known] = None
                    waiting.append(known)
        return tuple(found)

    def kept(self, workload: ObjectRef) -> tuple[JsonObject, ...]:
        """What holds the workload's revisions. Controllers keep some ten of each."""
        kind = KEPT_BY.get(workload.kind, "")
        if kind not in self._kept:
            found = self._kept[kind] = defaultdict(list)
            for obj in self.inventory.objects(kind):
                if owner := self.owner(obj):
                    found[owner.key].append(obj)
        return tuple(self._kept[kind].get(workload.key, ()))

    def workloads(self, namespace: str) -> tuple[JsonObject, ...]:
        """Deployments, StatefulSets and DaemonSets of a namespace."""
        return tuple(self._workloads.get(namespace, ()))

    @cached_property
    def _workloads(self) -> dict[str, list[JsonObject]]:
        found: dict[str, list[JsonObject]] = defaultdict(list)
        for kind in SELECTABLE:
            for obj in self.inventory.objects(kind):
                found[namespace_of(obj)].append(obj)
        return found

    def served(self, service: JsonObject) -> tuple[ObjectRef, ...]:
        """Workloads a Service selects by their template; when it selects none, the one it was meant for."""
        return self._served.get(ref_of(service).key, ())

    def serving(self, workload: ObjectRef) -> tuple[ObjectRef, ...]:
        """Services that lead, or were meant to lead, to a workload."""
        return tuple(self._serving.get(workload.key, ()))

    @cached_property
    def _served(self) -> dict[tuple[str, str, str], tuple[ObjectRef, ...]]:
        # All Services at once: each asks every workload of its namespace, and is then asked many times.
        labelled = {
            namespace: [(template_labels(obj), ref_of(obj)) for obj in here]
            for namespace, here in self._workloads.items()
        }
        found = {}
        for service in self.inventory.objects("Service"):
            selector = dig(service, "spec", "selector") or {}
            here = labelled.get(namespace_of(service), ())
            hits = tuple(ref for labels, ref in here if matches(selector, labels))
            if not hits and selector:
                meant = nearest(service, self.workloads(namespace_of(service)))
                hits = (ref_of(meant),) if meant else ()
            found[ref_of(service).key] = hits
        return found

    @cached_property
    def _serving(self) -> dict[tuple[str, str, str], list[ObjectRef]]:
        found: dict[tuple[str, str, str], list[ObjectRef]] = defaultdict(list)
        for service in self.inventory.objects("Service"):
            for workload in self.served(service):
                found[workload.key].append(ref_of(service))
        return found

    def alike(self, namespace: str, identity: tuple[str, str]) -> tuple[ObjectRef, ...]:
        """Workloads and Services of a namespace that carry this identity label."""
        return tuple(self._alike.get((namespace, *identity), ()))

    @cached_property
    def _alike(self) -> dict[tuple[str, str, str], list[ObjectRef]]:
        found: dict[tuple[str, str, str], list[ObjectRef]] = defaultdict(list)
        services = (obj for obj in self.inventory.objects("Service") if dig(obj, "spec", "selector"))
        for obj in (*(one for here in self._workloads.values() for one in here), *services):
            for key, value in _identity(obj):
                found[namespace_of(obj), key, value].append(ref_of(obj))
        return found

    def scalers(self, workload: ObjectRef) -> tuple[ObjectRef, ...]:
        """HorizontalPodAutoscalers whose ``scaleTargetRef`` is the workload."""
        return tuple(self._scalers.get(workload.key, ()))

    @cached_property
    def _scalers(self) -> dict[tuple[str, str, str], list[ObjectRef]]:
        found: dict[tuple[str, str, str], list[ObjectRef]] = defaultdict(list)
        for hpa in self.inventory.objects("HorizontalPodAutoscaler"):
            kind, name = scaled_by(hpa)
            found[kind, namespace_of(hpa), name].append(ref_of(hpa))
        return found


def scaled_by(hpa: JsonObject) -> tuple[str, str]:
    """Kind and name an autoscaler targets."""
    target = dig(hpa, "spec", "scaleTargetRef") or {}
    return target.get("kind", ""), target.get("name", "")


def blast_radius(refs: Iterable[ObjectRef], inventory: Objects) -> frozenset[ObjectRef]:
    """Every object a repair of these targets may touch."""
    relations = Relations(inventory)
    found: set[ObjectRef] = set()
    for ref in refs:
        found.add(ref)
        for workload in _workloads_of(ref, relations):
            found |= {workload, *relations.offspring(workload)}
            found |= {*relations.serving(workload), *relations.scalers(workload)}
            found |= set(_neighbours(workload, relations))
    return frozenset(found)


def _workloads_of(ref: ObjectRef, relations: Relations) -> tuple[ObjectRef, ...]:
    obj = relations.find(ref)
    if obj is None or not ref.namespace:
        return ()
    if ref.kind == "Service":
        return relations.served(obj)
    if ref.kind == "HorizontalPodAutoscaler":
        kind, name = scaled_by(obj)
        target = ObjectRef(kind=kind or "Deployment", namespace=ref.namespace, name=name or ref.name)
        found = relations.find(target)
        return (ref_of(found),) if found else ()
    return (relations.root(ref),)


def _neighbours(workload: ObjectRef, relations: Relations) -> Iterable[ObjectRef]:
    """Workloads and Services of the same application: equal in the first identity label both carry."""
    own = _identity(relations.find(workload) or {})
    if not own:
        return
    for pair in own:
        yield from relations.alike(workload.namespace, pair)


def _identity(obj: JsonObject) -> frozenset[tuple[str, str]]:
    labels = {**template_labels(obj), **labels_of(obj)}
    return frozenset((key, labels[key]) for key in IDENTITY_LABELS if labels.get(key))
