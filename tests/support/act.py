"""A plan carried through in this process: drafted, rehearsed, signed and done by the real actor's code."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import yaml

from agents.actor.hands import Hands
from agents.actor.preview import preview
from agents.actor.work import advance
from agents.incident import Plan, Preview
from agents.ledger import decisions, incidents, investigations, moves, previews
from agents.ledger.migrate import upgrade
from agents.ledger.moves import Standing
from agents.ledger.previews import Posted
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from evals.world.alertmanager import AlertmanagerOptions, PretendAlertmanager, Source
from evals.world.kubernetes.effects import Effect
from evals.world.kubernetes.server import KubernetesServer
from evals.world.kubernetes.users import WALL, standard_users
from evals.world.scenario import AlertRule
from tests.support.datacentre import wait_until
from tests.support.kubernetes_world import ContractCluster, contract_cluster, need_world
from tests.support.ledgers import empty_ledger
from tests.support.plans import ADA, BEN, a_decision, a_delivery, an_alert
from tests.support.pretend_queue import RememberingQueue
from tools.alertmanager import Alertmanager
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.cleaning import cleaned
from tools.kubernetes.client import Connection, connect
from tools.kubernetes.objects import JsonObject

MANIFESTS = ("reader.yaml", "actor.yaml", "actor-optional.yaml")


@dataclass(kw_only=True)
class Act:
    """One pretend cluster and Alertmanager, one ledger, one actor; each plan is of an incident of its own."""

    cluster: ContractCluster
    server: KubernetesServer
    alertmanager: PretendAlertmanager
    reader: Connection
    hands: Hands
    number: int = 0

    def seen(self, path: str, kind: str) -> JsonObject:
        """An object as the investigator knows it: read with its rights, and cleaned at the door."""
        return cleaned({**self.reader.get(path), "kind": kind})

    def counted(self, path: str) -> None:
        """Wait until the controller has counted what this quota grants: until then its version moves."""

        def told() -> bool:
            quota = self.reader.get(path)
            return bool((quota.get("status") or {}).get("hard") == quota["spec"]["hard"])

        wait_until(told)

    def live(self, step: Step) -> JsonObject:
        """The step's object as it is now."""
        found = self.hands.target(step)
        assert found is not None
        return found

    def effects(self) -> list[Effect]:
        """What the actor changed in the cluster so far."""
        return [one for one in self.server.effects.all() if one.user.endswith(":actor")]

    def rehearsed(self, steps: Sequence[Step]) -> Plan:
        """The plan of these steps, drafted under an incident of its own and rehearsed by the actor."""
        ledger, now = self.hands.ledger, self.hands.ledger.now()
        self.number += 1
        alert = an_alert(now, fingerprint=f"f{self.number}")
        incidents.accept(
            ledger, [a_delivery(now, alert, group_key=f"g{self.number}", key=secrets.token_hex(32))]
        )
        tier = max(CATALOGUE[step.verb].tier for step in steps) if len(steps) == 1 else 3
        plan = Plan(
            cluster_uid=self.reader.cluster_uid(),
            incident=f"INC-{self.number}",
            steps=tuple(steps),
            tier=tier,
            approvals_needed=2 if tier == 3 else 1,
            pending_until=now + timedelta(minutes=30),
            claim_within_s=600,
            policy_version="1",
            nonce=secrets.token_hex(16),
        )
        lease = investigations.take(ledger, self.number, "the story", 60)
        assert lease is not None
        investigations.draft(ledger, lease, plan, "a story")
        investigations.release(ledger, lease)
        preview(self.hands, plan)
        return plan

    def signed(self, plan: Plan) -> None:
        """Shown and approved, by as many people as it needs."""
        ledger = self.hands.ledger
        posted = Posted(channel_id="C", message_ts=plan.id, card_digest="0")
        assert previews.mark_pending(ledger, plan.id, posted) is None
        for who in (ADA, BEN)[: plan.approvals_needed]:
            word = a_decision(plan, ledger.now(), approver=who)
            assert not isinstance(decisions.decide(ledger, self.hands.seal.sealed(word)), Objection)

    def done(self, *steps: Step) -> Plan:
        """The whole way; the plan, wherever it stands then."""
        plan = self.rehearsed(steps)
        assert self.stands(plan) == (PlanState.DRAFT, "")
        self.signed(plan)
        self.advance(plan)
        return plan

    def advance(self, plan: Plan) -> None:
        """Let the actor do what is due for this plan."""
        advance(self.hands, int(plan.incident.removeprefix("INC-")))

    def stands(self, plan: Plan) -> tuple[PlanState, str]:
        """Where the plan stands and why."""
        with self.hands.ledger.read() as session:
            found = moves.standing(session, plan.id)
        assert isinstance(found, Standing)
        return found.state, found.proposal.reason

    def shown(self, plan: Plan) -> Preview:
        """What the rehearsal showed."""
        with self.hands.ledger.read() as session:
            found = previews.preview_of(session, plan.id)
        assert found is not None
        return found


@contextmanager
def an_act(folder: Path, ledger: Ledger | None = None) -> Iterator[Act]:
    """Everything up, nothing in it yet; the actor holds the optional rights too."""
    with ExitStack() as stack:
        cluster = stack.enter_context(
            contract_cluster(folder / "world", standard_users(files=MANIFESTS), WALL)
        )
        world = need_world(cluster, "the accounts and their tokens are the pretend cluster's")
        silent = AlertRule(name="Nothing", expr="vector(0) > 1")
        source = Source(
            rule=silent,
            query=lambda *_: [],
            prometheus_url="http://127.0.0.1:9",
            external_labels={},
        )
        alertmanager = PretendAlertmanager(source, AlertmanagerOptions())
        stack.callback(alertmanager.stop)
        alertmanager.start()
        people = [{"team_id": one.team_id, "user_id": one.user_id, "name": one.user_id} for one in (ADA, BEN)]
        everything = {"tiers": [1, 2, 3], "namespaces": ["*"]}
        roster = folder / "roster.yaml"
        roster.write_text(yaml.safe_dump({"approvers": [one | everything for one in people]}))
        ledger = ledger or Ledger(empty_ledger(folder / "ledger.db"), RememberingQueue())
        stack.callback(ledger.close)
        upgrade(ledger.writer)
        hands = Hands(
            ledger=ledger,
            cluster=connect(world.kubeconfig("actor"), "actor"),
            actor_id="the actor",
            seal=SealKey.load(folder / "seal"),
            roster_file=roster,
            halt_file=folder / "HALT",
            alertmanager=Alertmanager(url=alertmanager.url),
        )
        stack.callback(hands.close)
        reader = connect(world.kubeconfig("reader"), "investigator")
        stack.callback(reader.close)
        yield Act(
            cluster=cluster,
            server=world,
            alertmanager=alertmanager,
            reader=reader,
            hands=hands,
        )
