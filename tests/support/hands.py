"""An actor within the test: its hands, plans of one step or several, and what it sent, and when."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

from agents.actor.hands import Hands
from agents.actor.preview import preview
from agents.incident import Approver, Decision, Plan, Verdict
from agents.ledger import decisions, incidents, investigations, previews
from agents.ledger.decisions import Decided
from agents.ledger.previews import Posted
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.seals import SealKey
from tests.support.plans import a_delivery, an_alert
from tests.support.signed import BAD, DEPLOYMENTS, GOOD
from tests.support.story import Scene
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.client import Connection, Request, connect
from tools.kubernetes.objects import JsonObject


@dataclass(frozen=True, kw_only=True)
class Watched(Connection):
    """A real connection that notes when each change left, and lets a test do something just before."""

    before: Callable[[], object] = field(default=lambda: None, repr=False)
    sent: list[float] = field(default_factory=list)
    """Seconds of the clock that never goes back, one for each change that was begun to be sent."""

    def send(self, request: Request) -> JsonObject:
        if request.changes and ("dryRun", "All") not in request.query:
            self.before()
            self.sent.append(time.monotonic())
        return super().send(request)


@contextmanager
def hands_of(at: Scene, before: Callable[[], object] = lambda: None) -> Iterator[Hands]:
    """The hands of one actor over this scene's ledger and cluster."""
    made = connect(at.centre.kubernetes.kubeconfig("actor"), "actor")
    values = {one.name: getattr(made, one.name) for one in fields(made)}
    hands = Hands(
        ledger=at.ledger,
        cluster=Watched(**values, before=before),
        actor_id=f"actor-{secrets.token_hex(3)}",
        seal=SealKey.load(at.folder / "state" / "keys" / "seal"),
        roster_file=at.folder / "roster.yaml",
        halt_file=at.folder / "state" / "HALT",
    )
    try:
        yield hands
    finally:
        hands.cluster.close()


def sent(hands: Hands) -> list[float]:
    """When this actor began to send each change."""
    assert isinstance(hands.cluster, Watched)
    return hands.cluster.sent


def meddling(hands: Hands, before: Callable[[], object]) -> Hands:
    """The same hands, with something that happens just before a change leaves."""
    assert isinstance(hands.cluster, Watched)
    return replace(hands, cluster=replace(hands.cluster, before=before))


def approved(hands: Hands, at: Scene, *names: str) -> Plan:
    """A plan that gives each Deployment its other image: rehearsed, posted, signed by as many as it needs."""
    plan = waiting(hands, *names)
    slack = at.centre.addresses()["slack"]
    for name in ("oncall", "second")[: plan.approvals_needed]:
        who = Approver(team_id=slack["team_id"], user_id=slack["users"][name])
        said = decisions.decide(at.ledger, hands.seal.sealed(approval(at, plan, who)))
    assert said == Decided(state=PlanState.APPROVED)
    return plan


def approval(at: Scene, plan: Plan, who: Approver) -> Decision:
    """This person's approval, not yet sealed."""
    return Decision(
        plan_id=plan.id,
        plan_digest=plan.digest,
        approver=who,
        verdict=Verdict.APPROVE,
        at=at.ledger.now(),
        request={"typed": plan.digest[:6]} if plan.tier > 1 else {},
    )


def waiting(hands: Hands, *names: str, **changes: Any) -> Plan:
    """The plan, waiting for its signature; the first Deployment's alert is an incident of its own."""
    plan = drafted(hands, *names, **changes)
    preview(hands, plan)
    assert shown(hands, plan) is None
    return plan


def shown(hands: Hands, plan: Plan) -> Objection | None:
    """The card is posted: the plan waits for its signature, or why it does not."""
    posted = Posted(channel_id="C", message_ts="1", card_digest="0")
    return previews.mark_pending(hands.ledger, plan.id, posted)


def drafted(hands: Hands, *names: str, **changes: Any) -> Plan:
    """The plan, not yet rehearsed."""
    now = hands.ledger.now()
    alert = an_alert(now, fingerprint=names[0])
    found = incidents.accept(hands.ledger, [a_delivery(now, alert, group_key=names[0])])[0].incident
    assert found is not None
    values: dict[str, Any] = {
        "cluster_uid": hands.cluster.cluster_uid(),
        "incident": f"INC-{found}",
        "steps": tuple(_step(hands, name) for name in names),
        # Whoever changes several objects at once needs two people.
        "tier": 3 if len(names) > 1 else 1,
        "approvals_needed": 2 if len(names) > 1 else 1,
        "pending_until": now + timedelta(minutes=30),
        "claim_within_s": 600,
        "policy_version": "1",
        "nonce": secrets.token_hex(16),
    }
    plan = Plan(**(values | changes))
    lease = investigations.take(hands.ledger, found, "the test", 60)
    assert lease is not None
    assert investigations.draft(hands.ledger, lease, plan, "another image") == plan.id
    investigations.release(hands.ledger, lease)
    return plan


def _step(hands: Hands, name: str) -> Step:
    live = hands.cluster.get(f"{DEPLOYMENTS}/{name}")
    now = live["spec"]["template"]["spec"]["containers"][0]["image"]
    wanted = {"container": "checkout", "image": GOOD if now == BAD else BAD}
    step = CATALOGUE["set_image"].draft(live, wanted, Context(images=frozenset({GOOD, BAD})))
    assert isinstance(step, Step), step
    return step
