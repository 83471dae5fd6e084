"""Rollouts that cannot go on or would empty a Service; a surge and a quick controller are silent."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.rollout import rollouts
from agents.investigator.analyzers.snapshot import Snapshot
from tests.support.kube_objects import CREATED, Json, deployment, replicaset, template
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory

DONE = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
FAILURE = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": "exceeded quota: compute, requested: pods=1, used: pods=2, limited: pods=2",
    "lastTransitionTime": CREATED,
}


def changed(
    spec: Json | None = None, status: Json | None = None, at: str = "2026-11-24T02:00:00Z", **more: object
) -> Json:
    made = deployment(managedFields=[{"manager": "kubectl", "time": at}], **more)
    made["spec"] |= spec or {}
    made["status"] |= status or {}
    return made


def strategy(most: object) -> Json:
    return {"strategy": {"rollingUpdate": {"maxUnavailable": most}}}


def found(*objects: Json) -> list[Finding]:
    return list(rollouts(scene(list(objects)).snapshot))


@pytest.mark.parametrize(
    ("sick", "code", "severity", "fields"),
    [
        (
            changed(conditions=[FAILURE]),
            "replica_failure",
            Severity.WARNING,
            {"refused_for": "quota_exceeded", "quota": "compute", "requested": "pods=1"},
        ),
        (changed({"paused": True}, updated=1), "paused", Severity.WARNING, {"updated": 1, "replicas": 2}),
        (changed({"paused": True}), "paused", Severity.INFO, {"updated": 2}),
        (
            changed(status={"observedGeneration": 1}),
            "not_observed",
            Severity.WARNING,
            {"generation": 2, "observed_generation": 1, "manager": "kubectl"},
        ),
        (
            changed(status={"replicas": 5}, conditions=[DONE]),
            "scaling_lags",
            Severity.WARNING,
            {"replicas": 2, "created": 5},
        ),
        (changed(strategy("100%")), "all_unavailable", Severity.INFO, {"max_unavailable": "100%"}),
        (changed(strategy(2)), "all_unavailable", Severity.INFO, {"max_unavailable": 2, "replicas": 2}),
    ],
)
def test_what_is_wrong_with_a_rollout_is_found(
    sick: Json, code: str, severity: Severity, fields: Json
) -> None:
    (finding,) = found(sick)
    assert (finding.code, finding.severity) == (f"deployment.{code}", severity)
    assert fields.items() <= finding.fields.items()


@pytest.mark.parametrize(
    "healthy",
    [
        changed(conditions=[DONE]),
        changed(status={"replicas": 3}, conditions=[{**DONE, "reason": "ReplicaSetUpdated"}]),
        changed(status={"observedGeneration": 1}, at="2026-11-24T02:09:50Z"),
        changed(conditions=[{**FAILURE, "status": "False"}]),
        changed(strategy("25%")),
        changed(strategy(1), replicas=1, available=1),
        changed({"paused": True}, replicas=0, available=0),
    ],
    ids=["done", "surge", "changed just now", "failure is over", "a quarter", "a single pod", "parked"],
)
def test_a_healthy_rollout_is_silent(healthy: Json) -> None:
    assert found(healthy) == []


def revision(number: int, image: str, made: str) -> Json:
    found = replicaset(number, template=template())
    found["spec"]["template"]["spec"]["containers"][0]["image"] = image
    found["metadata"]["creationTimestamp"] = made
    return found


def test_a_version_that_came_shortly_before_the_alert_is_worth_knowing() -> None:
    old, new = revision(1, "web:1", "2026-11-01T00:00:00Z"), revision(2, "web:2", "2026-11-24T02:00:00Z")

    def told(*sets: Json, began: str = "2026-11-24T02:08:00+00:00") -> list[str]:
        inventory = Inventory.of_list({"kind": "List", "items": [deployment(), *sets]})
        start = datetime.fromisoformat(began)
        seen = Snapshot(inventory=inventory, taken_at=start + timedelta(minutes=2), began=start)
        found = list(rollouts(seen))
        assert [(one.code, one.severity) for one in found] == [("deployment.rolled_out", "info")] * len(found)
        return [image for one in found for image in one.fields["images"].values()]

    assert told(old, new) == ["web:2"]
    assert told(old, new, began="2026-11-24T03:30:00+00:00") == []
    assert told(old, new, began="2026-11-24T01:30:00+00:00") == []
    assert told(new) == []
    same = revision(2, "web:1", "2026-11-24T02:00:00Z")
    # A restart brings nothing new; and what was taken up again is older than what it replaced.
    assert told(old, same) == []
    assert (
        told(revision(1, "web:1", "2026-11-24T01:59:00Z"), revision(2, "web:2", "2026-11-01T00:00:00Z")) == []
    )
