"""What one step touches: its pods, who guards and scales them, who depends on them, who deploys them.

From the same inventory as the diagnosis. What decides the tier or a rule and could not be read is no
reason for a lower one: then there is no radius, and no plan.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from agents.investigator.analyzers.fields import (
    dig,
    items,
    labels_of,
    name_of,
    namespace_of,
    template_labels,
)
from agents.investigator.deployed_by import gitops_owner, helm_release
from agents.investigator.reasoning_case import Case
from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of
from tools.policy.facts import Budget, Radius, marks


class NotStated(ValueError):
    """What the step touches was not read, or is more than a plan can state."""


def radius_of(step: Step, case: Case) -> Radius:
    """What the step touches, as this look saw it. Raises NotStated."""
    _all_was_read(step, case)
    target = case.find(step.target)
    workload = _workload(step.target, target, case)
    services = _services(step.target, workload, case)
    place = case.find(ObjectRef(kind="Namespace", name=step.namespace)) if step.namespace else {}
    try:
        return Radius(
            labels=marks(labels_of(target)),
            annotations=marks(dig(target, "metadata", "annotations")),
            namespace_labels=marks(labels_of(place)),
            replicas=_pods(target, workload, case),
            budget=_budget(workload, case),
            autoscalers=_names(case.relations.scalers(ref_of(workload)) if workload else ()),
            services=_names(services),
            ingresses=tuple(sorted(_ingresses(step.namespace, {ref.name for ref in services}, case))),
            requests_per_second=_traffic(services, case),
            gitops=gitops_owner(target),
            helm=helm_release(target),
        )
    except ValidationError as problem:
        raise NotStated(f"{step.target} carries or touches more than a plan can state") from problem


def _all_was_read(step: Step, case: Case) -> None:
    """A namespace may be marked as critical and a budget be spent: absent is not the same as unread."""
    inventory = case.snapshot.inventory
    # What is in no namespace has no labels of one, and no budget speaks of it.
    if not step.namespace:
        return
    place = ObjectRef(kind="Namespace", name=step.namespace)
    if not case.find(place) and inventory.unread("Namespace", ""):
        raise NotStated(f"the labels of the namespace {step.namespace} could not be read")
    if inventory.unread("PodDisruptionBudget", step.namespace):
        raise NotStated(f"the disruption budgets in {step.namespace} could not be read")


def _workload(ref: ObjectRef, target: JsonObject, case: Case) -> JsonObject:
    """The workload whose pods the change is about: the object itself, or the one it leads to or owns it."""
    if ref.kind == "Service":
        served = case.relations.served(target) if target else ()
        return case.find(served[0]) if len(served) == 1 else {}
    if ref.kind == "HorizontalPodAutoscaler":
        named = dig(target, "spec", "scaleTargetRef") or {}
        if not named.get("kind") or not named.get("name"):
            return {}
        return case.find(ObjectRef(kind=named["kind"], namespace=ref.namespace, name=named["name"]))
    root = case.find(case.relations.root(ref)) if target else {}
    return root if template_labels(root) else {}


def _services(ref: ObjectRef, workload: JsonObject, case: Case) -> tuple[ObjectRef, ...]:
    if ref.kind == "Service":
        return (ref,)
    return case.relations.serving(ref_of(workload)) if workload else ()


def _names(refs: tuple[ObjectRef, ...]) -> tuple[str, ...]:
    return tuple(sorted({ref.name for ref in refs}))


def _pods(target: JsonObject, workload: JsonObject, case: Case) -> int | None:
    if target.get("kind") == "Pod":
        return 1
    if workload.get("kind") == "DaemonSet":
        wanted = dig(workload, "status", "desiredNumberScheduled")
    else:
        # The API server fills in 1 where nothing is said.
        wanted = (dig(workload, "spec") or {}).get("replicas", 1) if workload else None
    return wanted if isinstance(wanted, int) else None


def _budget(workload: JsonObject, case: Case) -> Budget | None:
    """The tightest disruption budget over the workload's pods."""
    found = [
        Budget(
            name=name_of(pdb),
            need=max(0, int(dig(pdb, "status", "desiredHealthy") or 0)),
            allowed=max(0, int(dig(pdb, "status", "disruptionsAllowed") or 0)),
        )
        for pdb in case.snapshot.objects("PodDisruptionBudget")
        if workload
        and namespace_of(pdb) == namespace_of(workload)
        and _guards(dig(pdb, "spec", "selector"), template_labels(workload))
    ]
    return min(found, key=lambda budget: (budget.allowed, budget.name), default=None)


def _guards(selector: JsonObject | None, labels: JsonObject) -> bool:
    """Whether a budget speaks of these pods; what its expressions leave out is counted as meant too."""
    wanted = (selector or {}).get("matchLabels") or {}
    # An empty selector means every pod of the namespace (policy/v1); none at all means no pod.
    return selector is not None and all(labels.get(name) == value for name, value in wanted.items())


def _ingresses(namespace: str, services: set[str], case: Case) -> Iterator[str]:
    for ingress in case.snapshot.objects("Ingress"):
        backends = [dig(ingress, "spec", "defaultBackend") or {}]
        for rule in items(ingress, "spec", "rules"):
            backends += [path.get("backend") or {} for path in items(rule, "http", "paths")]
        led = {dig(backend, "service", "name") for backend in backends}
        if namespace_of(ingress) == namespace and led & services:
            yield name_of(ingress)


def _traffic(services: tuple[ObjectRef, ...], case: Case) -> float | None:
    """The requests of all these Services; None when metrics tell of none of them."""
    known = case.snapshot.traffic
    found = [known[ref.namespace, ref.name] for ref in services if (ref.namespace, ref.name) in known]
    return round(sum(found), 3) if found else None
