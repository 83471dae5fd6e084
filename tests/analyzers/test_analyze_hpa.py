"""Autoscalers that cannot do their work; one that rests at its floor, or is off, is silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.hpa import autoscalers
from agents.investigator.analyzers.snapshot import Snapshot
from tests.support.kube_objects import CREATED, Json, deployment, meta, template
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory

ASKS = {"requests": {"cpu": "100m"}}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization",
                                                                   "averageUtilization": 80}}}  # fmt: skip


def hpa(name: str = "web", *, told: Json | None = None, now: int = 2, **spec: object) -> Json:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    conditions = [{"lastTransitionTime": CREATED, **told}] if told else []
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta("HorizontalPodAutoscaler", name),
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6, "metrics": [CPU], **spec},
        "status": {"conditions": conditions, "currentReplicas": now, "desiredReplicas": now},
    }


def used(percent: int, now: int = 6) -> Json:
    made = hpa(now=now)
    current = {"name": "cpu", "current": {"averageUtilization": percent}}
    made["status"]["currentMetrics"] = [{"type": "Resource", "resource": current}]
    return made


def web(resources: Json | None = None) -> Json:
    return deployment(template=template(resources=ASKS if resources is None else resources))


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def found(*objects: Json, whole: bool = True) -> list[Finding]:
    inventory = Inventory.of_list({"kind": "List" if whole else "", "items": list(objects)})
    return list(autoscalers(Snapshot(inventory=inventory, taken_at=scene([]).taken_at)))


@pytest.mark.parametrize(
    ("sick", "code", "fields"),
    [
        (hpa(told=condition("AbleToScale", "False", "FailedGetScale", "no such scale")), "unable_to_scale",
         {"reason": "FailedGetScale", "message": "no such scale"}),
        (hpa(told=condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics")),
         "metrics_unavailable", {"message": "no metrics", "min_replicas": 2, "max_replicas": 6}),
        (hpa(told=condition("ScalingLimited", "True", "TooManyReplicas", "too many"), now=6), "limited",
         {"current_replicas": 6}),
        (hpa(told=condition("ScalingLimited", "True", "TooFewReplicas", "too few"), now=5), "limited",
         {"message": "too few"}),
        (used(95), "maxed_out", {"metrics": {"cpu": {"current": 95, "target": 80}}, "current_replicas": 6}),
        (hpa(scaleTargetRef={"kind": "Deployment", "name": "gone"}), "target_missing",
         {"target_kind": "Deployment", "target_name": "gone"}),
        (hpa(scaleTargetRef={"kind": "Service", "name": "web"}), "target_unsupported",
         {"target_kind": "Service", "target_name": "web"}),
    ],
)  # fmt: skip
def test_what_an_autoscaler_suffers_from_is_found(sick: Json, code: str, fields: Json) -> None:
    (finding,) = found(sick, web())
    assert finding.code == f"hpa.{code}"
    assert fields.items() <= finding.fields.items()


@pytest.mark.parametrize(
    ("kind", "source", "name"),
    [
        ("Pods", {"metric": {"name": "queue_length"}}, "queue_length"),
        ("External", {"metric": {"name": "lag"}}, "lag"),
        ("ContainerResource", {"name": "memory", "container": "web"}, "memory"),
    ],
)
def test_a_metric_of_any_kind_may_be_above_its_target(kind: str, source: Json, name: str) -> None:
    field = kind[0].lower() + kind[1:]
    value = {"type": "AverageValue", "averageValue": "10"}
    sick = hpa(now=6, metrics=[{"type": kind, field: {**source, "target": value}}])
    sick["status"]["currentMetrics"] = [
        {"type": kind, field: {**source, "current": {"averageValue": "12500m"}}}
    ]
    (finding,) = found(sick, web())
    assert finding.code == "hpa.maxed_out"
    assert finding.fields["metrics"] == {name: {"current": "12500m", "target": "10"}}


def test_a_container_without_a_request_is_named() -> None:
    (finding,) = found(hpa(), web({}))
    assert finding.code == "hpa.no_request"
    assert finding.fields == {"resource": "cpu", "containers": ["web"], "target_kind": "Deployment"}


def test_two_autoscalers_of_one_workload_are_both_told() -> None:
    one, other = found(hpa(), hpa("web-too"), web())
    assert {one.code, other.code} == {"hpa.target_shared"}
    assert one.fields["autoscalers"] == ["web-too"]


LIMIT_RANGE = {"kind": "LimitRange", "metadata": meta("LimitRange", "all"),
               "spec": {"limits": [{"type": "Container", "defaultRequest": {"cpu": "50m"}}]}}  # fmt: skip
VALUE = {"type": "AverageValue", "averageValue": "1Gi"}
BY_VALUE = {"type": "Resource", "resource": {"name": "memory", "target": VALUE}}


@pytest.mark.parametrize(
    "healthy",
    [
        [hpa(), web()],
        [hpa(told=condition("ScalingLimited", "True", "TooFewReplicas", "at the floor")), web()],
        [hpa(told=condition("ScalingActive", "False", "ScalingDisabled", "target is at zero")), web()],
        [hpa(told=condition("AbleToScale", "True", "ReadyForNewScale", "fine")), web()],
        [used(60), web()],
        [used(80), web()],
        [used(95, now=3), web()],
        [hpa(scaleTargetRef={"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"}),
         {"kind": "Rollout", "metadata": meta("Rollout", "web")}],
        [hpa(), web({"limits": {"cpu": "1"}})],
        [hpa(), web({}), LIMIT_RANGE],
        [hpa(metrics=[BY_VALUE]), web({})],
    ],
    ids=["well", "at its floor", "switched off", "able", "below target", "at target", "room to grow",
         "own kind", "limit", "default",
         "by value"],
)  # fmt: skip
def test_a_healthy_autoscaler_is_silent(healthy: list[Json]) -> None:
    assert found(*healthy) == []


def test_a_target_that_was_not_looked_for_is_not_missing() -> None:
    assert found(hpa(), whole=False) == []
