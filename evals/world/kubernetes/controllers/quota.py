"""ResourceQuota → its status: what is used of what is granted.

Used amounts are counted anew from the pods: a counter that is only added to would drift from what is there.
"""

from __future__ import annotations

from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.creating import shown, used
from evals.world.kubernetes.objects import JsonObject, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")


class QuotaController:
    """Counts what the pods of a namespace take."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tick(self, quota: JsonObject) -> None:
        """Bring one quota's status up to date (a private copy)."""
        here, hard = used(self._store, namespace_of(quota)), quota["spec"].get("hard") or {}
        status = {"hard": dict(hard), "used": {name: shown(name, here[name]) for name in hard}}
        if status != quota.get("status"):
            self._store.update("resourcequotas", {**quota, "status": status}, "status", MANAGER)
