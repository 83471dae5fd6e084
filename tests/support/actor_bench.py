"""One actor over a cluster under contract and a ledger of its own, and the plans that it is given.

Everything that a test changes or reads in the cluster goes over its API, so that it may be a real one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from agents.actor.hands import Hands
from agents.actor.preview import preview
from agents.incident import Plan, Preview, Receipt
from agents.ledger import decisions, executions, incidents, investigations, previews
from agents.ledger.decisions import Decided
from agents.ledger.executions import Claim
from agents.ledger.moves import Standing, standing
from agents.ledger.previews import Posted
from agents.ledger.protocol import PlanState
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from tests.support.hands import Watched
from tests.support.kubernetes_space import Space
from tests.support.kubernetes_world import NEW, OLD, ContractCluster, deployment
from tests.support.plans import ADA, BEN, a_decision, a_delivery, an_alert
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.client import connect


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The actor, and short ways to give it something and to see what became of it."""

    hands: Hands
    space: Space

    @property
    def ledger(self) -> Ledger:
        return self.hands.ledger

    def step(self, name: str) -> Step:
        """Give a new Deployment of this name its other image."""
        self.space.make("deployments", deployment(name))
        live = {**self.space.settled(name), "kind": "Deployment", "apiVersion": "apps/v1"}
        wanted = {"container": "main", "image": NEW}
        step = CATALOGUE["set_image"].draft(live, wanted, Context(images=frozenset({NEW})))
        assert isinstance(step, Step), step
        return step

    def image(self, name: str) -> str:
        found = self.space.get("deployments", name)
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def meddle(self, name: str) -> None:
        """Somebody else changes the Deployment."""
        patch = [{"op": "add", "path": "/spec/minReadySeconds", "value": 7}]
        assert self.space.patch("deployments", name, patch).status == 200

    def drafted(self, *steps: Step, **changes: Any) -> Plan:
        now = self.ledger.now()
        incidents.accept(self.ledger, [a_delivery(now, an_alert(now))])
        several = len(steps) > 1
        values: dict[str, Any] = {
            "cluster_uid": self.hands.cluster.cluster_uid(),
            "incident": "INC-1",
            "steps": steps,
            "tier": 3 if several else 1,
            "approvals_needed": 2 if several else 1,
            "pending_until": now + timedelta(minutes=30),
            "claim_within_s": 600,
            "policy_version": "1",
            "nonce": secrets.token_hex(16),
        }
        plan = Plan(**(values | changes))
        lease = investigations.take(self.ledger, 1, "the test", 60)
        assert lease is not None
        assert investigations.draft(self.ledger, lease, plan, "another image") == plan.id
        investigations.release(self.ledger, lease)
        return plan

    def shown(self, plan: Plan, digest: str) -> None:
        """As if this were what a rehearsal had shown."""
        told = Preview(plan_id=plan.id, at=self.ledger.now(), diffs=("d",), dry_run_digest=digest)
        assert previews.store_preview(self.ledger, told) is None

    def signed(self, plan: Plan) -> Plan:
        posted = Posted(channel_id="C", message_ts="1", card_digest="0")
        assert previews.mark_pending(self.ledger, plan.id, posted) is None
        for who in (ADA, BEN)[: plan.approvals_needed]:
            word = self.hands.seal.sealed(a_decision(plan, self.ledger.now(), approver=who))
            said = decisions.decide(self.ledger, word)
        assert said == Decided(state=PlanState.APPROVED)
        return plan

    def approved(self, *names: str, **changes: Any) -> Plan:
        """A plan about new Deployments: rehearsed, posted and signed by as many as it needs."""
        plan = self.drafted(*(self.step(name) for name in names), **changes)
        preview(self.hands, plan)
        return self.signed(plan)

    def claimed(self, *names: str) -> Claim:
        plan = self.approved(*names)
        held = executions.claim(self.ledger, plan.id, self.hands.actor_id, self.hands.still_valid)
        assert isinstance(held, Claim), held
        return held

    def stands(self, plan: Plan) -> tuple[PlanState, str]:
        """Where the plan stands, and why."""
        with self.ledger.read() as session:
            found = standing(session, plan.id)
        assert isinstance(found, Standing)
        return found.state, found.proposal.reason

    def receipts(self, plan: Plan) -> list[Receipt]:
        with self.ledger.read() as session:
            return executions.receipts_of(session, plan.id)

    def before(self, act: Callable[[], object]) -> Hands:
        """The same hands; just before a change leaves, ``act`` is done. What it raises is the answer."""
        cluster = self.hands.cluster
        assert isinstance(cluster, Watched)
        return replace(self.hands, cluster=replace(cluster, before=act))

    def sent(self) -> int:
        """How many changes were begun to be sent."""
        cluster = self.hands.cluster
        assert isinstance(cluster, Watched)
        return len(cluster.sent)


@contextmanager
def bench(cluster: ContractCluster, ledger: Ledger, folder: Path) -> Iterator[Bench]:
    """An actor with a roster of two, and a namespace of its own."""
    everything = {"tiers": [1, 2, 3], "namespaces": ["*"]}
    people = [{"team_id": one.team_id, "user_id": one.user_id, **everything} for one in (ADA, BEN)]
    (folder / "roster.yaml").write_text(yaml.safe_dump({"approvers": people}), encoding="utf-8")
    made = connect(cluster.config_of("actor"), "actor")
    hands = Hands(
        ledger=ledger,
        cluster=Watched(**{one.name: getattr(made, one.name) for one in fields(made)}),
        actor_id="actor-1",
        seal=SealKey(b"s" * 32),
        roster_file=folder / "roster.yaml",
        halt_file=folder / "HALT",
    )
    space = Space(cluster)
    try:
        yield Bench(hands=hands, space=space)
    finally:
        cluster.forget(space.name)
        hands.close()


__all__ = ["NEW", "OLD", "Bench", "bench"]
