"""Whether a cluster is mended: stricter than ready pods, and every unmet demand is said in a sentence.

Pods turn green for the wrong reasons too: somebody scaled the load away, or loosened the probe. So an
oracle also names repairs that count, and objects that no repair may have touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import jsonpointer

from evals.world.expectation import Condition, Oracle, ReadyService, ReadyWorkload
from evals.world.kubernetes.controllers.pods import is_active, is_ready, owned_by
from evals.world.kubernetes.controllers.quantities import quantity
from evals.world.kubernetes.controllers.templates import current_set, owned_sets
from evals.world.kubernetes.errors import NotFound
from evals.world.kubernetes.objects import JsonObject, copied, name_of, namespace_of
from evals.world.kubernetes.store import Store
from evals.world.reach import Answers, reachable
from evals.world.steps import ObjectRef

_MISSING = object()
_WATCHED = (
    "deployments",
    "statefulsets",
    "daemonsets",
    "cronjobs",
    "services",
    "configmaps",
    "ingresses",
    "networkpolicies",
    "resourcequotas",
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
)

Snapshot = Mapping[tuple[str, str, str], JsonObject]
"""Objects as they were, by (resource, namespace, name)."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`met`, or the sentences that say what is not."""

    unmet: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Nothing is left to demand."""
        return not self.unmet


def snapshot(store: Store) -> Snapshot:
    """The objects whose change an oracle may forbid, as they are now."""
    # A copy: the store changes its objects in place, and a later comparison would see no difference.
    return {
        (resource, namespace_of(obj), name_of(obj)): copied(obj)
        for resource in _WATCHED
        for obj in store.peek(resource)
    }


def judge(oracle: Oracle, store: Store, past: tuple[Snapshot, Snapshot], answers: Answers) -> Verdict:
    """Hold the cluster against the oracle; `past` is the healthy state and the one the fault made."""
    before, broken = past
    unmet = [text for each in oracle.conditions if (text := _unmet(each, store))]
    if oracle.any_of:
        attempts = [[text for each in group if (text := _unmet(each, store))] for group in oracle.any_of]
        if all(attempts):
            unmet.append(
                "none of the accepted repairs is there: " + " / ".join("; ".join(one) for one in attempts)
            )
    unmet += [text for each in oracle.workloads if (text := _workload(each, store))]
    unmet += [text for each in oracle.services if (text := _service(each, store, answers))]
    unmet += [text for each in oracle.unchanged if (text := _changed(each, store, before))]
    if oracle.nothing_changed:
        unmet += _changes(store, broken)
    return Verdict(unmet=tuple(unmet))


def ready_endpoints(store: Store, service: tuple[str, str], answers: Answers) -> int:
    """Ready addresses a Service (namespace, name) leads to, where somebody answers."""
    try:
        return reachable(store.get("endpoints", *service), answers)
    except NotFound:
        return 0


def ready_pods(store: Store, deployment: JsonObject) -> tuple[int, int]:
    """Ready pods of a Deployment's current template, and all its active pods."""
    namespace = namespace_of(deployment)
    sets = owned_sets(deployment, store.peek("replicasets", namespace))
    new = current_set(deployment, sets)
    pods = [pod for pod in store.peek("pods", namespace) if is_active(pod)]
    # By owner and not by label: a stray pod with the right labels is nobody's replica.
    mine = [pod for pod in pods if any(owned_by(pod, each) for each in sets)]
    ready = sum(is_ready(pod) for pod in mine if new is not None and owned_by(pod, new))
    return ready, len(mine)


def _unmet(condition: Condition, store: Store) -> str | None:
    try:
        obj = store.get(condition.object.resource, condition.object.namespace, condition.object.name)
    except NotFound:
        return f"{condition.object} does not exist"
    value = jsonpointer.resolve_pointer(obj, condition.pointer, _MISSING)
    where = f"{condition.object} {condition.pointer}"
    if value is _MISSING:
        return None if condition.absent else f"{where} is missing"
    if condition.absent:
        return f"{where} is still there"
    if condition.present:
        return None
    if condition.at_least is not None:
        low = _number(value) < _number(condition.at_least)
        return f"{where} is {value}, less than {condition.at_least}" if low else None
    accepted: Iterable[object] = condition.one_of or (condition.equals,)
    return None if value in accepted else f"{where} is {value!r}"


def _number(value: object) -> Decimal:
    return quantity(str(value))


def _workload(wanted: ReadyWorkload, store: Store) -> str | None:
    where = f"Deployment {wanted.namespace}/{wanted.deployment}"
    try:
        deployment = store.get("deployments", wanted.namespace, wanted.deployment)
    except NotFound:
        return f"{where} does not exist"
    ready, there = ready_pods(store, deployment)
    if ready < wanted.pods:
        return f"{where} has {ready} of {wanted.pods} pods ready"
    # Pods of an older template that linger mean a rollout that is not over.
    return f"{where} still has {there - ready} other pods" if there > ready else None


def _service(wanted: ReadyService, store: Store, answers: Answers) -> str | None:
    found = ready_endpoints(store, (wanted.namespace, wanted.service), answers)
    if found >= wanted.endpoints:
        return None
    return f"Service {wanted.namespace}/{wanted.service} has {found} of {wanted.endpoints} endpoints ready"


def _changed(ref: ObjectRef, store: Store, before: Snapshot) -> str | None:
    try:
        now = store.get(ref.resource, ref.namespace, ref.name)
    except NotFound:
        return f"{ref} is gone"
    then = before.get((ref.resource, ref.namespace or "", ref.name))
    same = then is not None and _content(then) == _content(now)
    return None if same else f"{ref} was changed"


def _changes(store: Store, before: Snapshot) -> list[str]:
    after = snapshot(store)
    differing = [key for key in {*before, *after} if _content(before.get(key)) != _content(after.get(key))]
    return [f"{resource} {namespace}/{name} was changed" for resource, namespace, name in sorted(differing)]


def _content(obj: JsonObject | None) -> JsonObject | None:
    """What people ask for in an object: everything but its bookkeeping and its status."""
    if obj is None:
        return None
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}
