"""A rollout that is only slow, over the real protocols: left alone while it may come up, and no longer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from agents.ledger.protocol import PlanState
from tests.support.datacentre import wait_until
from tests.support.watch import Watch, watch

CART = {"alertname": "KubePodNotReady", "namespace": "shop"}


def test_a_slow_rollout_is_looked_at_again_when_it_has_had_its_time(tmp_path: Path) -> None:
    with watch("alerts/slow-rollout", tmp_path) as at:
        at.centre.break_it()
        wait_until(lambda: _slow(at) != "")
        at.hear(at.alert(labels={**CART, "pod": _slow(at)}))
        at.look()
        assert at.diagnosis.cause is None, at.diagnosis.prose
        assert "only not ready yet" in at.diagnosis.prose
        assert at.story.incident.phase.startswith("no change proposed yet: looking again within")
        assert at.woken[-1].run_at is not None
        assert timedelta(minutes=5) < at.woken[-1].run_at - at.clock() < timedelta(minutes=11)
        assert at.story.plans == ()
        # It hangs instead of coming up: now nobody would wait any longer.
        at.clock.ahead = timedelta(minutes=11)
        at.look()
        assert at.plan.state is PlanState.DRAFT
        assert at.plan.plan.steps[0].verb == "roll_back"


def _slow(at: Watch) -> str:
    """The pod of the new version, once its probe was refused."""
    events = at.box.cluster.get("/api/v1/namespaces/shop/events")["items"]
    refused = (
        event["involvedObject"]["name"]
        for event in events
        if event["reason"] == "Unhealthy" and event["involvedObject"]["name"].startswith("cart-")
    )
    return next(refused, "")
