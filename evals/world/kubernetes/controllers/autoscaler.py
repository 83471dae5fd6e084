"""HorizontalPodAutoscaler → replicas: what it asks for stays between its bounds.

After `pkg/controller/podautoscaler` in a cluster without a metrics API: the bounds hold all the same, and
the condition ScalingActive says that no metric could be read.
"""

from __future__ import annotations

from evals.world.clock import rfc3339
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.conditions import drop_condition, set_condition
from evals.world.kubernetes.controllers.recorder import Note, Recorder
from evals.world.kubernetes.errors import NotFound
from evals.world.kubernetes.objects import JsonObject, copied, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")
_SCALED = {"Deployment": "deployments", "StatefulSet": "statefulsets", "ReplicaSet": "replicasets"}
Conditions = dict[str, tuple[bool, str, str]]
"""Whether it holds, reason and message, by type."""

_NO_METRICS = (
    "the HPA was unable to compute the replica count: unable to get metrics for resource cpu: unable to "
    "fetch metrics from resource metrics API: the server could not find the requested resource (get "
    "pods.metrics.k8s.io)"
)


class AutoscalerController:
    """Reconciles every HorizontalPodAutoscaler."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recorder = Recorder(store, "horizontal-pod-autoscaler")

    def tick(self, scaler: JsonObject) -> None:
        """One look at what one autoscaler (a private copy) scales."""
        target = self._target(scaler)
        if target is None:
            text = f"the HPA controller was unable to get the target's current scale: {_name(scaler)}"
            self._report(scaler, {}, {"AbleToScale": (False, "FailedGetScale", text)})
            return
        current = int(target["spec"]["replicas"])
        wanted, why = _within(current, scaler["spec"])
        if wanted != current:
            target["spec"]["replicas"] = wanted
            self._store.update(_SCALED[target["kind"]], target, options=MANAGER)
            text = f"New size: {wanted}; reason: {why}"
            self._recorder.record(scaler, Note(reason="SuccessfulRescale", message=text))
        there = int((target.get("status") or {}).get("replicas") or 0)
        counts = {"currentReplicas": there, "desiredReplicas": wanted}
        self._report(scaler, counts, _conditions(wanted, scaler["spec"]))

    def _target(self, scaler: JsonObject) -> JsonObject | None:
        ref = scaler["spec"]["scaleTargetRef"]
        if ref["kind"] not in _SCALED:
            return None
        try:
            return self._store.get(_SCALED[ref["kind"]], namespace_of(scaler), ref["name"])
        except NotFound:
            return None

    def _report(self, scaler: JsonObject, counts: JsonObject, conditions: Conditions) -> None:
        status = copied(scaler.get("status") or {})
        for kind in ("AbleToScale", "ScalingActive", "ScalingLimited"):
            if kind not in conditions:
                drop_condition(status, kind)
                continue
            holds, reason, message = conditions[kind]
            said = {
                "type": kind,
                "status": "True" if holds else "False",
                "reason": reason,
                "message": message,
            }
            set_condition(status, said, rfc3339(self._store.clock.now()))
        status |= counts
        if status != scaler.get("status"):
            self._store.update("horizontalpodautoscalers", {**scaler, "status": status}, "status", MANAGER)


def _within(current: int, spec: JsonObject) -> tuple[int, str]:
    # Zero is how a person switches an autoscaler off.
    if current > spec["maxReplicas"]:
        return int(spec["maxReplicas"]), "Current number of replicas above Spec.MaxReplicas"
    if 0 < current < spec["minReplicas"]:
        return int(spec["minReplicas"]), "Current number of replicas below Spec.MinReplicas"
    return current, ""


def _conditions(wanted: int, spec: JsonObject) -> Conditions:
    able = (True, "SucceededGetScale", "the HPA controller was able to get the target's current scale")
    if not wanted:
        text = "scaling is disabled since the replica count of the target is zero"
        return {"AbleToScale": able, "ScalingActive": (False, "ScalingDisabled", text)}
    blind = (False, "FailedGetResourceMetric", _NO_METRICS)
    limited = (False, "DesiredWithinRange", "the desired count is within the acceptable range")
    if wanted >= spec["maxReplicas"]:
        text = "the desired replica count is more than the maximum replica count"
        limited = (True, "TooManyReplicas", text)
    return {"AbleToScale": able, "ScalingActive": blind, "ScalingLimited": limited}


def _name(scaler: JsonObject) -> str:
    ref = scaler["spec"]["scaleTargetRef"]
    return f'{ref["kind"].lower()}s "{ref["name"]}" not found'
