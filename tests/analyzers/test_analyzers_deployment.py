"""Deployments that lack what they ask for; a rollout at work and a parked Deployment are not in trouble."""

from __future__ import annotations

from agents.incident import Finding, Severity
from agents.investigator.analyzers.deployment import deployments
from tests.support.kube_objects import Json, deployment, service
from tests.support.scenes import scene


def found(*objects: Json) -> list[Finding]:
    return list(deployments(scene(list(objects)).snapshot))


def conditions(progressing: str, at: str, available: str = "True") -> list[Json]:
    return [
        {"type": "Progressing", "status": "True", "reason": progressing, "lastUpdateTime": at,
         "message": 'ReplicaSet "web-r2" has timed out progressing.'},
        {"type": "Available", "status": available, "lastTransitionTime": "2026-11-24T02:01:00Z"},
    ]  # fmt: skip


def test_a_deployment_scaled_to_zero_names_who_did_it_and_who_depends_on_it() -> None:
    parked = deployment(replicas=0, available=0)
    parked["metadata"]["managedFields"] = [
        {"manager": "ci", "time": "2026-11-20T00:00:00Z"},
        {"manager": "kubectl", "time": "2026-11-24T01:59:00Z", "subresource": "scale"},
        {"manager": "kube-controller-manager", "time": "2026-11-24T02:05:00Z", "subresource": "status"},
    ]
    (finding,) = found(parked, service())
    assert finding.code == "deployment.scaled_to_zero"
    assert finding.fields == {
        "replicas": 0,
        "services": ["web"],
        "manager": "kubectl",
        "scaled_at": "2026-11-24T01:59:00Z",
    }
    assert finding.severity is Severity.WARNING


def test_a_parked_deployment_that_nobody_uses_is_only_information() -> None:
    (finding,) = found(deployment(replicas=0, available=0))
    assert finding.severity is Severity.INFO


def test_a_deployment_short_of_replicas_is_found_and_critical_when_nothing_serves() -> None:
    some, none = found(deployment(available=1), deployment("cart", available=0))
    assert (some.code, some.severity) == ("deployment.replicas_short", Severity.WARNING)
    assert none.severity is Severity.CRITICAL


def test_an_unset_replica_count_means_one() -> None:
    assert found(deployment(replicas=None, available=1)) == []
    assert len(found(deployment(replicas=None, available=0))) == 1


def test_a_rollout_that_still_moves_and_serves_is_silent() -> None:
    moving = conditions("ReplicaSetUpdated", "2026-11-24T02:09:30Z")
    stopped = conditions("ReplicaSetUpdated", "2026-11-24T02:01:00Z")
    assert found(deployment(available=1, conditions=moving)) == []
    assert len(found(deployment(available=1, conditions=stopped))) == 1


def test_a_rollout_past_its_deadline_is_found_although_all_replicas_are_there() -> None:
    (finding,) = found(deployment(conditions=conditions("ProgressDeadlineExceeded", "2026-11-24T02:01:00Z")))
    assert finding.code == "deployment.progress_deadline"


def test_a_healthy_deployment_is_silent() -> None:
    assert found(deployment(conditions=conditions("NewReplicaSetAvailable", "2026-11-24T02:01:00Z"))) == []
