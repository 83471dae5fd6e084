"""StatefulSets that lack replicas or what they name; what was not looked at is not said to be missing."""

from __future__ import annotations

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.statefulset import statefulsets
from tests.support.kube_objects import Json, meta, pod, service
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory


def statefulset(replicas: int | None = 3, available: int = 3, **spec: object) -> Json:
    asked = {"serviceName": "db", **spec} | ({} if replicas is None else {"replicas": replicas})
    return {
        "kind": "StatefulSet",
        "metadata": meta("StatefulSet", "db"),
        "spec": asked,
        "status": {"availableReplicas": available},
    }


def claim(storage_class: str) -> Json:
    return {"metadata": {"name": "data"}, "spec": {"storageClassName": storage_class}}


def found(*objects: Json, whole: bool = True) -> list[Finding]:
    inventory = Inventory.of_list({"kind": "List" if whole else "", "items": list(objects)})
    return list(statefulsets(Snapshot(inventory=inventory, taken_at=scene([]).taken_at)))


def codes(*objects: Json, whole: bool = True) -> list[str]:
    return [finding.code for finding in found(*objects, whole=whole)]


@pytest.mark.parametrize(
    ("pods", "code", "name"),
    [
        ([pod("db-0"), pod("db-2")], "statefulset.pod_missing", "db-1"),
        ([pod("db-0", phase="Pending", ready=False), pod("db-1")], "statefulset.pod_not_running", "db-0"),
        ([pod("db-0"), pod("db-1", ready=False)], "statefulset.pod_not_ready", "db-1"),
    ],
)
def test_the_first_pod_that_is_amiss_is_named(pods: list[Json], code: str, name: str) -> None:
    short, blocking = found(statefulset(available=1), service("db"), *pods)
    assert (short.code, short.fields) == ("statefulset.replicas_short", {"replicas": 3, "available": 1})
    assert short.severity is Severity.WARNING
    assert (blocking.code, blocking.fields) == (code, {"pod": name})


def test_numbers_may_start_anywhere_and_an_unset_count_is_one() -> None:
    late = statefulset(None, 0, ordinals={"start": 5})
    assert [finding.fields.get("pod") for finding in found(late, service("db"))] == [None, "db-5"]
    assert found(late, service("db"))[0].severity is Severity.CRITICAL


def test_what_it_names_and_does_not_exist_is_found() -> None:
    sick = statefulset(volumeClaimTemplates=[claim("fast")])
    lost, class_lost = found(sick)
    assert (lost.code, lost.fields) == ("statefulset.service_missing", {"service": "db"})
    assert class_lost.code == "statefulset.storage_class_missing"
    assert class_lost.fields == {"storage_class": "fast", "claim": "data"}
    (unnamed,) = found(statefulset(serviceName=""))
    assert (unnamed.code, unnamed.severity) == ("statefulset.service_unnamed", Severity.INFO)


def test_what_was_not_looked_at_is_not_missing() -> None:
    sick = statefulset(available=1, volumeClaimTemplates=[claim("fast")])
    assert codes(sick, whole=False) == ["statefulset.replicas_short"]


def test_a_healthy_statefulset_is_silent() -> None:
    fast = {"kind": "StorageClass", "metadata": {"name": "fast"}}
    assert codes(statefulset(volumeClaimTemplates=[claim("fast")]), service("db"), fast) == []
    assert codes(statefulset(volumeClaimTemplates=[claim("")]), service("db"), pod("db-0", ready=False)) == []


def test_a_statefulset_at_zero_is_told_and_matters_where_a_service_leads_to_it() -> None:
    parked = statefulset(0, 0, template={"metadata": {"labels": {"app": "db"}}})
    when = {
        "manager": "saver",
        "time": "2026-11-24T01:00:00Z",
        "fieldsType": "FieldsV1",
        "subresource": "scale",
    }
    parked["metadata"]["managedFields"] = [when | {"operation": "Update", "fields": ["spec.replicas"]}]
    (told,) = found(parked, service("db", selector={"app": "db"}))
    assert (told.code, told.severity) == ("statefulset.scaled_to_zero", Severity.WARNING)
    assert (told.fields["manager"], told.fields["services"]) == ("saver", ["db"])
    (alone,) = found(parked, service("db", selector={"app": "other"}))
    assert alone.severity is Severity.INFO
