"""Stories in which nothing is changed: a rejection, clicks that do not count, an alert that goes away."""

from __future__ import annotations

from pathlib import Path

from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from evals.world.slack.forge import FalseClick, Forge
from tests.support.patience import PATIENCE_S
from tests.support.story import Scene, scene
from tools.kubernetes.client import Request, connect

CHECKOUT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
IMAGE = "/spec/template/spec/containers/0/image"
GOOD = "registry.shop.example/shop/checkout:2.8.1"


def test_whoever_may_not_sign_is_told_why_and_a_rejection_changes_nothing(tmp_path: Path) -> None:
    with scene("bad-image", tmp_path) as at:
        _asked(at)
        button = at.person("oncall").wait_for_button("approve", timeout=PATIENCE_S)
        why = {"member": "not on the roster", "guest": "guests cannot sign", "stranger": "another workspace"}
        for count, (who, words) in enumerate(why.items(), start=1):
            place = {"channel": button.channel, "ts": button.ts, "action_id": "approve"}
            false = FalseClick(user_id=at.person(who).user_id, value=button.value, **place)
            forge = Forge(at.centre.slack)
            forge.deliver(forge.click(false))
            at.until(lambda n=count: len(at.said(Tag.CLICK_REFUSED)) == n)
            assert words in at.said(Tag.CLICK_REFUSED)[-1].decode()
            # Slack shows a note to members of the channel only: the stranger's refusal is on record.
            if who != "stranger":
                at.person(who).wait_for_ephemeral(words, timeout=PATIENCE_S)
        assert at.stands(PlanState.PENDING)
        _rejected(at, "we are fixing it by hand")
        at.until(lambda: at.stands(PlanState.DENIED))
        plan = at.plan()
        assert plan is not None
        assert "we are fixing it by hand" in plan.reason
        assert at.effects() == []
        assert at.whole() == ()


def test_t05_an_alert_that_goes_away_cancels_the_plan_that_waits(tmp_path: Path) -> None:
    with scene("bad-image", tmp_path) as at:
        _asked(at)
        _fixed_by_hand(at)
        at.until(at.closed)
        assert at.stands(PlanState.CANCELLED)
        assert [effect.user for effect in at.effects() if "actor" in effect.user] == []
        assert len(at.effects()) == 1, "only the person's own change"
        assert at.whole() == ()


def _asked(at: Scene) -> None:
    at.serve()
    at.centre.break_it()
    at.until(lambda: at.stands(PlanState.PENDING))


def _rejected(at: Scene, reason: str) -> None:
    ada = at.person("oncall")
    ada.click(ada.wait_for_button("reject", timeout=PATIENCE_S))
    view = ada.wait_for_view("reject", timeout=PATIENCE_S)
    assert ada.submit(view["id"], {"reason": reason}).ok


def _fixed_by_hand(at: Scene) -> None:
    cluster = connect(at.centre.kubernetes.kubeconfig("admin"), "a person")
    try:
        body = f'[{{"op":"replace","path":"{IMAGE}","value":"{GOOD}"}}]'.encode()
        kind = "application/json-patch+json"
        cluster.send(Request(method="PATCH", path=CHECKOUT, query=(), body=body, content_type=kind))
    finally:
        cluster.close()
