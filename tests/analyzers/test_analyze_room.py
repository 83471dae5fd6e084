"""A young Job that holds what other pods wait for, and the many Jobs that do nobody harm."""

from __future__ import annotations

from typing import Any

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.room import room
from agents.investigator.analyzers.snapshot import Snapshot
from tests.support.kube_objects import Json, meta, owned_by, pod
from tests.support.scenes import scene
from tests.support.troubles import node
from tools.kubernetes.inventory import Inventory

YOUNG, OLD, EARLIER = "2026-11-24T01:50:00Z", "2026-11-23T02:00:00Z", "2026-11-24T01:40:00Z"
WAITED = "2026-11-24T01:55:00Z"
FULL = "0/2 nodes are available: 2 Insufficient cpu."


def asking(name: str, cpu: str, **more: Any) -> Json:
    return pod(name, container={"resources": {"requests": {"cpu": cpu}}}, **more)


def waiting(name: str = "cart-a", cpu: str = "1", *, text: str = FULL, since: str = WAITED) -> Json:
    made = asking(name, cpu, phase="Pending")
    made["status"]["conditions"] = [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": text,
        "lastTransitionTime": since,
    }]  # fmt: skip
    return made


def job(born: str = YOUNG, **more: Any) -> Json:
    return {"kind": "Job", "metadata": meta("Job", "reindex", creationTimestamp=born, **more), "spec": {}}


def running(name: str = "reindex-x", cpu: str = "3", phase: str = "Running") -> Json:
    made = asking(name, cpu, phase=phase, spec={"nodeName": "n1"})
    made["metadata"]["ownerReferences"] = owned_by("Job", "reindex")
    return made


def found(*objects: Json) -> list[Finding]:
    inventory = Inventory.of_list({"kind": "List", "items": [node("n1"), *objects]})
    return list(room(Snapshot(inventory=inventory, taken_at=scene([]).taken_at)))


def own_waiting() -> Json:
    made = waiting("reindex-y", "3")
    made["metadata"]["ownerReferences"] = owned_by("Job", "reindex")
    return made


def test_a_job_that_was_started_just_before_others_had_to_wait_is_told_with_all_who_wait() -> None:
    (one,) = found(job(), running(), waiting(), waiting("cart-b"), own_waiting())
    assert one.code == "job.takes_the_room"
    assert str(one.object) == "Job shop/reindex"
    assert (
        one.message
        == "Job reindex was started at 01:50 UTC and holds the cpu that pod cart-a and 1 more waits for."
    )
    assert one.fields == {"waits": ["cart-a", "cart-b", "reindex-y"], "resources": ["cpu"]}


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param((job(OLD), running(), waiting()), id="it has run since yesterday"),
        pytest.param((job(), running(), waiting(since=EARLIER)), id="they waited before it came"),
        pytest.param((job(), running(cpu="500m"), waiting()), id="it holds too little"),
        pytest.param((job(), running(phase="Succeeded"), waiting()), id="its pod has ended"),
        pytest.param((job(), waiting()), id="it holds nothing"),
        pytest.param((job(), running(), own_waiting()), id="only its own pods wait"),
        pytest.param((job(), running()), id="nobody waits"),
        pytest.param(
            (
                job(),
                running(),
                waiting(text="0/2 nodes are available: 2 node(s) had untolerated taint {gpu: }."),
            ),
            id="room is not what they lack",
        ),
        pytest.param(
            (job(ownerReferences=[{**owned_by("CronJob", "nightly")[0]}]), running(), waiting()),
            id="a CronJob makes it again",
        ),
    ],
)
def test_a_job_that_does_nobody_harm_is_silent(objects: tuple[Json, ...]) -> None:
    assert found(*objects) == []
