"""Sealed mode from the click to the change: what was signed is written down, used and taken away."""

from __future__ import annotations

from pathlib import Path

from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from tests.support.story import Scene, scene
from tests.support.wall import ADMISSION
from tools.kubernetes.approvals import NAME, NAMESPACE


def test_what_cannot_be_written_down_is_not_begun_and_what_can_is_done_and_taken_away(tmp_path: Path) -> None:
    with scene("bad-image", tmp_path) as at:
        _sealed(at)
        at.centre.cluster.store.delete("configmaps", NAMESPACE, NAME)
        at.serve(**_settings(at))
        at.centre.break_it()
        at.approve()
        at.until(lambda: _obstacle(at).startswith("what was signed cannot be written into the cluster"))
        plan = at.plan()
        assert plan is not None
        assert (plan.state, len(plan.decisions), at.effects()) == (PlanState.APPROVED, 1, [])
        at.until(lambda: any("cannot be written into the cluster" in str(card) for card in at.cards()))
        # It is tried again for as long as the approval is in time.
        at.centre.kubernetes.apply(ADMISSION / "sealed.yaml")
        at.until(lambda: at.stands(PlanState.SUCCEEDED))
        at.until(lambda: _entries(at) == {})
        changes = [(each.user.rsplit(":", 1)[-1], each.resource) for each in at.effects()]
        kept = ("gatekeeper", "configmaps")
        assert changes == [kept, ("actor", "deployments"), kept]
        written = at.effects()[0].body["data"][plan.plan.steps[0].uid]  # type: ignore[index]
        assert written.startswith("UPDATE|apps/deployments|")
        assert plan.plan.id in written.splitlines()[0]
        at.until(lambda: len(at.said(Tag.PLAN_UNSEALED)) == 1)
        assert len(at.said(Tag.PLAN_SEALED)) == 1
        assert at.whole() == ()


def _sealed(at: Scene) -> None:
    at.centre.cluster.store.create("namespaces", {"metadata": {"name": NAMESPACE}})
    at.centre.kubernetes.apply(ADMISSION / "sealed.yaml")


def _settings(at: Scene) -> dict[str, str]:
    account = str(at.centre.kubernetes.kubeconfig("gatekeeper"))
    return {"sealed": "true", "gatekeeper_kubeconfig": account}


def _obstacle(at: Scene) -> str:
    plan = at.plan()
    return plan.obstacle if plan else ""


def _entries(at: Scene) -> dict[str, str]:
    return at.centre.cluster.store.get("configmaps", NAMESPACE, NAME).get("data") or {}
