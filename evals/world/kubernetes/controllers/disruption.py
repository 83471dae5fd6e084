"""PodDisruptionBudget → status: how many pods may be evicted now (`pkg/controller/disruption`)."""

from __future__ import annotations

from evals.world.clock import rfc3339
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.conditions import set_condition
from evals.world.kubernetes.controllers.pods import controller_of, is_active, is_ready, selected
from evals.world.kubernetes.controllers.rollout import resolved
from evals.world.kubernetes.errors import NotFound
from evals.world.kubernetes.objects import JsonObject, copied, labels_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")


class DisruptionController:
    """Keeps the status of every PodDisruptionBudget."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tick(self, budget: JsonObject) -> None:
        """Work out one budget (a private copy)."""
        selector = budget["spec"].get("selector")
        # policy/v1: no selector picks no pods, an empty one picks all.
        pods = [
            pod
            for pod in self._store.peek("pods", namespace_of(budget))
            if selector is not None and selected(selector, labels_of(pod)) and is_active(pod)
        ]
        expected = self._expected(budget, pods)
        healthy = sum(is_ready(pod) for pod in pods)
        desired = _desired(budget, expected)
        # Without pods there is nothing to protect and nothing to evict.
        allowed = max(0, healthy - desired) if expected else 0
        status = copied(budget.get("status") or {})
        status |= {
            "observedGeneration": budget["metadata"]["generation"],
            "expectedPods": expected,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
        }
        reason = "SufficientPods" if allowed else "InsufficientPods"
        condition = {"type": "DisruptionAllowed", "status": "True" if allowed else "False", "reason": reason}
        now = rfc3339(self._store.clock.now())
        set_condition(
            status,
            {**condition, "message": "", "observedGeneration": budget["metadata"]["generation"]},
            now,
        )
        if status != budget.get("status"):
            self._store.update("poddisruptionbudgets", {**budget, "status": status}, "status", MANAGER)

    def _expected(self, budget: JsonObject, pods: list[JsonObject]) -> int:
        """Pods there should be: with `maxUnavailable` or a percentage, what their ReplicaSets ask for."""
        least = budget["spec"].get("minAvailable")
        if isinstance(least, int):
            return len(pods)
        owners = {}
        for pod in pods:
            ref = controller_of(pod)
            if ref is not None and ref["kind"] == "ReplicaSet":
                owners[ref["name"]] = self._wanted(namespace_of(pod), ref["name"])
        return sum(owners.values()) if owners else len(pods)

    def _wanted(self, namespace: str, replica_set: str) -> int:
        try:
            return int(self._store.get("replicasets", namespace, replica_set)["spec"].get("replicas") or 0)
        except NotFound:
            return 0


def _desired(budget: JsonObject, expected: int) -> int:
    spec = budget["spec"]
    if spec.get("maxUnavailable") is not None:
        return max(0, expected - resolved(spec["maxUnavailable"], expected, up=True))
    return resolved(spec.get("minAvailable", 1), expected, up=True)
