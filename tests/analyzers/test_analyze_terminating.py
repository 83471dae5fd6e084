"""Pods that should be gone: held by a finalizer, or by a node that does not let go."""

from __future__ import annotations

from agents.incident import Finding
from agents.investigator.analyzers.terminating import terminating
from tests.support.kube_objects import Json, event, pod
from tests.support.scenes import scene

LONG_AGO, JUST_NOW = "2026-11-24T02:00:00Z", "2026-11-24T02:09:30Z"


def found(*objects: Json) -> list[Finding]:
    return list(terminating(scene(list(objects)).snapshot))


def test_a_finalizer_that_holds_a_pod_is_named() -> None:
    (finding,) = found(pod(deletionTimestamp=LONG_AGO, finalizers=["example.io/keep"]))
    assert (finding.code, finding.fields) == (
        "pod.terminating.finalizer",
        {"finalizers": ["example.io/keep"]},
    )
    assert finding.since is not None


def test_a_pod_that_its_node_does_not_let_go_says_what_is_known_of_the_node() -> None:
    stuck = pod(deletionTimestamp=LONG_AGO, spec={"nodeName": "n1"})
    node = {
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]},
    }
    (lost,) = found(stuck, node)
    assert (lost.code, lost.fields) == ("pod.terminating.overdue", {"node": "n1", "node_ready": "Unknown"})
    (busy,) = found(stuck, event(stuck, "FailedKillPod", "device or resource busy"))
    assert busy.fields["message"] == "device or resource busy"


def test_a_pod_that_is_stopping_in_time_and_one_that_stays_are_silent() -> None:
    assert found(pod(deletionTimestamp=JUST_NOW, finalizers=["example.io/keep"])) == []
    assert found(pod(finalizers=["example.io/keep"])) == []


def test_a_node_that_is_well_is_not_blamed() -> None:
    stuck = pod(deletionTimestamp=LONG_AGO, spec={"nodeName": "n1"})
    node = {
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    for objects in ((stuck, node), (stuck,)):
        (finding,) = found(*objects)
        assert "not ready" not in finding.message
