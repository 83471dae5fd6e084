"""The policy, and who deploys an object: advice for a plan, a warning, a signature that comes to nothing."""

from __future__ import annotations

from pathlib import Path

import orjson
import yaml

from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from evals.world.slack.person import Person
from tests.support.patience import PATIENCE_S
from tests.support.story import Scene, scene
from tools.kubernetes.client import Request, connect

CHECKOUT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
ALL = "version: 1\nallow: [{name: all}]\n"
ARGO = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/checkout"}
HELM = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}


def test_what_git_deploys_gets_the_patch_to_commit_and_no_button(tmp_path: Path) -> None:
    with scene("bad-image", tmp_path) as at:
        _mark(at, ARGO)
        at.serve()
        at.centre.break_it()
        at.until(lambda: "To commit where it is deployed from" in _thread(at))
        told = at.told()
        assert told is not None
        assert told.plans == ()
        (card,) = at.cards()
        assert "Argo CD manages Deployment shop/checkout" in str(card)
        assert "'approve'" not in str(card)
        assert told.diagnosis is not None
        (container,) = yaml.safe_load(told.diagnosis.patch)["spec"]["template"]["spec"]["containers"]
        assert container == {"name": "checkout", "image": "registry.shop.example/shop/checkout:2.8.1"}
        assert f"image: {container['image']}" in _thread(at)
        assert [one for one in at.effects() if "actor" in one.user] == []
        assert at.whole() == ()


def test_what_helm_deploys_gets_a_plan_with_a_warning_and_a_stricter_policy_stops_even_a_signed_one(
    tmp_path: Path,
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(ALL, encoding="utf-8")
    with scene("bad-image", tmp_path) as at:
        _mark(at, HELM)
        first = at.serve("c1", policy_file=str(policy))
        at.centre.break_it()
        at.until(lambda: at.stands(PlanState.PENDING))
        card = str(at.cards()[0])
        assert "Helm release shop deploys this object" in card
        assert "3 replicas" in card
        assert "requests/s" in card
        # All stops once it is signed: a stricter policy cannot come too early for that, nor too late. The
        # halt holds the actor, which may outlive its parent for a moment.
        halt = at.folder / "state" / "HALT"
        halt.write_text("until the policy is another one", encoding="utf-8")
        ada = at.person("oncall")
        assert not ada.click(ada.wait_for_button("approve", timeout=PATIENCE_S)).ok
        at.until(lambda: first.code() is not None)
        assert at.stands(PlanState.APPROVED)
        policy.write_text(f"{ALL}rules: [{{name: frozen, deny: nothing until Monday}}]\n", encoding="utf-8")
        halt.unlink()
        at.serve("none", policy_file=str(policy))
        at.until(lambda: b"nothing until Monday" in at.said(Tag.PLAN_MOVED)[-1])
        told = at.told()
        assert told is not None
        assert told.plans[0].state in {PlanState.STALE, PlanState.CANCELLED}
        assert [one for one in at.effects() if "actor" in one.user] == []
        at.until(lambda: "'frozen' refuses it" in str(at.cards()[0]))
        assert at.whole() == ()


def _mark(at: Scene, marks: dict[str, str]) -> None:
    """Somebody deploys checkout by other means: its annotations say so."""
    admin = connect(at.centre.kubernetes.kubeconfig("admin"), "a deployer")
    try:
        body = orjson.dumps({"metadata": {"annotations": marks}})
        kind = "application/merge-patch+json"
        admin.send(Request(method="PATCH", path=CHECKOUT, body=body, content_type=kind))
    finally:
        admin.close()


def _thread(at: Scene) -> str:
    ada: Person = at.person("oncall")
    return str([one for one in ada.messages() if one.get("thread_ts") not in {None, one["ts"]}])
