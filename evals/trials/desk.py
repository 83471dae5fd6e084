"""The product at work on one ground: ledger, queue, investigator, actor, and a person who signs everything.

Jobs come out of the product's own queue when the handed-in clock says that they are due. The person signs
whatever is shown: what a wrong plan would do is then seen in the cluster and not only on paper.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from sqlmodel import select

from agents.actor import work as actor
from agents.actor.hands import Hands
from agents.incident import Approver, Decision, Plan, Verdict
from agents.investigator import work as investigator
from agents.investigator.checkpoints import checkpointer
from agents.investigator.graph import build
from agents.investigator.toolbox import Policy, Toolbox
from agents.ledger import decisions, incidents, moves, previews
from agents.ledger.migrate import upgrade
from agents.ledger.moves import Standing
from agents.ledger.notification import Delivery
from agents.ledger.previews import Posted
from agents.ledger.protocol import Agent, PlanState
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger, LedgerUnavailable
from evals.trials.ground import Ground
from runbooks.shelf import load
from tools.kubernetes.client import connect
from tools.kubernetes.errors import KubernetesError
from tools.model import Model, ModelOptions
from tools.prometheus import Prometheus
from tools.queue.embedded import EmbeddedQueue, LaneStore
from tools.queue.embedded_table import JOBS
from tools.queue.port import Job, Later, doubling

Ears = Callable[[bytes, datetime, str], Delivery]
"""What makes a delivery of a webhook's body: the product's own intake, handed in from above."""
SIGNERS = tuple(Approver(team_id="T0EVAL", user_id=f"U0EVAL{n}") for n in (1, 2))
POSTED = Posted(channel_id="C0EVAL", message_ts="1", card_digest="0")
POLICY = Policy(verify_poll_s=15.0)
SHELF = load()
_LEASE_S = 600.0
_MOST_JOBS = 200
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Desk:
    """Everybody who works an incident."""

    ground: Ground
    ledger: Ledger
    hands: Hands
    box: Toolbox
    graph: Any
    ears: Ears
    lanes: dict[str, LaneStore] = field(default_factory=dict)

    async def hear(self, bodies: list[bytes]) -> None:
        """What Alertmanager sends reaches the ledger through the product's own intake."""
        cluster = self.ground.cluster.scenario.world.cluster
        batch = [self.ears(body, self.ground.clock.now(), cluster) for body in bodies]
        if batch:
            await asyncio.to_thread(incidents.accept, self.ledger, batch)

    async def work(self) -> bool:
        """Run every job that is due; whether there was one."""
        done = 0
        while done < _MOST_JOBS and any([await self._next(agent) for agent in Agent]):
            done += 1
        return done > 0

    async def _next(self, agent: Agent) -> bool:
        lane = self.lanes.get(agent.value)
        claim = await lane.claim() if lane else None
        if lane is None or claim is None:
            return False
        try:
            await self._do(agent, claim.job)
        except Later as later:
            await lane.again(claim, later.seconds, 0)
        except (KubernetesError, LedgerUnavailable) as problem:
            log.info("%s: %s", agent.value, problem)
            await lane.again(claim, doubling(claim.failures + 1), claim.failures + 1)
        else:
            await lane.finish(claim)
        return True

    async def _do(self, agent: Agent, job: Job) -> None:
        if agent is Agent.INVESTIGATOR:
            await investigator.advance(self.graph, self.box, job.incident)
        elif agent is Agent.ACTOR:
            await asyncio.to_thread(actor.advance, self.hands, job.incident)
        else:
            await asyncio.to_thread(self._sign, job.incident)

    def next_due(self) -> datetime | None:
        """When the next job is due that somebody here works off."""
        lanes = [agent.value for agent in (Agent.INVESTIGATOR, Agent.ACTOR)]
        with self.ledger.read() as session:
            query = select(JOBS.c.run_at).where(JOBS.c.lane.in_(lanes), JOBS.c.token.is_(None))
            due = session.connection().execute(query.order_by(JOBS.c.run_at)).scalars().first()
        return None if due is None else datetime.fromtimestamp(due, self.ground.clock.now().tzinfo)

    def _sign(self, incident: int) -> None:
        """Post what was rehearsed and sign what was posted, as often as it takes."""
        with self.ledger.read() as session:
            ids = moves.plan_ids(session, incident)
        for plan_id in ids:
            with self.ledger.read() as session:
                found = moves.standing(session, plan_id)
                shown = previews.preview_of(session, plan_id)
            if not isinstance(found, Standing) or found.state is not PlanState.DRAFT or shown is None:
                continue
            if previews.mark_pending(self.ledger, plan_id, POSTED) is None:
                self._approve(found.plan)

    def _approve(self, plan: Plan) -> None:
        for who in SIGNERS[: plan.needed]:
            decision = Decision(
                plan_id=plan.id,
                plan_digest=plan.digest,
                approver=who,
                verdict=Verdict.APPROVE,
                at=self.ledger.now(),
                request={"typed": plan.digest[:6]} if plan.tier > 1 else {},
            )
            decisions.decide(self.ledger, self.hands.seal.sealed(decision))


@asynccontextmanager
async def desk(at: Ground, folder: Path, ears: Ears, model: ModelOptions | None) -> AsyncIterator[Desk]:
    """The product over this ground, with an empty ledger."""
    async with AsyncExitStack() as stack:
        ledger = Ledger(f"sqlite:///{folder / 'midwatch.db'}", clock=at.clock.now)
        stack.callback(ledger.close)

        def seconds() -> float:
            return at.clock.now().timestamp()

        queue = ledger.queue = EmbeddedQueue(ledger.writer, clock=seconds)
        upgrade(ledger.writer)
        queue.prepare(ledger.writer)
        people = [
            {"user_id": who.user_id, "team_id": who.team_id, "tiers": [1, 2, 3], "namespaces": ["*"]}
            for who in SIGNERS
        ]
        roster = folder / "roster.yaml"
        roster.write_text(yaml.safe_dump({"approvers": people}), encoding="utf-8")
        hands = Hands(
            ledger=ledger,
            cluster=connect(at.api.kubeconfig("actor"), "actor"),
            actor_id="eval",
            seal=SealKey.load(folder / "seal"),
            roster_file=roster,
            halt_file=folder / "HALT",
        )
        stack.callback(hands.close)
        box = _box(at, ledger, model)
        stack.callback(box.cluster.close)
        saver = await stack.enter_async_context(checkpointer(ledger.url))
        made = Desk(ground=at, ledger=ledger, hands=hands, box=box, graph=build(saver), ears=ears)
        for agent in (Agent.INVESTIGATOR, Agent.ACTOR, Agent.GATEKEEPER):
            lane = made.lanes[agent.value] = LaneStore(ledger.writer, agent.value, _LEASE_S, seconds)
            lane.bell = asyncio.Event()
        yield made


def _box(at: Ground, ledger: Ledger, model: ModelOptions | None) -> Toolbox:
    prometheus = Prometheus.open(at.prometheus.url)
    return Toolbox(
        ledger=ledger,
        cluster=connect(at.api.kubeconfig("reader"), "eval"),
        policy=POLICY,
        prometheus=prometheus,
        model=None if model is None else Model(options=model),
        shelf=SHELF,
    )
