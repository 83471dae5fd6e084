"""A StatefulSet whose template was mended and whose sick pod stays: that pod goes, and no other."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from agents.investigator.held_up import first_of, holds_up
from agents.investigator.proposals import Limits, NoPlan, Proposed, propose
from evals.world.clock import VirtualClock
from evals.world.kubernetes.controllers.statefulset import StatefulSetController
from evals.world.kubernetes.store import Store
from tests.support.kube_objects import BAD, GOOD, Json, crashing, meta, owned_by, pod, template
from tests.support.scenes import alert, scene
from tests.support.world_cluster import START
from tools.kubernetes.history import POD_REVISION

OWNER: Json = {
    "kind": "StatefulSet",
    "metadata": meta("StatefulSet", "db"),
    "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "db"}}, "template": template("db")},
    "status": {"replicas": 3, "availableReplicas": 2, "updateRevision": "db-h3", "observedGeneration": 2},
}


def of(made: Json, revision: str) -> Json:
    """The pod as one of ``db``, made from this revision and placed on a node."""
    made["metadata"]["ownerReferences"] = owned_by("StatefulSet", "db")
    made["metadata"]["labels"] = {"app": "db", POD_REVISION: revision}
    made["spec"]["nodeName"] = "worker-1"
    return made


def sick(revision: str = "db-h2", name: str = "db-2") -> Json:
    return of(crashing(name, image=BAD), revision)


def owner(**more: Any) -> Json:
    made = copy.deepcopy(OWNER)
    made["spec"] |= more.pop("spec", {})
    made["status"] |= more
    return made


def test_a_pod_of_before_that_is_not_ready_holds_its_statefulset_up() -> None:
    assert holds_up(OWNER, sick())
    assert first_of(OWNER, (sick(), sick(name="db-1"))) == sick(name="db-1")


@pytest.mark.parametrize(
    ("statefulset", "made"),
    [
        pytest.param(OWNER, sick("db-h3"), id="it is of the present template"),
        pytest.param(OWNER, of(pod("db-2"), "db-h2"), id="it is ready and will be replaced in its turn"),
        pytest.param(OWNER, crashing("db-2"), id="it is somebody else's"),
        pytest.param(owner(spec={"podManagementPolicy": "Parallel"}), sick(), id="nobody waits in order"),
        pytest.param(owner(spec={"updateStrategy": {"type": "OnDelete"}}), sick(), id="pods stay on purpose"),
        pytest.param(
            owner(spec={"updateStrategy": {"rollingUpdate": {"partition": 3}}}),
            sick(),
            id="below the partition",
        ),
        pytest.param(owner(observedGeneration=1), sick(), id="the controller has not looked yet"),
        pytest.param({**OWNER, "kind": "DaemonSet"}, sick(), id="another kind goes on by itself"),
    ],
)
def test_other_pods_hold_nothing_up(statefulset: Json, made: Json) -> None:
    assert not holds_up(statefulset, made)


LOOPS = alert("KubePodCrashLooping", namespace="shop", pod="db-2")


def test_the_pod_that_is_waited_for_is_evicted_and_only_that() -> None:
    at = scene([OWNER, sick(), of(pod("db-0"), "db-h2"), of(pod("db-1"), "db-h2")], LOOPS)
    found = propose(at.case, at.reasoned.cause, Limits())
    assert isinstance(found, Proposed), found
    assert (found.step.verb, str(found.step.target)) == ("evict_pod", "Pod shop/db-2")
    present = scene([OWNER, sick("db-h3"), of(pod("db-0"), "db-h3")], LOOPS)
    assert isinstance(propose(present.case, present.reasoned.cause, Limits()), NoPlan)


def test_the_pretend_controller_waits_as_the_real_one_does() -> None:
    store = Store(VirtualClock(START))
    store.create("namespaces", {"metadata": {"name": "shop"}})
    spec = {**OWNER["spec"], "template": template("db", image=BAD)}
    store.create("statefulsets", {"metadata": {"name": "db", "namespace": "shop"}, "spec": spec})
    controller = StatefulSetController(store)

    def tick() -> list[Json]:
        controller.tick({**store.get("statefulsets", "shop", "db"), "kind": "StatefulSet"})
        return store.peek("pods", "shop")

    (first,) = tick()
    stored = store.get("statefulsets", "shop", "db")
    store.update(
        "statefulsets", {**stored, "spec": {**stored["spec"], "template": template("db", image=GOOD)}}
    )
    # The first pod never became ready: neither is it replaced, nor is a second one made.
    assert [one["metadata"]["uid"] for one in tick()] == [first["metadata"]["uid"]]
    store.delete("pods", "shop", "db-0")
    tick()
    (made,) = tick()
    assert made["spec"]["containers"][0]["image"] == GOOD
