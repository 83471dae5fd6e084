"""Pods that may not be made or removed, by who refuses; an old complaint that was overcome is silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.creation import creations
from tests.support.kube_objects import CREATED, Json, event, meta
from tests.support.scenes import scene

QUOTA = (
    'Error creating: pods "web-r2-x7k" is forbidden: exceeded quota: compute, requested: limits.cpu=2, '
    "used: limits.cpu=4, limited: limits.cpu=5"
)


def owner(kind: str = "ReplicaSet", *, has: int = 0, **status: object) -> Json:
    known = {"replicas": has, **status}
    return {"kind": kind, "metadata": meta(kind, "web-r2"), "spec": {"replicas": 2}, "status": known}


def failure(reason: str, message: str, status: str = "True") -> Json:
    told = {"type": "ReplicaFailure", "status": status, "reason": reason, "message": message}
    return {**told, "lastTransitionTime": CREATED}


def found(*objects: Json) -> list[Finding]:
    return list(creations(scene(list(objects)).snapshot))


@pytest.mark.parametrize(
    ("text", "code", "fields"),
    [
        (QUOTA, "quota_exceeded", {"quota": "compute", "requested": "limits.cpu=2", "used": "limits.cpu=4",
                                   "limited": "limits.cpu=5"}),
        ("failed quota: compute: must specify limits.cpu,requests.memory", "quota_unspecified",
         {"quota": "compute", "unspecified": "limits.cpu,requests.memory"}),
        ("maximum memory usage per Container is 1Gi, but limit is 2Gi", "limit_range",
         {"resource": "memory", "per": "Container", "bound": "1Gi"}),
        ('admission webhook "deny.example.io" denied the request: exceeded quota: x, requested: a=1, '
         "used: a=1, limited: a=1", "webhook_denied", {"webhook": "deny.example.io"}),
        ('Internal error occurred: failed calling webhook "inject.mesh.io": failed to call webhook: Post '
         '"https://mesh.mesh.svc:443/inject": no endpoints available', "webhook_unreachable",
         {"webhook": "inject.mesh.io"}),
        ("ValidatingAdmissionPolicy 'no-latest' with binding 'all' denied request: tag it", "policy_denied",
         {"policy": "no-latest"}),
        ('pods "web" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
         "pod_security", {"level": "restricted:latest"}),
        ('error looking up service account shop/web: serviceaccount "web" not found',
         "service_account_missing", {"service_account": "web"}),
        ('pods "web" is forbidden: no PriorityClass with name gold was found', "priority_class_missing",
         {"priority_class": "gold"}),
        ("unable to create new content in namespace shop because it is being terminated", "namespace_ends",
         {}),
        ('Pod "web-x" is invalid: spec.containers[0].image: Required value', "invalid",
         {"field": "spec.containers[0].image"}),
        ("the moon is full", "refused", {}),
    ],
)  # fmt: skip
def test_who_refuses_is_told_apart(text: str, code: str, fields: dict[str, str]) -> None:
    sick = owner()
    (finding,) = found(sick, event(sick, "FailedCreate", text))
    assert finding.code == f"workload.create.{code}"
    assert {key: finding.fields[key] for key in finding.fields if key not in ("messages", "pods")} == fields
    assert finding.since is not None
    assert finding.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("ReplicaSet", {}),
        ("StatefulSet", {}),
        ("DaemonSet", {"desiredNumberScheduled": 3, "currentNumberScheduled": 1}),
        ("Job", {"active": 0}),
    ],
)
def test_every_controller_that_creates_pods_is_watched(kind: str, status: Json) -> None:
    sick = owner(kind, **status)
    assert len(found(sick, event(sick, "FailedCreate", QUOTA))) == 1


def test_a_replicaset_that_has_some_of_its_pods_is_found_too() -> None:
    (finding,) = found(owner(has=1, conditions=[failure("FailedCreate", QUOTA)]))
    assert (finding.code, finding.severity) == ("workload.create.quota_exceeded", Severity.WARNING)
    assert finding.fields["pods"] == 1


def test_a_pod_that_may_not_be_deleted_is_found() -> None:
    (finding,) = found(owner(has=3, conditions=[failure("FailedDelete", "pods is forbidden")]))
    assert (finding.code, finding.fields) == ("workload.delete_failed", {"messages": ["pods is forbidden"]})


@pytest.mark.parametrize(
    "healthy",
    [
        [owner(has=2)],
        [owner(has=2), event(owner(), "FailedCreate", QUOTA)],
        [owner(), event(owner(), "FailedCreate", QUOTA, lastTimestamp="2026-11-24T01:00:00Z")],
        [owner(), event(owner(), "SuccessfulCreate", "Created pod: web-r2-x7k")],
        [owner(conditions=[failure("FailedCreate", QUOTA, status="False")])],
        [owner("Job", conditions=[{"type": "Complete", "status": "True"}]),
         event(owner("Job"), "FailedCreate", QUOTA)],
        [owner("DaemonSet", desiredNumberScheduled=1, currentNumberScheduled=1),
         event(owner("DaemonSet"), "FailedCreate", QUOTA)],
    ],
    ids=["all there", "overcome", "long ago", "created", "over", "job done", "daemons everywhere"],
)  # fmt: skip
def test_a_controller_that_has_its_pods_is_silent(healthy: list[Json]) -> None:
    assert found(*healthy) == []
