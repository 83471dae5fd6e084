"""When a signed change does not help, and when the world moves under a plan: said so, and asked again."""

from __future__ import annotations

import signal
from pathlib import Path

import orjson

from agents.incident import Plan
from agents.ledger.protocol import PlanState
from evals.world.kubernetes.faults import Fault
from tests.support.story import Scene, scene
from tools.kubernetes.client import Request, connect

CHECKOUT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
IMAGE = "/spec/template/spec/containers/0/image"
SLOW_S = 5.0


def test_a_change_that_does_not_help_is_followed_by_the_offer_to_undo_it(tmp_path: Path) -> None:
    """Killed right after the offer was drafted, it offers once all the same."""
    with scene("bad-image", tmp_path) as at:
        at.serve("i-undo", verify_window_s="3")
        at.centre.break_it()
        at.until(lambda: at.stands(PlanState.PENDING))
        # The good image comes back, but there is no room for its pods.
        for node in ("worker-1", "worker-2", "worker-3"):
            _by_hand(at, f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
        by_hand = len(at.effects())
        at.approve()
        at.until(lambda: at.started[-1].code() is not None)
        assert at.started[-1].code() == -signal.SIGKILL, at.started[-1].tail()
        at.lease_over()
        at.serve(verify_window_s="3")
        at.until(lambda: at.stands(PlanState.PENDING))
        told = at.told()
        assert told is not None
        done, undo = told.plans
        assert (done.state, undo.state) == (PlanState.SUCCEEDED, PlanState.PENDING)
        assert undo.plan.undo_of == done.plan.id
        assert _puts_back(undo.plan, done.plan)
        assert told.incident.phase == "not recovered"
        assert told.outcome is None
        assert len(at.effects()) == by_hand + 1, "the undo waits for a signature of its own"
        assert len(at.cards()) == 1
        assert "it did not help" in str(at.cards())
        assert at.whole() == ()


def test_a_draft_whose_object_moved_before_its_rehearsal_is_made_again_from_a_new_look(
    tmp_path: Path,
) -> None:
    with scene("bad-image", tmp_path) as at:
        faults = at.centre.kubernetes.faults
        actor = at.centre.kubernetes.user("actor").name
        faults.add(Fault(user=actor, verb="get", resource="deployments", name="checkout", delay=SLOW_S))
        at.serve()
        at.centre.break_it()
        at.until(lambda: faults.as_json() == [])
        _by_hand(at, CHECKOUT, {"spec": {"replicas": 4}})
        at.until(lambda: at.stands(PlanState.PENDING))
        told = at.told()
        assert told is not None
        refused, asked = told.plans
        assert refused.state is PlanState.REFUSED
        assert "changed since it was looked at" in refused.reason
        live = at.centre.cluster.store.get("deployments", "shop", "checkout")
        assert asked.plan.steps[0].expect["/metadata/generation"] == live["metadata"]["generation"]
        assert len(at.cards()) == 1
        assert [effect.user for effect in at.effects() if effect.user == actor] == []
        assert at.whole() == ()


def _puts_back(undo: Plan, done: Plan) -> bool:
    return undo.steps[0].set == {IMAGE: done.steps[0].expect[IMAGE]}


def _by_hand(at: Scene, path: str, change: dict[str, object]) -> None:
    """A person with every right changes something."""
    cluster = connect(at.centre.kubernetes.kubeconfig("admin"), "a person")
    try:
        kind = "application/merge-patch+json"
        cluster.send(Request(method="PATCH", path=path, body=orjson.dumps(change), content_type=kind))
    finally:
        cluster.close()
