"""How far one thing is felt: along owners, placement, mounts, Services, routes and calls.

Downstream only. A pod's trouble is felt by its workload, its Services, the routes to them and whoever
calls them, and not by its brothers; a node's or a volume's by the pods on it. Built when first asked,
each index once: a namespace of ten thousand pods must stay cheap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from agents.investigator.analyzers.dependency import calls
from agents.investigator.analyzers.fields import dig, items, name_of, namespace_of, template_labels
from agents.investigator.analyzers.references import pod_spec
from agents.investigator.analyzers.route import KINDS as ROUTES
from agents.investigator.analyzers.selectors import selects
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.targets_radius import Relations, scaled_by
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

Key = tuple[str, str, str]

INDIRECT = 0.6
"""How surely a cause explains an alert of a Service that still has ready endpoints, or of an autoscaler."""
CALLER = 0.85
"""What remains of that on the way from a Service to those who call it: they may well do without."""
LEAST = 0.35
"""Calls are followed as far as this is left, some four of them: beyond, nearly everybody calls everybody."""
PLACED = 0.6
"""How surely a node's trouble is that of a pod on it that shows nothing itself."""


class Touch(NamedTuple):
    """How surely something is felt here (0 to 1), and whether only by way of a call (``far``)."""

    sure: float
    far: bool


class Links:
    """The joins of one snapshot that ``Relations`` does not have, and the walk along all of them."""

    def __init__(
        self, snapshot: Snapshot, relations: Relations, heard: Mapping[Key, list[ObjectRef]] | None = None
    ) -> None:
        """Nothing is indexed before it is asked for; ``heard`` are more callers of Services."""
        self.snapshot, self.relations, self._heard = snapshot, relations, heard or {}
        self._felt: dict[tuple[Key, bool], dict[Key, Touch]] = {}

    def felt(self, ref: ObjectRef) -> dict[Key, Touch]:
        """Every object where something wrong with ``ref`` is felt, with how surely."""
        root = self.relations.root(ref)
        if root.key == ref.key:
            return self._from(ref)
        # Hundreds of pods of one workload are felt by the same others: walked once, from their root.
        below = {child.key: Touch(1.0, far=False) for child in self._below(ref)}
        return {**self._from(root, below=False), **below, ref.key: Touch(1.0, far=False)}

    def fronts(self, ref: ObjectRef) -> tuple[ObjectRef, ...]:
        """What hands requests on to a Service: its routes, and the API server by a webhook."""
        return tuple(dict.fromkeys(map(ref_of, self._fronted.get(ref.key, ()))))

    def _from(self, ref: ObjectRef, *, below: bool = True) -> dict[Key, Touch]:
        if (ref.key, below) not in self._felt:
            self._felt[ref.key, below] = self._walk(ref, tuple(self._below(ref)) if below else ())
        return self._felt[ref.key, below]

    def _walk(self, ref: ObjectRef, below: tuple[ObjectRef, ...]) -> dict[Key, Touch]:
        found = {ref.key: Touch(1.0, far=False)}
        waiting = [(ref, found[ref.key])]
        for child in below:
            waiting.append((child, Touch(PLACED if ref.kind == "Node" else 1.0, far=False)))
            found.setdefault(child.key, waiting[-1][1])
        while waiting:
            at, touch = waiting.pop(0)
            for after, next_touch in self._onwards(at, touch):
                # The first way to get somewhere is the shortest one; a surer one may follow.
                known = found.get(after.key)
                if known is None or (known.sure, not known.far) < (next_touch.sure, not next_touch.far):
                    found[after.key] = next_touch
                    waiting.append((after, next_touch))
        return found

    def _below(self, ref: ObjectRef) -> Iterator[ObjectRef]:
        """What is made by, placed on or mounted from the object that is itself at fault."""
        yield from self.relations.offspring(ref)
        yield from map(ref_of, self._placed.get(ref.name, ()) if ref.kind == "Node" else ())
        yield from map(ref_of, self._claimed.get(ref.key, ()))
        yield from self._drawn.get(ref.key, ())
        yield from self._hung.get(ref.key, ())
        if ref.kind == "HorizontalPodAutoscaler" and (scaler := self.relations.find(ref)):
            kind, name = scaled_by(scaler)
            yield from self._there(ObjectRef(kind=kind or "-", namespace=ref.namespace, name=name or "-"))
        if ref.kind == "NetworkPolicy" and (policy := self.relations.find(ref)):
            for workload in self.relations.workloads(ref.namespace):
                if selects(dig(policy, "spec", "podSelector") or {}, template_labels(workload)):
                    yield ref_of(workload)
                    yield from self._unwell_of(ref_of(workload))

    def _unwell_of(self, workload: ObjectRef) -> Iterator[ObjectRef]:
        # A pod that is well shows that it can do without what a policy keeps from it.
        for child in self.relations.offspring(workload):
            if child.kind == "Pod" and self.snapshot.is_unwell(self.relations.find(child) or {}):
                yield child

    def _there(self, ref: ObjectRef) -> Iterator[ObjectRef]:
        if self.relations.find(ref) is not None:
            yield ref

    def _onwards(self, ref: ObjectRef, touch: Touch) -> Iterator[tuple[ObjectRef, Touch]]:
        if ref.kind == "Service":
            yield from ((one, touch) for one in self.fronts(ref))
            called = Touch(round(touch.sure * CALLER, 4), far=True)
            if called.sure >= LEAST:
                callers = (*map(ref_of, self._callers.get(ref.key, ())), *self._heard.get(ref.key, ()))
                yield from ((one, called) for one in dict.fromkeys(callers))
            return
        if ref.kind == "PersistentVolumeClaim":
            yield from ((ref_of(one), touch) for one in self._claimed.get(ref.key, ()))
            return
        root = self.relations.root(ref)
        if root.key != ref.key:
            yield root, touch
            return
        # What makes pods: its sets are one with it, and a caller's pods are where the call is felt.
        for child in self.relations.offspring(ref):
            if touch.far or child.kind == "ReplicaSet":
                yield child, touch
        aside = Touch(min(touch.sure, INDIRECT), far=touch.far)
        for one in (*self.relations.serving(ref), *self.relations.scalers(ref), *self._guarding(ref)):
            yield one, aside

    def _guarding(self, ref: ObjectRef) -> Iterator[ObjectRef]:
        budgets = self._budgets.get(ref.namespace, ())
        labels = template_labels(self.relations.find(ref) or {}) if budgets else {}
        for budget in budgets:
            if labels and selects(dig(budget, "spec", "selector"), labels):
                yield ref_of(budget)

    @cached_property
    def _budgets(self) -> dict[str, list[JsonObject]]:
        found: dict[str, list[JsonObject]] = defaultdict(list)
        for budget in self.snapshot.objects("PodDisruptionBudget"):
            found[namespace_of(budget)].append(budget)
        return found

    # The indexes hold objects: a reference to each of thousands would cost more than all the walks.
    @cached_property
    def _placed(self) -> dict[str, list[JsonObject]]:
        found: dict[str, list[JsonObject]] = defaultdict(list)
        for pod in self.snapshot.objects("Pod"):
            if node := dig(pod, "spec", "nodeName"):
                found[str(node)].append(pod)
        return found

    @cached_property
    def _claimed(self) -> dict[Key, list[JsonObject]]:
        """Who waits for a volume: class → its unbound claims, volume → its claim, claim → its pods."""
        found: dict[Key, list[JsonObject]] = defaultdict(list)
        for claim in self.snapshot.objects("PersistentVolumeClaim"):
            volume, of_class = dig(claim, "spec", "volumeName"), dig(claim, "spec", "storageClassName")
            if volume:
                found["PersistentVolume", "", str(volume)].append(claim)
            elif of_class:
                found["StorageClass", "", str(of_class)].append(claim)
        if self.snapshot.objects("PersistentVolumeClaim"):
            for pod in self.snapshot.objects("Pod"):
                for volume in pod_spec(pod).get("volumes") or ():
                    if name := dig(volume, "persistentVolumeClaim", "claimName"):
                        found["PersistentVolumeClaim", namespace_of(pod), str(name)].append(pod)
        return found

    @cached_property
    def _drawn(self) -> dict[Key, list[ObjectRef]]:
        """The claims that a StatefulSet draws from its templates: no owner reference says so."""
        found: dict[Key, list[ObjectRef]] = defaultdict(list)
        for workload in self.snapshot.objects("StatefulSet"):
            names = [name_of(template) for template in items(workload, "spec", "volumeClaimTemplates")]
            for claim in (
                self.snapshot.within(namespace_of(workload), "PersistentVolumeClaim") if names else ()
            ):
                template, _, number = name_of(claim).rpartition(f"-{name_of(workload)}-")
                if template in names and number.isdigit():
                    found[ref_of(workload).key].append(ref_of(claim))
        return found

    @cached_property
    def _hung(self) -> dict[Key, list[ObjectRef]]:
        """What hangs on a door: class → its Gateways, Gateway → its routes."""
        found: dict[Key, list[ObjectRef]] = defaultdict(list)
        for gateway in self.snapshot.objects("Gateway"):
            found["GatewayClass", "", dig(gateway, "spec", "gatewayClassName") or ""].append(ref_of(gateway))
        for route in (one for kind in ROUTES for one in self.snapshot.objects(kind)):
            for parent in items(route, "spec", "parentRefs"):
                place = parent.get("namespace") or namespace_of(route)
                found["Gateway", place, parent.get("name") or ""].append(ref_of(route))
        return found

    @cached_property
    def _callers(self) -> dict[Key, list[JsonObject]]:
        found: dict[Key, list[JsonObject]] = defaultdict(list)
        for root, service, _ in calls(self.snapshot):
            found["Service", namespace_of(service), name_of(service)].append(root)
        return found

    @cached_property
    def _fronted(self) -> dict[Key, list[JsonObject]]:
        """Who hands requests on to a Service: routes, and the API server by a webhook or an API."""
        found: dict[Key, list[JsonObject]] = defaultdict(list)
        for kind, named in _NAMED.items():
            for obj in self.snapshot.objects(kind):
                for namespace, name in named(obj):
                    found["Service", namespace, name].append(obj)
        return found


def _of_ingress(ingress: JsonObject) -> Iterator[tuple[str, str]]:
    for backend in _paths(ingress):
        yield namespace_of(ingress), dig(backend, "service", "name") or ""


def _of_route(route: JsonObject) -> Iterator[tuple[str, str]]:
    for rule in items(route, "spec", "rules"):
        for backend in items(rule, "backendRefs"):
            yield backend.get("namespace") or namespace_of(route), backend.get("name") or ""


def _of_hooks(configuration: JsonObject) -> Iterator[tuple[str, str]]:
    for hook in items(configuration, "webhooks"):
        yield _place(dig(hook, "clientConfig", "service") or {})


def _of_api(api: JsonObject) -> Iterator[tuple[str, str]]:
    yield _place(dig(api, "spec", "service") or {})


_NAMED: Mapping[str, Callable[[JsonObject], Iterator[tuple[str, str]]]] = {
    "Ingress": _of_ingress,
    **dict.fromkeys(ROUTES, _of_route),
    "ValidatingWebhookConfiguration": _of_hooks,
    "MutatingWebhookConfiguration": _of_hooks,
    "APIService": _of_api,
}
"""Namespace and name of each Service that an object of this kind hands requests on to."""


def _paths(ingress: JsonObject) -> Iterator[JsonObject]:
    yield dig(ingress, "spec", "defaultBackend") or {}
    for rule in items(ingress, "spec", "rules"):
        yield from (path.get("backend") or {} for path in items(rule, "http", "paths"))


def _place(service: object) -> tuple[str, str]:
    named = service if isinstance(service, dict) else {}
    return str(named.get("namespace") or ""), str(named.get("name") or "")
