"""SIGKILL of the actor at the worst moments: at most one effect, and a truthful word about it afterwards."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest

from agents.actor.hands import Hands
from agents.actor.preview import preview
from agents.incident import Approver, Decision, Plan, Verdict
from agents.ledger import decisions, incidents, investigations, previews
from agents.ledger.decisions import Decided
from agents.ledger.previews import Posted
from agents.ledger.protocol import PlanState
from agents.ledger.seals import SealKey
from tests.support.plans import a_delivery, an_alert
from tests.support.story import PATIENCE_S, Scene, scene
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, is_applied
from tools.kubernetes.client import connect
from tools.kubernetes.objects import JsonObject

CHECKOUT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
GOOD = "registry.shop.example/shop/checkout:2.8.1"
ENDS = (PlanState.SUCCEEDED, PlanState.NOT_APPLIED)


@pytest.mark.parametrize(
    ("point", "applied"), [("c3", False), ("c4", False), ("c6", True), ("c7", True), ("c8", True)]
)
def test_a_killed_actor_is_followed_by_the_truth(point: str, applied: bool, tmp_path: Path) -> None:
    with scene("bad-image", tmp_path) as at:
        at.centre.break_it()
        at.until(lambda: _noticed(at))
        plan = _approved(at)
        killed = at.actor(point)
        at.until(lambda: killed.process.poll() is not None)
        assert killed.process.returncode == -signal.SIGKILL, killed.tail()
        at.actor("none")
        at.until(lambda: at.stands(*ENDS))
        assert at.stands(PlanState.SUCCEEDED if applied else PlanState.NOT_APPLIED)
        assert len(at.effects()) == (1 if applied else 0)
        assert is_applied(plan.steps[0], plan.id, _live(at)) is applied
        assert at.whole() == ()


def _noticed(at: Scene) -> bool:
    """The rollout was observed: until then its controller's annotation still moves the generation."""
    found = at.centre.cluster.store.get("deployments", "shop", "checkout")
    return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])


def _live(at: Scene) -> JsonObject:
    cluster = connect(at.centre.kubernetes.kubeconfig("reader"), "investigator")
    try:
        return cluster.get(CHECKOUT)
    finally:
        cluster.close()


def _approved(at: Scene) -> Plan:
    """A plan that puts the good image back: drafted, rehearsed by the actor, posted and signed."""
    hands = _hands(at)
    try:
        plan = _drafted(at, hands)
        preview(hands, plan)
    finally:
        hands.cluster.close()
    posted = Posted(channel_id="C", message_ts="1", card_digest="0")
    assert previews.mark_pending(at.ledger, plan.id, posted) is None
    slack = at.centre.addresses()["slack"]
    signed = Decision(
        plan_id=plan.id,
        plan_digest=plan.digest,
        approver=Approver(team_id=slack["team_id"], user_id=slack["users"]["oncall"]),
        verdict=Verdict.APPROVE,
        at=at.ledger.now(),
    )
    assert decisions.decide(at.ledger, hands.seal.sealed(signed)) == Decided(state=PlanState.APPROVED)
    return plan


def _hands(at: Scene) -> Hands:
    return Hands(
        ledger=at.ledger,
        cluster=connect(at.centre.kubernetes.kubeconfig("actor"), "actor"),
        actor_id="the rehearsal",
        seal=SealKey.load(at.folder / "state" / "keys" / "seal"),
        roster_file=at.folder / "roster.yaml",
        halt_file=at.folder / "state" / "HALT",
    )


def _drafted(at: Scene, hands: Hands) -> Plan:
    now = at.ledger.now()
    incidents.accept(at.ledger, [a_delivery(now, an_alert(now))])
    step = CATALOGUE["set_image"].draft(
        hands.cluster.get(CHECKOUT),
        {"container": "checkout", "image": GOOD},
        Context(images=frozenset({GOOD})),
    )
    assert isinstance(step, Step), step
    plan = Plan(
        cluster_uid=hands.cluster.cluster_uid(),
        incident="INC-1",
        steps=(step,),
        tier=1,
        approvals_needed=1,
        pending_until=now + timedelta(minutes=30),
        claim_within_s=120,
        policy_version="1",
        nonce="0" * 32,
    )
    lease = investigations.take(at.ledger, 1, "the story", PATIENCE_S)
    assert lease is not None
    investigations.draft(at.ledger, lease, plan, "the tag does not exist")
    investigations.release(at.ledger, lease)
    return plan
