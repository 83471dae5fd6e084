"""DaemonSet → one Pod on each node that fits, after `pkg/controller/daemon`; updates replace them all.

It places its pods itself and tolerates what it is made for, as the real one does: a cordoned node still
gets one.
"""

from __future__ import annotations

from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.creating import create_pod
from evals.world.kubernetes.controllers.pods import is_ready, owned_by, owner_reference
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.controllers.revisions import REVISION, revised
from evals.world.kubernetes.controllers.scheduler import Scheduler
from evals.world.kubernetes.errors import ApiError
from evals.world.kubernetes.objects import JsonObject, copied, labels_of, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")
_ALWAYS = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
_TOLERATED = [{"key": f"node.kubernetes.io/{name}", "operator": "Exists"} for name in _ALWAYS]


class DaemonSetController:
    """Reconciles every DaemonSet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scheduler = Scheduler(store)
        self._recorder = Recorder(store, "daemonset-controller")

    def tick(self, owner: JsonObject) -> None:
        """One look at one DaemonSet (a private copy)."""
        revision = revised(self._store, owner).hash
        wanted = [name_of(node) for node in self._store.peek("nodes") if self._fits(owner, node)]
        placed = {pod["spec"].get("nodeName"): pod for pod in self._pods(owner)}
        for node in wanted:
            if node not in placed:
                self._create(owner, node, revision)
        stale = [pod for pod in placed.values() if labels_of(pod).get(REVISION) != revision]
        gone = [pod for node, pod in placed.items() if node not in wanted]
        # One that serves nobody may go at any time; of the others one at a time: maxUnavailable 1.
        idle = [pod for pod in stale if not is_ready(pod)]
        if gone or idle or (stale and all(map(is_ready, placed.values()))):
            self._store.delete("pods", namespace_of(owner), name_of((gone or idle or stale)[0]))
        self._report(owner, wanted, revision)

    def _pods(self, owner: JsonObject) -> list[JsonObject]:
        return [pod for pod in self._store.peek("pods", namespace_of(owner)) if owned_by(pod, owner)]

    def _fits(self, owner: JsonObject, node: JsonObject) -> bool:
        return not self._scheduler.keeps_out(self._pod(owner), node)

    def _pod(self, owner: JsonObject) -> JsonObject:
        template = copied(owner["spec"]["template"])
        pod = {"metadata": template.get("metadata") or {}, "spec": template["spec"]}
        pod["spec"]["tolerations"] = [*(pod["spec"].get("tolerations") or []), *_TOLERATED]
        meta(pod)["namespace"] = namespace_of(owner)
        return pod

    def _create(self, owner: JsonObject, node: str, revision: str) -> None:
        pod = self._pod(owner)
        meta(pod).update(generateName=f"{name_of(owner)}-", ownerReferences=[owner_reference(owner)])
        meta(pod)["labels"] = {**(meta(pod).get("labels") or {}), REVISION: revision}
        pod["spec"]["nodeName"] = node
        try:
            made = create_pod(self._store, pod, MANAGER)
        except ApiError as error:
            note = Note(reason="FailedCreate", message=f"Error creating: {error.message}", warning=True)
            self._recorder.record_once(owner, note)
            return
        self._recorder.record(owner, Note(reason="SuccessfulCreate", message=f"Created pod: {name_of(made)}"))

    def _report(self, owner: JsonObject, wanted: list[str], revision: str) -> None:
        pods = self._pods(owner)
        right = [pod for pod in pods if pod["spec"].get("nodeName") in wanted]
        ready = sum(map(is_ready, right))
        status = {
            "desiredNumberScheduled": len(wanted),
            "currentNumberScheduled": len(right),
            "numberMisscheduled": len(pods) - len(right),
            "numberReady": ready,
            "numberAvailable": ready,
            "updatedNumberScheduled": sum(labels_of(pod).get(REVISION) == revision for pod in right),
            "observedGeneration": meta(owner)["generation"],
        }
        if unavailable := len(wanted) - ready:
            status["numberUnavailable"] = unavailable
        if status != owner.get("status"):
            self._store.update("daemonsets", {**owner, "status": status}, "status", MANAGER)
