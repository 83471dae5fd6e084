"""ReplicaSet → Pods, after `pkg/controller/replicaset`: creates what is missing, deletes the least useful
first.
"""

from __future__ import annotations

from datetime import timedelta

from evals.world.clock import rfc3339
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.conditions import drop_condition, set_condition
from evals.world.kubernetes.controllers.creating import create_pod
from evals.world.kubernetes.controllers.pods import (
    controller_of,
    is_active,
    is_available,
    is_ready,
    moment,
    owned_by,
    owner_reference,
    selected,
)
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.errors import ApiError
from evals.world.kubernetes.objects import JsonObject, copied, labels_of, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


class ReplicaSetController:
    """Reconciles every ReplicaSet, with a Deployment above it or alone. `speed` shortens the time for which
    a pod must have been ready.
    """

    def __init__(self, store: Store, speed: float = 1.0) -> None:
        self._store = store
        self._speed = speed
        self._recorder = Recorder(store, "replicaset-controller")

    def tick(self, replica_set: JsonObject) -> None:
        """Create or delete pods of one ReplicaSet (a private copy), then report its status."""
        pods = self._claimed(replica_set)
        wanted = int(replica_set["spec"].get("replicas") or 0)
        refusal: ApiError | None = None
        if len(pods) < wanted:
            refusal = self._create(replica_set, wanted - len(pods))
        elif len(pods) > wanted:
            self._delete(replica_set, sorted(pods, key=_usefulness)[: len(pods) - wanted])
        # After a change the pods are read again: what was created or deleted just now counts.
        settled = len(pods) == wanted and refusal is None
        self._report(replica_set, refusal, pods if settled else None)

    def _claimed(self, replica_set: JsonObject) -> list[JsonObject]:
        """Its active pods; a pod nobody controls that matches the selector is adopted."""
        mine = []
        selector = replica_set["spec"]["selector"]
        for pod in self._store.peek("pods", namespace_of(replica_set)):
            # A pod that finished is nobody's replica, though it still carries the labels.
            if not is_active(pod) or not selected(selector, labels_of(pod)):
                continue
            if controller_of(pod) is None:
                adopted = copied(pod)
                meta(adopted).setdefault("ownerReferences", []).append(owner_reference(replica_set))
                mine.append(self._store.update("pods", adopted, options=MANAGER))
            elif owned_by(pod, replica_set):
                mine.append(pod)
        return mine

    def _create(self, replica_set: JsonObject, count: int) -> ApiError | None:
        template = replica_set["spec"]["template"]
        for _ in range(count):
            pod = copied({"metadata": template.get("metadata") or {}, "spec": template["spec"]})
            # The server makes the name up, so that two controllers never fight over one.
            meta(pod)["generateName"] = f"{name_of(replica_set)}-"
            meta(pod)["namespace"] = namespace_of(replica_set)
            meta(pod)["ownerReferences"] = [owner_reference(replica_set)]
            meta(pod).pop("creationTimestamp", None)
            try:
                made = create_pod(self._store, pod, MANAGER)
            except ApiError as error:
                note = Note(reason="FailedCreate", message=f"Error creating: {error.message}", warning=True)
                self._recorder.record_once(replica_set, note)
                # The first refusal ends it: a quota that is used up would refuse each of the others as well.
                return error
            note = Note(reason="SuccessfulCreate", message=f"Created pod: {name_of(made)}")
            self._recorder.record(replica_set, note)
        return None

    def _delete(self, replica_set: JsonObject, victims: list[JsonObject]) -> None:
        for pod in victims:
            self._store.delete("pods", namespace_of(pod), name_of(pod))
            note = Note(reason="SuccessfulDelete", message=f"Deleted pod: {name_of(pod)}")
            self._recorder.record(replica_set, note)

    def _report(self, stored: JsonObject, refusal: ApiError | None, pods: list[JsonObject] | None) -> None:
        if pods is None:
            pods = self._claimed(stored)
        before = stored.get("status") or {}
        now = self._store.clock.now()
        min_ready = timedelta(seconds=int(stored["spec"].get("minReadySeconds") or 0) / self._speed)
        labels = stored["spec"]["template"]["metadata"].get("labels") or {}
        counters = {
            "fullyLabeledReplicas": sum(labels.items() <= labels_of(pod).items() for pod in pods),
            "readyReplicas": sum(is_ready(pod) for pod in pods),
            "availableReplicas": sum(is_available(pod, min_ready, now) for pod in pods),
        }
        status: JsonObject = {key: value for key, value in counters.items() if value}
        # `replicas` is the one counter without omitempty.
        status["replicas"] = len(pods)
        status["observedGeneration"] = stored["metadata"]["generation"]
        if before.get("conditions"):
            status["conditions"] = before["conditions"]
        _set_failure(status, refusal, rfc3339(now))
        if status != before:
            self._store.update("replicasets", {**stored, "status": status}, "status", MANAGER)


def _set_failure(status: JsonObject, refusal: ApiError | None, now: str) -> None:
    if refusal is not None:
        condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
        set_condition(status, {**condition, "message": refusal.message}, now)
        return
    drop_condition(status, "ReplicaFailure")
    if not status.get("conditions"):
        status.pop("conditions", None)


def _usefulness(pod: JsonObject) -> tuple[bool, int, bool, float]:
    """Sort key, least useful first: no node, early phase, not ready, then the youngest (controller_utils)."""
    status = pod.get("status") or {}
    age = -moment(meta(pod)["creationTimestamp"]).timestamp()
    phase = _PHASES.get(str(status.get("phase")), 0)
    return (bool(pod["spec"].get("nodeName")), phase, is_ready(pod), age)
