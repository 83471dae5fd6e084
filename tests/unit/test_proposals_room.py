"""Room is made in small steps, and only where it is room that is missing: each case beside its twin."""

from __future__ import annotations

from typing import Any

import pytest

from agents.incident import Alert, Hypothesis
from agents.investigator.proposals import Limits, NoPlan, Proposal, Proposed, propose
from agents.investigator.reasoning_health import is_healthy
from tests.support.kube_objects import (
    BAD,
    Json,
    deployment,
    meta,
    owned_by,
    pod,
    replicaset,
    template,
)
from tests.support.scenes import Scene, alert, scene
from tests.support.troubles import node
from tools.kubernetes.objects import ObjectRef

LONG_AGO = "2026-08-01T00:00:00Z"


def proposed(at: Scene, code: str, about: str, **facts: Any) -> Proposal:
    """What is proposed for this cause of ``Kind name`` in namespace shop."""
    kind, _, name = about.partition(" ")
    explains = tuple(facts.pop("explains", ()))
    cause = Hypothesis(
        code=code,
        object=ObjectRef(kind=kind, namespace="shop", name=name),
        sentence="It is so.",
        explains=explains,
        unexplained=(),
        score=1.0,
        facts=facts,
    )
    return propose(at.case, cause, Limits())


def values(found: Proposal) -> tuple[str, Json]:
    assert isinstance(found, Proposed), found
    return found.step.verb, dict(found.step.set)


def filling(size: str = "8Gi", *, grows: bool = True, phase: str = "Bound") -> Scene:
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": meta("PersistentVolumeClaim", "data"),
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": size}}},
        "status": {"phase": phase},
    }
    fast = {"kind": "StorageClass", "metadata": meta("StorageClass", "fast", namespace=""),
            "allowVolumeExpansion": grows}  # fmt: skip
    return scene([claim, fast], alert("KubePersistentVolumeFillingUp", namespace="shop",
                                      persistentvolumeclaim="data"))  # fmt: skip


@pytest.mark.parametrize(("size", "larger"), [("8Gi", "12Gi"), ("1Gi", "2Gi"), ("500Mi", "1Gi")])
def test_a_volume_that_fills_up_grows_by_half(size: str, larger: str) -> None:
    found = proposed(filling(size), "pvc.filling_up", "PersistentVolumeClaim data", value=0.98)
    assert values(found) == ("expand_pvc", {"/spec/resources/requests/storage": larger})


def test_a_volume_whose_class_does_not_let_it_grow_is_left_as_it_is() -> None:
    for at in (filling(grows=False), filling(phase="Pending"), filling("many")):
        assert isinstance(proposed(at, "pvc.filling_up", "PersistentVolumeClaim data", value=0.98), NoPlan)


QUEUE = alert("ModelServerQueueing", namespace="shop", deployment="web")


@pytest.mark.parametrize(("now", "then"), [(1, 2), (2, 3), (5, 7)])
def test_servers_that_all_serve_and_do_not_suffice_get_help(now: int, then: int) -> None:
    at = scene([deployment(replicas=now, available=now)], QUEUE)
    assert values(proposed(at, "modelserver.queueing", "Deployment web")) == (
        "scale",
        {"/spec/replicas": then},
    )


def test_servers_that_are_not_all_there_or_are_counted_by_an_autoscaler_are_not_added_to() -> None:
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta("HorizontalPodAutoscaler", "web"),
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
    }
    for objects in ([deployment(replicas=2, available=1)], [deployment(), scaler]):
        assert isinstance(proposed(scene(objects, QUEUE), "modelserver.queueing", "Deployment web"), NoPlan)


UNPLACED = "pod.scheduling.unschedulable"


def batch(*, active: int = 3, born: str = "2026-11-24T01:59:00Z", updated: int = 1, **more: Any) -> Scene:
    """A Job with one pod that finds no node, beside Deployment ``web`` in the middle of a rollout."""
    job = {
        "kind": "Job",
        "metadata": meta("Job", "reindex", creationTimestamp=born, **more),
        "spec": {"suspend": False, "parallelism": 3},
        "status": {"active": active},
    }
    parent = {"kind": "CronJob", "metadata": meta("CronJob", "nightly"), "spec": {}}
    beside = deployment(available=2, updated=updated)
    beside["status"] |= {"observedGeneration": 2, "replicas": 2}
    asked = alert("KubePodUnschedulable", namespace="shop", job_name="reindex")
    return scene([job, parent, beside, replicaset(1)], asked)


PENDING: dict[str, Any] = {"reasons": {"cpu": 3}, "pods": ["reindex-x"]}


def test_a_job_that_fills_the_nodes_stands_aside_for_a_workload_that_waits() -> None:
    assert values(proposed(batch(), UNPLACED, "Job reindex", **PENDING)) == (
        "suspend",
        {"/spec/suspend": True},
    )


@pytest.mark.parametrize(
    ("at", "facts"),
    [
        pytest.param(batch(updated=2), PENDING, id="nobody waits"),
        pytest.param(batch(active=1), PENDING, id="it holds no room"),
        pytest.param(batch(born=LONG_AGO), PENDING, id="it has run for long"),
        pytest.param(batch(), {**PENDING, "reasons": {"taint": 3}}, id="it is no room that lacks"),
        pytest.param(
            batch(
                ownerReferences=[
                    {
                        "kind": "CronJob",
                        "name": "nightly",
                        "uid": "uid-CronJob-shop-nightly",
                        "controller": True,
                    }
                ]
            ),
            PENDING,
            id="a CronJob makes it again",
        ),
    ],
)
def test_a_job_is_not_stopped_for_less(at: Scene, facts: dict[str, Any]) -> None:
    assert isinstance(proposed(at, UNPLACED, "Job reindex", **facts), NoPlan)


def crowded(*, born: str = "2026-11-24T01:59:00Z", asks: str = "2", text: str = "Insufficient cpu") -> Scene:
    """A pod of ``web`` that waits for two cores, and a Job whose pod was given three on the only node."""
    job = {
        "kind": "Job",
        "metadata": meta("Job", "reindex", creationTimestamp=born),
        "spec": {"suspend": False},
    }
    runs = pod("reindex-x", container={"resources": {"requests": {"cpu": "3"}}}, spec={"nodeName": "n1"})
    runs["metadata"]["ownerReferences"] = owned_by("Job", "reindex")
    waits = pod("web-r1-bbbbb", phase="Pending", container={"resources": {"requests": {"cpu": asks}}})
    said = {"reason": "Unschedulable", "message": f"0/1 nodes are available: 1 {text}.", "status": "False"}
    waits["status"]["conditions"] = [
        {"type": "PodScheduled", "lastTransitionTime": "2026-11-24T01:59:30Z", **said}
    ]
    asked = alert("KubePodUnschedulable", namespace="shop", pod="web-r1-bbbbb")
    return scene([job, runs, node("n1"), deployment(), replicaset(1), waits], asked)


def told(at: Scene) -> tuple[str, str]:
    cause = at.reasoned.cause
    assert cause is not None
    return cause.code, str(cause.object)


def test_a_job_that_was_just_started_makes_room_for_the_pods_that_wait() -> None:
    at = crowded()
    assert told(at) == ("job.takes_the_room", "Job shop/reindex")
    found = propose(at.case, at.reasoned.cause, Limits())
    assert values(found) == ("suspend", {"/spec/suspend": True})
    assert isinstance(found, Proposed)
    assert str(found.step.target) == "Job shop/reindex"


@pytest.mark.parametrize(
    "at", [crowded(born=LONG_AGO), crowded(asks="4"), crowded(text="had untolerated taint")]
)
def test_a_job_that_would_not_make_room_goes_on(at: Scene) -> None:
    assert told(at) == ("pod.scheduling.unschedulable", "Deployment shop/web")
    assert isinstance(propose(at.case, at.reasoned.cause, Limits()), NoPlan)


def test_a_job_is_out_of_reach_where_the_pods_that_wait_are_of_others() -> None:
    at = crowded()
    elsewhere = scene(list(at.case.snapshot.inventory.by_kind["Job"]), QUEUE)
    assert isinstance(propose(elsewhere.case, at.reasoned.cause, Limits()), NoPlan)


WRONG = alert("ResultsWrong", namespace="shop", deployment="web")


def version(*alerts: Alert, under_way: bool = False) -> Scene:
    new = template(image=BAD)
    web = deployment(available=2, updated=1 if under_way else 2, template=new)
    web["status"] |= {"observedGeneration": 2, "replicas": 2}
    kept = [replicaset(1, ready=1), replicaset(2, ready=1, template=new)]
    return scene([web, *kept, pod("web-r2-aaaaa", image=BAD)], *alerts)


BROUGHT: dict[str, Any] = {"previous_revision": 1, "images": {"web": BAD}}
BAD_VERSION = "deployment.rollout.bad_version"


def test_a_suspected_rollout_that_goes_on_is_halted_first() -> None:
    found = proposed(version(WRONG, under_way=True), BAD_VERSION, "Deployment web", **BROUGHT)
    assert values(found) == ("pause_rollout", {"/spec/paused": True})


def test_a_suspected_rollout_that_is_over_goes_back_if_more_than_its_time_accuses_it() -> None:
    only_time = proposed(version(WRONG), BAD_VERSION, "Deployment web", **BROUGHT)
    assert isinstance(only_time, NoPlan)
    assert "to blame" in only_time.advice
    felt = {"explains": ["metric.errors.rose@Service shop/web"]}
    assert (
        values(proposed(version(WRONG), BAD_VERSION, "Deployment web", **BROUGHT, **felt))[0] == "roll_back"
    )
    named = alert("ResultsWrong", namespace="shop", deployment="web", image=BAD)
    assert values(proposed(version(named), BAD_VERSION, "Deployment web", **BROUGHT))[0] == "roll_back"


def test_a_rollout_that_was_halted_is_well_while_it_serves() -> None:
    halted = deployment(available=1, updated=1, conditions=[{"type": "Available", "status": "True"}])
    assert not is_healthy(halted)
    halted["spec"]["paused"] = True
    assert is_healthy(halted)
    halted["status"]["conditions"][0]["status"] = "False"
    assert not is_healthy(halted)
