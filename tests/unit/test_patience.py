"""A rollout that is only slow is left alone, and one that is bad is not: each case beside its twin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.investigator.proposals import Limits, NoPlan, Proposal, Proposed, propose
from agents.investigator.reasoning import Answer
from tests.support.kube_objects import BAD, Json, deployment, ended, event, pod, replicaset, template
from tests.support.scenes import Scene, alert, scene
from tests.support.troubles import SHORT

ROLLED_OUT = "2026-11-24T02:09:00Z"
REFUSED = (
    "Readiness probe failed: Get http://10.0.0.7:80/up: dial tcp 10.0.0.7:80: connect: connection refused"
)
STATUS = "Readiness probe failed: HTTP probe failed with statuscode: 500"
PROGRESSES = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
GAVE_UP = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
NOT_READY = alert("KubePodNotReady", namespace="shop", pod="web-r2-aaaaa")


def rolling(said: str = REFUSED, condition: Json = PROGRESSES, **more: Any) -> list[Json]:
    """Deployment ``web`` a minute after a rollout of another image, whose pod is not ready yet."""
    asks: Json = {"readinessProbe": {"httpGet": {"path": "/up", "port": 80}}}
    old, new = template(**asks), template(**{"image": BAD, **asks, **more.pop("changed", {})})
    served = more.pop("served", True)
    slow = pod("web-r2-aaaaa", ready=False, image=BAD, container=asks, **more)
    born: Json = {"meta": {"creationTimestamp": more.pop("born", ROLLED_OUT)}}
    return [
        deployment(available=1, template=new, conditions=[condition]),
        replicaset(1, ready=int(served), template=old),
        replicaset(2, template=new, **born),
        *([pod("web-r1-zzzzz", container=asks)] if served else []),
        slow,
        event(slow, "Unhealthy", said, firstTimestamp=ROLLED_OUT, lastTimestamp="2026-11-24T02:09:55Z"),
    ]


def plan(at: Scene) -> Proposal:
    return propose(at.case, at.reasoned.cause, Limits())


def test_a_rollout_that_is_still_under_way_is_no_trouble() -> None:
    at = scene(rolling(), NOT_READY)
    assert at.reasoned.answer is Answer.NOTHING_TO_DO
    assert "still serve" in at.reasoned.because
    assert at.reasoned.look_again is not None
    assert timedelta() < at.reasoned.look_again - at.taken_at <= timedelta(minutes=10)


def test_requests_that_fail_are_trouble_whatever_a_rollout_waits_for() -> None:
    at = scene(rolling(), alert("HttpErrorRateHigh", namespace="shop", deployment="web"))
    assert at.reasoned.answer is Answer.CAUSE
    assert isinstance(plan(at), NoPlan)


def test_a_rollout_past_its_own_short_deadline_is_told_and_not_undone() -> None:
    at = scene(rolling(condition=GAVE_UP), SHORT)
    assert at.reasoned.cause is not None
    found = plan(at)
    assert isinstance(found, NoPlan)
    assert "not ready yet" in found.reason
    assert found.look_again is not None


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param(rolling(STATUS), id="the process is up and says no"),
        pytest.param(rolling(served=False), id="nothing serves meanwhile"),
        pytest.param(rolling(restarts=1), id="the process was restarted"),
        pytest.param(rolling(last=ended("Error", 1)), id="the process ended once"),
        pytest.param(rolling(condition=GAVE_UP, born="2026-11-24T01:40:00Z"), id="it has had its time"),
    ],
)
def test_a_rollout_that_is_not_only_slow_is_undone(objects: list[Json]) -> None:
    at = scene(objects, NOT_READY)
    found = plan(at)
    assert isinstance(found, Proposed), (found, at.reasoned)
    assert found.step.verb == "roll_back"


def test_a_probe_that_came_with_the_rollout_is_a_suspect_and_not_waited_for() -> None:
    other: Json = {"changed": {"readinessProbe": {"httpGet": {"path": "/ready", "port": 80}}}}
    found = plan(scene(rolling(**other), NOT_READY))
    assert isinstance(found, Proposed), found
