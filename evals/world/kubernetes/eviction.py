"""``pods/eviction``: the deletion of a pod that a disruption budget may refuse."""

from __future__ import annotations

from dataclasses import replace

from evals.world.clock import rfc3339
from evals.world.kubernetes.changes import DeleteOptions
from evals.world.kubernetes.errors import InternalError, TooManyRequests
from evals.world.kubernetes.objects import JsonObject, copied, dig, labels_of, name_of, namespace_of
from evals.world.kubernetes.selectors import label_selector
from evals.world.kubernetes.store import Store

_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


def evict(store: Store, pod: JsonObject, options: DeleteOptions) -> JsonObject:
    """Delete ``pod`` if its disruption budget allows it; returns the Status a real server answers (201).

    Raises TooManyRequests when the budget is used up, InternalError when several budgets cover the pod,
    Conflict when a precondition fails. The rules are those of pkg/registry/core/pod/storage/eviction.go.
    """
    with store.lock:
        # Preconditions first: a refused eviction must not spend the budget.
        store.delete("pods", namespace_of(pod), name_of(pod), replace(options, dry_run=True))
        budgets = _budgets_of(store, pod)
        if len(budgets) > 1:
            raise InternalError(
                "This pod has more than one PodDisruptionBudget, "
                "which the eviction subresource does not support."
            )
        if budgets and not _needs_no_budget(pod, budgets[0]):
            _spend(store, pod, budgets[0], options)
        store.delete("pods", namespace_of(pod), name_of(pod), options)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _budgets_of(store: Store, pod: JsonObject) -> list[JsonObject]:
    found = []
    for budget in store.peek("poddisruptionbudgets", namespace_of(pod)):
        selector = dig(budget, "spec", "selector")
        # policy/v1: an empty selector covers every pod of the namespace, a missing one covers none.
        if selector is not None and label_selector(selector)(labels_of(pod)):
            found.append(budget)
    return found


def _needs_no_budget(pod: JsonObject, budget: JsonObject) -> bool:
    if dig(pod, "status", "phase") in ("Succeeded", "Failed", "Pending"):
        return True
    if pod["metadata"].get("deletionTimestamp"):
        return True
    conditions = dig(pod, "status", "conditions") or []
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    if ready:
        return False
    status = budget.get("status") or {}
    if dig(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    # IfHealthyBudget, the default: an unready pod goes freely while enough healthy ones remain.
    desired = int(status.get("desiredHealthy") or 0)
    return int(status.get("currentHealthy") or 0) >= desired > 0


def _spend(store: Store, pod: JsonObject, stored: JsonObject, options: DeleteOptions) -> None:
    budget = copied(stored)
    status, name = budget.setdefault("status", {}), name_of(budget)
    if int(status.get("observedGeneration") or 0) < int(budget["metadata"].get("generation") or 0):
        raise _too_many(f"The disruption budget {name} is still being processed by the server.", 10)
    if int(status.get("disruptionsAllowed") or 0) <= 0:
        needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _too_many(f"The disruption budget {name} needs {needs} healthy pods and has {has} currently", 0)
    # A dry run hears the refusal and spends nothing.
    if options.dry_run:
        return
    status["disruptionsAllowed"] -= 1
    status.setdefault("disruptedPods", {})[name_of(pod)] = rfc3339(store.clock.now())
    store.update("poddisruptionbudgets", budget, "status")


def _too_many(cause: str, retry_after: int) -> TooManyRequests:
    details: JsonObject = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return TooManyRequests(_REFUSED, details)
