"""One scenario under the actor's hands: a pretend API server, a ledger, and time that moves when told to.

Everything between is the real thing: the reader reads, the verb drafts, the actor rehearses, claims, checks
and sends; only the click is written straight into the ledger, as the gatekeeper writes it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import yaml

from agents.actor.hands import Hands
from agents.actor.work import advance
from agents.incident import Alert, Plan
from agents.ledger import decisions, incidents, investigations, moves, previews
from agents.ledger.previews import Posted
from agents.ledger.protocol import PlanState
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from evals.world.application import ApplicationExporter
from evals.world.clock import VirtualClock
from evals.world.cluster import ClusterOptions, PretendCluster
from evals.world.kubernetes.server import KubernetesServer, ServerOptions
from evals.world.kubernetes.users import WALL
from evals.world.prometheus.promql.engine import Engine
from evals.world.prometheus.promql.values import Vector
from evals.world.prometheus.sampler import Sampler
from evals.world.prometheus.series import scrapes
from evals.world.prometheus.tsdb import Tsdb, to_ms
from evals.world.scenario import load
from tests.support.ledgers import empty_ledger
from tests.support.plans import ADA, BEN, a_decision, a_delivery, an_alert
from tests.support.pretend_queue import RememberingQueue
from tests.support.scenes import Scene
from tests.support.world_cluster import START
from tools.kubernetes.actions.catalogue import tier_of
from tools.kubernetes.actions.step import Step
from tools.kubernetes.client import Connection, connect
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.reading import read_inventory

_STRIDE_S = 5


@dataclass(kw_only=True)
class Stage:
    """A broken cluster, who reads it and who may change it."""

    cluster: PretendCluster
    clock: VirtualClock
    server: KubernetesServer
    reader: Connection
    hands: Hands
    prometheus: Sampler

    def later(self, seconds: int) -> None:
        """Let the cluster live for a while."""
        for _ in range(seconds // _STRIDE_S):
            self.clock.advance(_STRIDE_S)
            self.cluster.controllers.settle()

    def mended(self, seconds: int = 180) -> bool:
        """Whether the oracle is content before this much time has passed."""
        for _ in range(seconds // _STRIDE_S):
            if self.cluster.verdict().met:
                return True
            self.later(_STRIDE_S)
        return self.cluster.verdict().met

    def fires(self) -> bool:
        """Whether the scenario's alert has anything to say now; how long it must last is not waited for."""
        return bool(self._samples())

    def alerts(self) -> tuple[Alert, ...]:
        """What fires now, labelled as the rule labels it."""
        rule = self.cluster.scenario.alert
        found = [dict(one.labels) for one in self._samples()]
        marks = [{**labels, **rule.labels, "alertname": rule.name} for labels in found]
        return tuple(
            Alert(fingerprint=f"f{n}", firing=True, labels=each, annotations={}, starts_at=self.clock.now())
            for n, each in enumerate(marks)
        )

    def diagnosed(self) -> Scene:
        """One look at the shop by the investigator's own reading, analyzers and reasoning."""
        return Scene(inventory=self.seen(), alerts=self.alerts(), taken_at=self.clock.now(), logs={})

    def _samples(self) -> Vector:
        # A scrape of the same moment again would be none.
        self.later(_STRIDE_S)
        now = self.clock.now()
        self.prometheus.sample(now)
        expr = self.cluster.scenario.alert.expr
        found = Engine(self.prometheus.tsdb).instant(expr, to_ms(now))
        assert isinstance(found, list)
        return found

    def seen(self) -> Inventory:
        """What the reader sees of the shop now."""
        return read_inventory(self.reader, "shop")

    def drafted(self, *steps: Step) -> Plan:
        """A plan of these steps, as the investigator writes it down; nothing was rehearsed yet."""
        ledger = self.hands.ledger
        tier = max(map(tier_of, steps))
        plan = Plan(
            cluster_uid=self.hands.cluster.cluster_uid(),
            incident="INC-1",
            steps=steps,
            tier=tier,
            approvals_needed=2 if tier == 3 else 1,
            pending_until=ledger.now() + timedelta(minutes=30),
            claim_within_s=600,
            policy_version="1",
            nonce=secrets.token_hex(16),
        )
        lease = investigations.take(ledger, 1, "the stage", 60)
        assert lease is not None
        investigations.draft(ledger, lease, plan, "the story asks for it")
        investigations.release(ledger, lease)
        return plan

    def performed(self, *steps: Step) -> Plan:
        """These steps, drafted, rehearsed, posted, signed and performed by the actor."""
        plan = self.drafted(*steps)
        advance(self.hands, 1)
        assert previews.mark_pending(self.hands.ledger, plan.id, _POSTED) is None, self.reason(plan)
        for approver in (ADA, BEN)[: plan.approvals_needed]:
            decision = a_decision(plan, self.hands.ledger.now(), approver=approver)
            decisions.decide(self.hands.ledger, self.hands.seal.sealed(decision))
        advance(self.hands, 1)
        assert self.state(plan) is PlanState.SUCCEEDED, self.reason(plan)
        return plan

    def state(self, plan: Plan) -> PlanState:
        """Where the plan stands."""
        with self.hands.ledger.read() as session:
            found = moves.standing(session, plan.id)
        assert isinstance(found, moves.Standing), found
        return found.state

    def reason(self, plan: Plan) -> str:
        """What the ledger says of where it stands."""
        with self.hands.ledger.read() as session:
            found = moves.standing(session, plan.id)
        assert isinstance(found, moves.Standing), found
        return f"{found.state}: {found.proposal.reason}"


_POSTED = Posted(channel_id="C", message_ts="1", card_digest="0")


@contextmanager
def stage(name: str, folder: Path) -> Iterator[Stage]:
    """A scenario right after its fault; the API is served and nobody has looked yet."""
    clock = VirtualClock(START)
    cluster = PretendCluster(load(name), ClusterOptions(clock=clock, seed=5))
    cluster.build_past()
    cluster.break_it()
    with ExitStack() as stack:
        options = ServerOptions(state_dir=folder / "kubernetes", logs=cluster.kubelet, applied=WALL)
        options.state_dir.mkdir(parents=True)
        server = stack.enter_context(KubernetesServer(cluster.store, options))
        reader = connect(server.kubeconfig("reader"), "test")
        stack.callback(reader.close)
        hands = _hands(server, folder)
        stack.callback(hands.ledger.close)
        stack.callback(hands.close)
        yield Stage(
            cluster=cluster,
            clock=clock,
            server=server,
            reader=reader,
            hands=hands,
            prometheus=_prometheus(cluster),
        )


def _prometheus(cluster: PretendCluster) -> Sampler:
    application = ApplicationExporter(cluster.scenario.application_series, cluster.kubelet.answers)
    return Sampler(Tsdb(), cluster.store, scrapes(cluster.kubelet, [application]))


def _hands(server: KubernetesServer, folder: Path) -> Hands:
    ledger = Ledger(empty_ledger(folder / "midwatch.db"), RememberingQueue())
    now = ledger.now()
    incidents.accept(ledger, [a_delivery(now, an_alert(now))])
    people = [
        {"user_id": who.user_id, "team_id": who.team_id, "name": who.user_id, "tiers": [1, 2, 3]}
        for who in (ADA, BEN)
    ]
    roster = yaml.safe_dump({"approvers": [{**who, "namespaces": ["*"]} for who in people]})
    (folder / "roster.yaml").write_text(roster, encoding="utf-8")
    return Hands(
        ledger=ledger,
        cluster=connect(server.kubeconfig("actor"), "actor"),
        actor_id="the stage",
        seal=SealKey.load(folder / "seal"),
        roster_file=folder / "roster.yaml",
        halt_file=folder / "HALT",
    )
