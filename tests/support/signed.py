"""Plans drafted, rehearsed, posted and signed without an investigation: what an actor starts from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from agents.actor.hands import Hands
from agents.actor.preview import preview
from agents.incident import Approver, Decision, Plan, Verdict
from agents.ledger import decisions, incidents, investigations, previews
from agents.ledger.decisions import Decided
from agents.ledger.previews import Posted
from agents.ledger.protocol import Agent, PlanState
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from agents.ledger.tables import ExecutionRow, PlanRow
from evals.world.datacentre import DataCentre
from evals.world.kubernetes.effects import Effect
from tests.support.datacentre import wait_until
from tests.support.patience import PATIENCE_S
from tests.support.plans import a_delivery, an_alert
from tests.support.story import Scene
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, is_applied
from tools.kubernetes.client import Request, connect
from tools.kubernetes.objects import JsonObject

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
BAD = "registry.shop.example/shop/checkout:2.9.0"
GOOD = "registry.shop.example/shop/checkout:2.8.1"


@dataclass(frozen=True, kw_only=True)
class Signed:
    """One ledger with one plan that a person signed, for one Deployment of its own."""

    at: Scene
    name: str
    plan: Plan

    def applied(self) -> bool:
        """Whether the Deployment carries the plan's mark and values: the truth, read from the cluster."""
        live = self.at.centre.cluster.store.get("deployments", "shop", self.name)
        return is_applied(self.plan.steps[0], self.plan.id, live)

    def effects(self) -> list[Effect]:
        """What the actor changed at this Deployment."""
        return [one for one in self.at.effects() if one.name == self.name and "actor" in one.user]


def time_passed(ledger: Ledger, plan: Plan, *, requests_too: bool) -> None:
    """As if the lease of whoever began this plan had run out; ``requests_too``: and nothing were on its way.

    In the ledger and not by the clock: a lease so short that a test can wait for it runs out too early when
    the machine stands still.
    """
    with ledger.write() as tx:
        execution = tx.session.get_one(ExecutionRow, plan.id)
        execution.lease_until = tx.now - timedelta(milliseconds=1)
        if requests_too:
            execution.deadline_at = execution.lease_until
        tx.session.add(execution)
        tx.wake(Agent.ACTOR, tx.session.get_one(PlanRow, plan.id).incident)


def broken_copies(centre: DataCentre, names: Iterable[str]) -> None:
    """Deployments like ``checkout`` whose image does not exist; they cost no pods."""
    cluster = connect(centre.kubernetes.kubeconfig("admin"), "a person")
    try:
        found = cluster.get(f"{DEPLOYMENTS}/checkout")
        for name in names:
            body = orjson.dumps(_copy(found, name))
            cluster.send(Request(method="POST", path=DEPLOYMENTS, body=body))
            # Until its controller has seen it, its annotations still move.
            wait_until(lambda name=name: _noticed(centre, name))
    finally:
        cluster.close()


def signed(at: Scene, name: str, **changes: Any) -> Signed:
    """A plan that puts the good image back: drafted, rehearsed as the actor does, posted and signed.

    ``changes`` are the plan's.
    """
    hands = Hands(
        ledger=at.ledger,
        cluster=connect(at.centre.kubernetes.kubeconfig("actor"), "actor"),
        actor_id="the rehearsal",
        seal=SealKey.load(at.folder / "state" / "keys" / "seal"),
        roster_file=at.folder / "roster.yaml",
        halt_file=at.folder / "state" / "HALT",
    )
    try:
        plan = _drafted(at, hands, name, changes)
        preview(hands, plan)
    finally:
        hands.cluster.close()
    posted = Posted(channel_id="C", message_ts="1", card_digest="0")
    assert previews.mark_pending(at.ledger, plan.id, posted) is None
    slack = at.centre.addresses()["slack"]
    decision = Decision(
        plan_id=plan.id,
        plan_digest=plan.digest,
        approver=Approver(team_id=slack["team_id"], user_id=slack["users"]["oncall"]),
        verdict=Verdict.APPROVE,
        at=at.ledger.now(),
    )
    assert decisions.decide(at.ledger, hands.seal.sealed(decision)) == Decided(state=PlanState.APPROVED)
    return Signed(at=at, name=name, plan=plan)


def _drafted(at: Scene, hands: Hands, name: str, changes: dict[str, Any]) -> Plan:
    now = at.ledger.now()
    incidents.accept(at.ledger, [a_delivery(now, an_alert(now))])
    step = CATALOGUE["set_image"].draft(
        hands.cluster.get(f"{DEPLOYMENTS}/{name}"),
        {"container": "checkout", "image": GOOD},
        Context(images=frozenset({GOOD})),
    )
    assert isinstance(step, Step), step
    values: dict[str, Any] = {
        "cluster_uid": hands.cluster.cluster_uid(),
        "incident": "INC-1",
        "steps": (step,),
        "tier": 1,
        "approvals_needed": 1,
        "pending_until": now + timedelta(minutes=30),
        "claim_within_s": 600,
        "policy_version": "1",
        "nonce": "0" * 32,
    }
    plan = Plan(**(values | changes))
    lease = investigations.take(at.ledger, 1, "the story", PATIENCE_S)
    assert lease is not None
    investigations.draft(at.ledger, lease, plan, "the tag does not exist")
    investigations.release(at.ledger, lease)
    return plan


def _copy(found: JsonObject, name: str) -> JsonObject:
    labels = {"app": name}
    template = found["spec"]["template"]
    container = {**template["spec"]["containers"][0], "image": BAD}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {**template["spec"], "containers": [container]},
            },
        },
    }


def _noticed(centre: DataCentre, name: str) -> bool:
    found = centre.cluster.store.get("deployments", "shop", name)
    seen: object = found.get("status", {}).get("observedGeneration")
    return seen == found["metadata"]["generation"]
