"""Disruption budgets that block everything or protect nothing; one with room is silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.pdb import budgets
from agents.investigator.analyzers.snapshot import Snapshot
from tests.support.kube_objects import CREATED, Json, deployment, meta, pod
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory

SYNC = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no controller",
        "lastTransitionTime": CREATED}  # fmt: skip
OTHER = {"type": "Other", "status": "True"}


def pdb(
    name: str = "web", *, allowed: int = 0, counts: tuple[int, int, int] = (2, 2, 2), **more: object
) -> Json:
    healthy, needed, expected = counts
    status = {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": needed,
              "expectedPods": expected, "conditions": more.pop("conditions", [])}  # fmt: skip
    return {
        "kind": "PodDisruptionBudget",
        "metadata": meta("PodDisruptionBudget", name),
        "spec": {"minAvailable": "100%", "selector": {"matchLabels": {"app": "web"}}, **more},
        "status": status,
    }


def found(*objects: Json) -> list[Finding]:
    inventory = Inventory.of_list({"kind": "List", "items": list(objects)})
    return list(budgets(Snapshot(inventory=inventory, taken_at=scene([]).taken_at)))


@pytest.mark.parametrize(
    ("sick", "code", "severity", "fields"),
    [
        (pdb(), "blocks_all", Severity.WARNING, {"needed": 2, "expected": 2, "min_available": "100%"}),
        (pdb(counts=(1, 2, 3)), "no_room", Severity.INFO, {"healthy": 1, "needed": 2, "expected": 3}),
        (pdb(conditions=[OTHER, SYNC]), "sync_failed", Severity.WARNING, {"reason": "SyncFailed"}),
    ],
)
def test_a_budget_without_room_says_why(sick: Json, code: str, severity: Severity, fields: Json) -> None:
    (finding,) = found(sick, pod())
    assert (finding.code, finding.severity) == (f"pdb.{code}", severity)
    assert fields.items() <= finding.fields.items()


def test_a_budget_that_protects_nothing_shows_its_selector() -> None:
    chooses = {"matchLabels": {"app": "gone"}, "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"},
        {"key": "new", "operator": "Exists"}]}  # fmt: skip
    (finding,) = found(pdb(allowed=1, selector=chooses), pod())
    assert (finding.code, finding.severity) == ("pdb.matches_nothing", Severity.INFO)
    assert finding.fields == {"selector": "app=gone,tier in (a,b),!old,new"}


def test_two_budgets_over_one_pod_are_told() -> None:
    everything = pdb("all", allowed=1, selector={})
    one, other = found(pdb(allowed=1), everything, pod())
    assert (one.code, one.fields) == ("pdb.overlaps", {"budgets": ["all"]})
    assert other.fields == {"budgets": ["web"]}


BY_EXPRESSION = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]},
                                      {"key": "app", "operator": "NotIn", "values": ["db"]}]}  # fmt: skip


@pytest.mark.parametrize(
    "healthy",
    [
        [pdb(allowed=1), pod()],
        [pdb(allowed=1, selector=BY_EXPRESSION), pod()],
        [pdb(counts=(0, 0, 0)), deployment(replicas=0)],
        [pdb(counts=(0, 0, 0), selector={}), deployment(replicas=0)],
        [pdb(allowed=1), pdb("db", allowed=1, selector={"matchLabels": {"app": "db"}}), pod(),
         pod("db-0", labels={"app": "db"})],
    ],
    ids=["room", "by expression", "parked", "empty namespace", "two apart"],
)  # fmt: skip
def test_a_healthy_budget_is_silent(healthy: list[Json]) -> None:
    assert found(*healthy) == []
