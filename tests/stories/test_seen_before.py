"""The same trouble twice: what helped is proposed again, what did not is not, no signature is remembered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from agents.gatekeeper.cards import render
from agents.incident import IncidentState, Recovery
from agents.investigator.reasoning_health import is_healthy
from agents.ledger.memory import is_sure
from agents.ledger.past import Fate
from agents.ledger.protocol import PlanState
from agents.ledger.seals import SealKey
from tests.support.datacentre import wait_until
from tests.support.watch import Watch, watch, with_metrics

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
CONTAINER = "/spec/template/spec/containers/0"
IMAGE = f"{CONTAINER}/image"
BAD = "registry.shop.example/shop/checkout:2.9.0"
MORE: dict[str, object] = {IMAGE: BAD, f"{CONTAINER}/resources/requests/cpu": "250m"}
A_WHILE = timedelta(days=1, hours=12)
WINDOW_S = 30.0
OOM = {"alertname": "KubeContainerOOMKilled", "namespace": "shop", "deployment": "cart"}
CALM, HUNGRY = (f"registry.shop.example/shop/cart:{version}" for version in ("1.14.2", "1.15.0"))
MEMORY = f"{CONTAINER}/resources/limits/memory"
PODS = 3
ALL_AT_ONCE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Watch]:
    """A healthy shop three days ago, and an investigator."""
    with watch("bad-image", tmp_path, verify_window_s=WINDOW_S) as made:
        with_metrics(made)
        # Not later, but earlier: the cluster's own clock cannot be moved, and old trouble weighs less.
        made.clock.ahead = -2 * A_WHILE
        yield made


def test_what_recovered_it_is_proposed_again_and_the_card_says_when_it_was_seen(
    at: Watch, tmp_path: Path
) -> None:
    at.centre.break_it()
    _fails(at, "checkout")
    at.hear(at.alert())
    at.look()
    assert at.story.past == ()
    first = at.plan.plan
    _helped(at, "checkout")
    _again(at, {IMAGE: BAD})
    assert at.plan.plan.steps[0].set == first.steps[0].set
    assert at.plan.note.endswith("; it recovered INC-1")
    (past,) = at.story.past
    (attempt,) = past.attempts
    assert (past.incident, past.recovery, attempt.fate) == (1, Recovery.RECOVERED, Fate.HELPED)
    card = str(render(at.story, SealKey.load(tmp_path / "seal"), "http://us").blocks)
    assert "INC-1, 1 day before: the same cause; " in card
    assert "recovered it in " in card
    # Nobody's signature is remembered: these bytes are new, and nobody was asked about them.
    assert at.plan.plan.digest != first.digest
    assert (at.plan.state, at.plan.decisions) == (PlanState.DRAFT, ())


def test_what_did_not_help_is_not_proposed_first_the_next_time(at: Watch) -> None:
    """More than the image was rolled out, so there are two ways back: all of it, or the image alone."""
    at.by_hand(f"{DEPLOYMENTS}/checkout", MORE)
    _fails(at, "checkout")
    at.hear(at.alert())
    at.look()
    assert at.plan.plan.steps[0].verb == "roll_back"
    _in_vain(at, "checkout")
    _again(at, MORE)
    assert at.plan.plan.steps[0].verb == "set_image"
    assert at.story.past[0].attempts[0].fate is Fate.NOT_HELPED
    # The cpu stayed, so only the image can go back now; and it is known that this did not help.
    _in_vain(at, "checkout")
    _again(at, MORE)
    assert at.story.plans == ()
    why = at.diagnosis.no_plan_because
    assert "set_image with these values did not help in INC-2." in why
    assert "Push the image" in why


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one investigation came to, and what it took."""

    cause: str
    step: dict[str, object]
    calls: int
    seconds: float
    sure: bool


def _killed(at: Watch) -> Told:
    """Each of its pods was killed, and the alert was looked into."""
    wait_until(lambda: _restarts(at) == PODS)
    at.hear(at.alert(labels=OOM, fingerprint=f"f{at.number}"))
    began = time.monotonic()
    at.look()
    taken = time.monotonic() - began
    cause = at.diagnosis.cause
    assert cause is not None
    return Told(
        cause=f"{cause.code} {cause.object}",
        step=dict(at.plan.plan.steps[0].set),
        calls=at.spent,
        sure=is_sure(at.diagnosis),
        seconds=taken,
    )


def _restarts(at: Watch) -> int:
    return sum(
        one.get("restartCount", 0) >= 1
        for pod in at.box.cluster.get("/api/v1/namespaces/shop/pods")["items"]
        if pod["metadata"]["name"].startswith("cart-")
        for one in pod["status"].get("containerStatuses", [])
    )


def _fails(at: Watch, name: str) -> None:
    wait_until(lambda: _waiting(at, name))


def _waiting(at: Watch, name: str) -> bool:
    return any(
        ((one.get("state") or {}).get("waiting") or {}).get("reason") in {"ErrImagePull", "ImagePullBackOff"}
        for pod in at.box.cluster.get("/api/v1/namespaces/shop/pods")["items"]
        if pod["metadata"]["name"].startswith(f"{name}-")
        for one in pod["status"].get("containerStatuses", [])
    )


def _well(at: Watch, name: str) -> bool:
    return is_healthy(at.box.cluster.get(f"{DEPLOYMENTS}/{name}") | {"kind": "Deployment"})


def _helped(at: Watch, name: str) -> None:
    """The plan is signed and done, and everybody is well."""
    at.applied()
    wait_until(lambda: _well(at, name))
    _over(at)


def test_what_did_not_help_is_not_proposed_again_in_the_same_incident(at: Watch) -> None:
    at.by_hand(f"{DEPLOYMENTS}/checkout", MORE)
    _fails(at, "checkout")
    at.hear(at.alert())
    at.look()
    first = at.plan.plan.steps[0]
    _put_back(at)
    at.applied()
    _fails(at, "checkout")
    at.look()
    later = [one.plan.steps[0] for one in at.story.plans[2:]]
    assert later, at.story.incident.phase
    assert (first.verb, first.set) not in [(step.verb, step.set) for step in later]


def _over(at: Watch, labels: dict[str, str] | None = None) -> None:
    named = {"labels": labels} if labels else {}
    at.hear(at.alert(firing=False, fingerprint=f"f{at.number}", **named))
    at.look()
    assert at.story.incident.state is IncidentState.CLOSED, at.story.incident.phase


def _put_back(at: Watch) -> None:
    """The plan is signed and done, but there is no room for its pods: its undo is offered."""
    nodes = [node["metadata"]["name"] for node in at.box.cluster.get("/api/v1/nodes")["items"]]
    for node in nodes:
        at.by_hand(f"/api/v1/nodes/{node}", {"/spec/unschedulable": True})
    at.applied()
    at.look()
    at.clock.ahead += timedelta(seconds=WINDOW_S + 1)
    at.look()
    assert at.plan.plan.undo_of
    for node in nodes:
        at.by_hand(f"/api/v1/nodes/{node}", {"/spec/unschedulable": False})


def _in_vain(at: Watch, name: str) -> None:
    """The same, until somebody makes room; the alert is over then."""
    _put_back(at)
    at.clock.ahead += timedelta(seconds=WINDOW_S)
    wait_until(lambda: _well(at, name))
    _over(at)
    assert at.story.outcome is not None
    assert at.story.outcome.recovery is Recovery.NOT_RECOVERED


def _again(at: Watch, values: dict[str, object]) -> None:
    """A while later the same is rolled out once more."""
    at.clock.ahead += A_WHILE
    at.by_hand(f"{DEPLOYMENTS}/checkout", dict(values))
    _fails(at, "checkout")
    at.number += 1
    at.hear(at.alert(fingerprint=f"f{at.number}"))
    at.look()


def test_the_second_time_takes_fewer_looks_and_comes_to_the_same(tmp_path: Path) -> None:
    """A version that needs more memory than its limit, rolled out once more after it was taken back."""
    with watch("oom", tmp_path, verify_window_s=WINDOW_S) as at:
        with_metrics(at)
        at.clock.ahead = -A_WHILE
        at.by_hand(f"{DEPLOYMENTS}/cart", {"/spec/replicas": PODS, "/spec/strategy": ALL_AT_ONCE})
        at.centre.break_it()
        first = _killed(at)
        at.applied()
        wait_until(lambda: _well(at, "cart"))
        _over(at, OOM)
        at.by_hand(f"{DEPLOYMENTS}/cart", {IMAGE: CALM, MEMORY: "128Mi"})
        wait_until(lambda: _well(at, "cart"))
        at.clock.ahead = timedelta(0)
        at.by_hand(f"{DEPLOYMENTS}/cart", {IMAGE: HUNGRY})
        at.number = 2
        second = _killed(at)
        assert second.cause == first.cause
        assert second.step == first.step
        # A look that caught a pod between two states may leave something open: then everything is read.
        assert second.calls < first.calls or not (first.sure and second.sure), (first, second)
