"""Plans by the hundred, each on an object of its own, and what became of them and of the cluster.

One pretend API server, Alertmanager and workspace, one ledger, and nurseries whose children are the
actor or the gatekeeper. No controller runs: what an object shows, somebody asked for.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from agents.auditor.verify import verify
from agents.gatekeeper.clicks import Click
from agents.gatekeeper.paging import pages
from agents.incident import Approver, Decision, Plan, Receipt, Verdict
from agents.ledger import executions, incidents, moves
from agents.ledger.protocol import TERMINAL, PlanState
from agents.ledger.roster import Roster
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from agents.ledger.story import Story, story
from evals.world.alertmanager import PretendAlertmanager
from evals.world.kubernetes.server import KubernetesServer
from evals.world.slack.people import ADA, BEN
from tests.support.fault_proxy import FaultProxy
from tests.support.nursery import Nursery, Order, Times, Wish, Workshop
from tests.support.plans import a_delivery, an_alert
from tests.support.verb_targets import step_on
from tools.kubernetes.actions.catalogue import tier_of
from tools.kubernetes.actions.step import Step

HANDS = 2
"""Children that live at the same time: as many as the smallest machine here has processors."""
LOT = 12
"""Plans that one child signs or looks at, one after the other."""
OVER_S = executions.LEASE_S + executions.IN_FLIGHT_S + 1
"""After this long nothing of a dead actor can still be on its way."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One plan that waits for its signature or its actor, and where its process is to die."""

    verb: str
    point: str
    plan: Plan

    @property
    def incident(self) -> int:
        return int(self.plan.incident.removeprefix("INC-"))

    @property
    def channel(self) -> str:
        """A channel of its own: one takes only so many cards that wait."""
        return f"C{self.incident}"


@dataclass(kw_only=True)
class Ground:
    """Where the killing is done. ``nurseries`` are lent out one order at a time."""

    server: KubernetesServer
    alertmanager: PretendAlertmanager
    ledger: Ledger
    folder: Path
    team: str
    workshop: Workshop
    ways: tuple[FaultProxy, FaultProxy]
    """The bad ways to the API server and to Alertmanager."""
    roster: Roster
    seal: SealKey
    nurseries: SimpleQueue[Nursery] = field(default_factory=SimpleQueue)
    cluster_uid: str = ""

    def runs(self, wanted: Sequence[tuple[str, str]]) -> list[Run]:
        """A plan for each verb and point, of two steps where it is between them that it ends."""
        now = self.ledger.now()
        alerts = [an_alert(now, fingerprint=secrets.token_hex(8)) for _ in wanted]
        told = [a_delivery(now, alert, group_key=alert.fingerprint) for alert in alerts]
        opened = incidents.accept(self.ledger, told)
        return [
            Run(verb=verb, point=point, plan=self._plan(verb, one.incident or 0, two=point == "c9"))
            for (verb, point), one in zip(wanted, opened, strict=True)
        ]

    def _plan(self, verb: str, incident: int, *, two: bool) -> Plan:
        name = f"{verb.replace('_', '-')}-{incident}"
        steps = [step_on(self.server.store, verb, name, incident)]
        if two:
            steps.append(step_on(self.server.store, "set_image", f"second-{incident}", incident))
        return self.plan_of(incident, *steps)

    def plan_of(self, incident: int, *steps: Step, **changes: Any) -> Plan:
        """The plan of these steps."""
        tier = max(3 if len(steps) > 1 else 1, *map(tier_of, steps))
        values: dict[str, Any] = {
            "cluster_uid": self.cluster_uid,
            "incident": f"INC-{incident}",
            "steps": steps,
            "tier": tier,
            "approvals_needed": 2 if tier == 3 else 1,
            "pending_until": self.ledger.now() + timedelta(minutes=30),
            "claim_within_s": 600,
            "policy_version": "1",
            "nonce": secrets.token_hex(16),
        }
        return Plan(**(values | changes))

    def signed(self, runs: Sequence[Run], *, short: int = 0) -> None:
        """Draft, rehearse, post and sign them, but for the last ``short`` signatures of each."""
        lots = [runs[n : n + LOT] for n in range(0, len(runs), LOT)]
        self.in_turn([order for lot in lots for order in self.signing(lot, short=short)])

    def signing(self, runs: Sequence[Run], *, short: int = 0) -> list[Order]:
        """The order for it, or none."""
        wishes = tuple(
            Wish(plan=run.plan, channel=run.channel, signatures=self._signatures(run.plan, short))
            for run in runs
        )
        return [Order(do="sign", wishes=wishes)] if wishes else []

    def _signatures(self, plan: Plan, short: int) -> tuple[Decision, ...]:
        people = (ADA, BEN)[: plan.approvals_needed - short]
        return tuple(self._approval(plan, Approver(team_id=self.team, user_id=who)) for who in people)

    def _approval(self, plan: Plan, who: Approver) -> Decision:
        return Decision(
            plan_id=plan.id,
            plan_digest=plan.digest,
            approver=who,
            verdict=Verdict.APPROVE,
            at=self.ledger.now(),
            request=self._typed(plan),
        )

    def _typed(self, plan: Plan) -> dict[str, str]:
        return {"typed": plan.digest[:6]} if plan.tier > 1 else {}

    def click(self, run: Run, point: str = "") -> Order:
        """The last signature that the plan needs, as a click on its card."""
        click = Click(
            verdict=Verdict.APPROVE,
            plan_id=None,
            app_id=self.workshop.home.app_id,
            team_id=self.team,
            enterprise_id=None,
            user_id=(ADA, BEN)[run.plan.approvals_needed - 1],
            user_team_id=self.team,
            channel_id=run.channel,
            message_ts="1.1",
            typed=self._typed(run.plan).get("typed", ""),
        )
        return Order(do="click", click=click, button=self.seal.button(run.plan.id), point=point)

    def each(self, orders: Sequence[Order]) -> list[int]:
        """How the child of each order ended; several live at the same time."""
        with ThreadPoolExecutor(HANDS) as pool:
            return list(pool.map(self._one, orders))

    def _one(self, order: Order) -> int:
        nursery = self.nurseries.get()
        try:
            return nursery.run(order)
        finally:
            self.nurseries.put(nursery)

    def wake(self) -> list[int]:
        """Let every stopped child go on; how they ended."""
        nurseries = [self.nurseries.get() for _ in range(HANDS)]
        try:
            return [ended for nursery in nurseries for ended in nursery.wake()]
        finally:
            for nursery in nurseries:
                self.nurseries.put(nursery)

    def in_turn(self, orders: Sequence[Order]) -> None:
        """Have these done by children that live to the end."""
        ended = self.each(orders)
        assert not any(ended), f"{ended}: {self.tail()}"

    def acted(self, runs: Sequence[Run], **how: Any) -> None:
        """Let new actors look at them all; ``how`` is the order's."""
        self.in_turn([acting(runs[n : n + LOT], **how) for n in range(0, len(runs), LOT)])

    def tail(self) -> str:
        """What the children said last."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log"))

    def state(self, run: Run) -> tuple[PlanState, str]:
        """Where the plan stands and why."""
        with self.ledger.read() as session:
            found = moves.standing(session, run.plan.id)
        assert isinstance(found, moves.Standing), found
        return found.state, found.proposal.reason

    def since(self, run: Run) -> datetime:
        """Since when it stands there."""
        with self.ledger.read() as session:
            found = moves.standing(session, run.plan.id)
        assert isinstance(found, moves.Standing), found
        return found.proposal.state_at

    def settled(self, runs: Sequence[Run], times: Times) -> bool:
        """Whether every plan has come to its end, or people were called; else new actors look once more."""
        open_ = [run for run in runs if self.state(run)[0] not in TERMINAL and not self.paged(run)]
        if open_:
            self.acted(open_, times=times)
        return not open_

    def truthful(self, run: Run) -> None:
        """What is told of the plan is what was done, and each request left at most once."""
        state, reason = self.state(run)
        effects, steps = self.effects(run), len(run.plan.steps)
        true = {
            PlanState.SUCCEEDED: (1,) * steps,
            PlanState.NOT_APPLIED: (0,) * steps,
            # Given up before anything was sent, because it could not be checked.
            PlanState.FAILED: (0,) * steps,
            # Of two steps the first: of one alone it can always be told.
            PlanState.UNKNOWN: (1, 0),
        }
        assert effects == true.get(state), (run.verb, run.point, state, reason, effects)
        assert self.sent(run) <= steps

    def receipts(self, run: Run) -> list[Receipt]:
        """What the ledger holds of its steps."""
        with self.ledger.read() as session:
            return executions.receipts_of(session, run.plan.id)

    def effects(self, run: Run) -> tuple[int, ...]:
        """How often each step was done, counted where it is done."""
        done = [(one.resource, one.name) for one in self.server.effects.all() if one.user.endswith(":actor")]
        return tuple(
            self._silences(run.plan) if step.kind == "Silence" else
            sum(name == step.name for _, name in done)
            for step in run.plan.steps
        )  # fmt: skip

    def _silences(self, plan: Plan) -> int:
        (body,) = (step.set[""] for step in plan.steps if step.kind == "Silence")
        labels = {one["name"]: one["value"] for one in body["matchers"]}
        return len(self.alertmanager.silences.by(labels))

    def sent(self, run: Run) -> int:
        """How many requests for a change of this plan reached the API server or Alertmanager."""
        silenced = any(step.kind == "Silence" for step in run.plan.steps)
        posted = self._silences(run.plan) if silenced else 0
        return self.server.effects.asked(run.plan.id.encode()) + posted

    def told(self, run: Run) -> Story:
        """Its incident as the ledger tells it."""
        told = story(self.ledger, run.incident)
        assert told is not None
        return told

    def paged(self, run: Run) -> bool:
        """Whether somebody is called by name about it."""
        called = pages(self.told(run), self.roster)
        return any(page.plan_id == run.plan.id and page.who for page in called)

    def whole(self) -> tuple[str, ...]:
        """What verification of the ledger complains about."""
        return verify(self.ledger).problems


def acting(runs: Sequence[Run], **how: Any) -> Order:
    """The order to look at them all."""
    return Order(do="act", incidents=tuple(run.incident for run in runs), **how)
