"""Deployments of a test's own in a shared data centre, who else changes them, and what became of a plan."""

from __future__ import annotations

import random

from agents.incident import Plan
from agents.ledger.protocol import PlanState
from evals.world.datacentre import DataCentre
from tests.support.signed import DEPLOYMENTS, broken_copies
from tests.support.story import Scene
from tools.kubernetes.client import Request, connect

MEDDLED = b'[{"op":"add","path":"/spec/minReadySeconds","value":%d}]'


def copies(centre: DataCentre, test: str, count: int) -> list[str]:
    stem = test.partition("[")[0].replace("_", "-")[5:40].strip("-")
    names = [f"{stem}-{random.randrange(10**6)}-{n}" for n in range(count)]
    broken_copies(centre, names)
    return names


def by_hand(centre: DataCentre, name: str, body: bytes, method: str = "PATCH") -> None:
    """Somebody else changes the Deployment, as an administrator."""
    cluster = connect(centre.kubernetes.kubeconfig("admin"), "a person")
    path = f"{DEPLOYMENTS}/{name}"
    try:
        cluster.send(Request(method=method, path=path, body=body, content_type="application/json-patch+json"))
    finally:
        cluster.close()


def ours(at: Scene, plan: Plan) -> int:
    names = {step.name for step in plan.steps}
    return len([one for one in at.effects() if one.name in names and "actor" in one.user])


def ended(at: Scene, state: PlanState, words: str = "") -> None:
    view = at.plan()
    assert view is not None
    assert view.state is state, view.reason
    assert words in view.reason
    assert at.whole() == ()
