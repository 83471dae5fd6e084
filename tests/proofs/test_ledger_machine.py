"""The real ledger under everybody at once: whatever they do, the invariants hold after each step.

Plan after plan wants the same two objects, two actors reach for them, and the objects take real JSON patches.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jsonpatch
import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func
from sqlmodel import Session, col, select

from agents.auditor.verify import verify
from agents.incident import Plan
from agents.ledger import executions, moves
from agents.ledger.migrate import upgrade
from agents.ledger.objects import objects_of
from agents.ledger.protocol import ACTIVE, LOCKING, TERMINAL, PlanState
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow, ChainHeadRow, ObjectLockRow, PlanRow, ProposalRow, StepRow
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.support.model_trace import ALIAS, Driven, hurried, unguarded, unsaid
from tests.support.plans import a_step
from tests.support.pretend_queue import RememberingQueue
from tests.support.scale import PROVING, scale
from tools.kubernetes.actions.verb import is_applied, request
from tools.kubernetes.pointers import drift, read

STEPS = 30
WHICH = st.sampled_from((0, 1))
ACTOR = st.sampled_from((0, 1))
PERSON = st.sampled_from((0, 0, 1, 1, 2, 3, ALIAS))
HUMAN = {0: "ada", ALIAS: "ada", 1: "ben"}
MOST_PLANS = 4
IMAGE = "/spec/template/spec/containers/0/image"
WITHOUT_EFFECT = TERMINAL - {PlanState.SUCCEEDED, PlanState.PARTIAL, PlanState.QUARANTINED}
ledgers: dict[str, Ledger] = {}
"""One for all examples: each has incidents and objects of its own, and one chain grows through all."""

reached: Counter[PlanState] = Counter()
"""Where the plans of all examples stood after each step."""
numbers = itertools.count(1)
NEEDED = st.sampled_from((1, 2))
OFTEN = {PlanState(name) for name in ("SUCCEEDED", "UNKNOWN", "DENIED", "EXECUTING", "QUARANTINED")}


def the_ledger() -> Ledger:
    if not ledgers:
        folder = tempfile.mkdtemp(prefix="midwatch-machine-")
        opened = Ledger(f"sqlite:///{folder}/ledger.db", RememberingQueue(), HandClock())
        upgrade(opened.writer)
        unguarded(opened)
        hurried(opened)
        ledgers["one"] = opened
    return ledgers["one"]


@dataclass(kw_only=True)
class Flying:
    """A request on its way: which step of which plan, its bytes, and until when it can arrive."""

    plan: int
    step: int
    body: bytes
    until: datetime


@dataclass(kw_only=True)
class Attempt:
    """What one actor knows of its plan between the claim and the end."""

    plan: int
    next: int = 1
    heard: int | None = None
    waits: bool = False


@dataclass(kw_only=True)
class Cluster:
    """The two objects of the plans, and every effect by plan and step."""

    objects: list[dict[str, object]]
    flying: list[Flying] = field(default_factory=list)
    effects: list[tuple[int, int]] = field(default_factory=list)

    def take(self, one: Flying) -> int:
        """The HTTP status of the answer: the real patch with its tests, on the object as it is."""
        place = one.step - 1
        try:
            after = jsonpatch.apply_patch(copy.deepcopy(self.objects[place]), orjson.loads(one.body))
        except jsonpatch.JsonPatchException:
            return 422
        after["metadata"]["generation"] += 1
        self.objects[place] = after
        self.effects.append((one.plan, one.step))
        return 200


def as_shown(name: str) -> dict[str, object]:
    return {
        "kind": "Deployment",
        "metadata": {"uid": a_step().uid, "name": name, "generation": 4, "annotations": {"a": "b"}},
        "spec": {"template": {"spec": {"containers": [{"image": "registry/checkout:9"}]}}},
    }


class Watch(RuleBasedStateMachine):
    """Everybody who may touch a plan, and some who may not."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = the_ledger()
        assert isinstance(self.ledger._clock, HandClock)
        self.clock = self.ledger._clock
        self.names = [f"object-{next(numbers)}" for _ in (0, 1)]
        self.cluster = Cluster(objects=[as_shown(name) for name in self.names])
        self.plans: list[Driven] = []
        self.attempts: dict[int, Attempt] = {}
        self.seen: dict[int, tuple[str, int]] = {}
        self.halted = False

    @initialize(needed=NEEDED, stage=st.sampled_from((0, 1, 2, 2, 2, 2)))
    def one_is_signed_already(self, needed: int, stage: int) -> None:
        assert self._draft(needed) == ""
        (driven,) = self.plans
        if stage:
            driven.rehearse()
            driven.post()
        for person in range(needed if stage == 2 else 0):
            assert driven.approve(person) == ""

    def _draft(self, needed: int) -> str:
        """A plan for the objects as they stand now; it is one of the plans when there was room for it."""
        wanted = f"r/checkout:{len(self.plans)}"
        steps = tuple(
            a_step(
                name=name,
                expect={pointer: read(live, pointer) for pointer in ("/metadata/generation", IMAGE)},
                set={IMAGE: wanted},
            )
            for name, live in zip(self.names, self.cluster.objects, strict=True)
        )
        driven = unsaid(self.ledger, self.clock, self.names[0], needed, steps=steps)
        against = driven.draft()
        if not against:
            self.plans.append(driven)
        return against

    def of(self, which: int) -> int:
        """The newest plan or the one before it."""
        return max(0, len(self.plans) - 1 - which)

    # ---- the investigators ----
    @rule(needed=NEEDED, sure=st.integers(0, 4))
    def a_newer_plan_is_drafted(self, needed: int, sure: int) -> None:
        before = [driven.ps for driven in self.plans]
        if len(before) == MOST_PLANS or (sure and before[-1] not in TERMINAL | LOCKING):
            return
        busy = any(state in LOCKING for state in before)
        assert self._draft(needed) == ("OBJECT_BUSY" if busy else "")
        after = [driven.ps for driven in self.plans[: len(before)]]
        waited = ACTIVE - LOCKING
        gave_way = [PlanState.SUPERSEDED if state in waited else state for state in before]
        assert after == (before if busy else gave_way)

    # ---- the desk and the people ----
    @rule(which=WHICH)
    def comes_to_be_signed(self, which: int) -> None:
        self.plans[self.of(which)].rehearse()
        self.plans[self.of(which)].post()

    @rule(which=WHICH, person=PERSON)
    def approves(self, which: int, person: int) -> None:
        driven = self.plans[self.of(which)]
        before = driven.state()
        if not driven.approve(person):
            assert person in HUMAN
            assert driven.right[person]
            assert before["ps"] == "PENDING" or (before["ps"] == "APPROVED" and before["lost"])

    @rule(which=WHICH, person=PERSON, sure=st.integers(0, 3))
    def denies(self, which: int, person: int, sure: int) -> None:
        driven = self.plans[self.of(which)]
        if sure:
            return
        before = driven.ps
        if not driven.deny(person):
            assert driven.right[person]
            assert before in {PlanState.PENDING, PlanState.APPROVED}
            assert driven.ps is PlanState.DENIED

    @rule(
        which=WHICH,
        how=st.sampled_from(("expire", "cancel", "supersede", "turn_down")),
        sure=st.integers(0, 5),
    )
    def ends_before_the_claim(self, which: int, how: str, sure: int) -> None:
        # Rarely, or hardly any plan would be claimed.
        if not sure:
            getattr(self.plans[self.of(which)], how)()

    @rule(seconds=st.sampled_from((0.5, 1, 2, 9, 11, 29, 31, 121)))
    def time_passes(self, seconds: float) -> None:
        self.clock.forward(seconds)

    @rule(which=WHICH, person=st.sampled_from((0, 1)))
    def the_roster_changes(self, which: int, person: int) -> None:
        self.plans[self.of(which)].right[person] ^= True

    @rule()
    def halt_or_resume(self) -> None:
        self.halted = not self.halted
        self.plans[0].halt(self.halted)

    # ---- the actors ----
    @rule(actor=ACTOR, which=WHICH)
    def an_actor_goes_on(self, actor: int, which: int) -> None:
        mine = self.attempts.get(actor)
        if mine is None:
            self._claim(actor, which)
        elif mine.waits and mine.heard is None:
            self._arrive(next((one for one in self.cluster.flying if one.plan == mine.plan), None))
        elif mine.waits:
            self._hear(actor, mine)
        elif mine.next <= len(self.cluster.objects):
            self._send(actor, mine)

    @rule(actor=ACTOR, which=WHICH, times=st.sampled_from((2, 8)))
    def an_actor_goes_on_and_on(self, actor: int, which: int, times: int) -> None:
        # Often, and several things at once: between two of them others have their turn in the rule above.
        for _ in range(times):
            self.an_actor_goes_on(actor, which)
            self.every_promise_holds()

    def _claim(self, actor: int, which: int) -> None:
        driven = self.plans[self.of(which)]
        before = driven.state()
        if driven.claim(actor):
            return
        entitled = {human for i, human in HUMAN.items() if driven.yes[i] and driven.right[i]}
        assert before["ps"] == "APPROVED"
        assert not before["late"]
        assert not self.halted
        assert not before["denied"]
        assert len(entitled) >= driven.plan.approvals_needed
        self.attempts[actor] = Attempt(plan=self.of(which))

    def _send(self, actor: int, mine: Attempt) -> None:
        driven = self.plans[mine.plan]
        sent = self._bytes(mine)
        held = driven.claims[actor]
        try:
            executions.intend(self.ledger, held, mine.next, hashlib.sha256(sent).hexdigest())
        except executions.NotOurs:
            self.attempts.pop(actor)
            return
        assert not self.halted
        assert driven.ps is PlanState.EXECUTING
        until = self.clock() + timedelta(seconds=executions.IN_FLIGHT_S)
        self.cluster.flying.append(Flying(plan=mine.plan, step=mine.next, body=sent, until=until))
        mine.waits = True

    def _bytes(self, mine: Attempt) -> bytes:
        """What is sent comes from what is stored, and from nothing else (I5)."""
        driven = self.plans[mine.plan]
        with self.ledger.read() as session:
            stored = Plan.model_validate_json(session.get_one(PlanRow, driven.plan.id).canonical)
        sent = request(stored.steps[mine.next - 1], stored.id).body
        assert sent == request(driven.plan.steps[mine.next - 1], driven.plan.id).body
        return sent

    @precondition(lambda self: self.cluster.flying)
    @rule(lost=st.booleans())
    def a_request_arrives_or_is_lost(self, lost: bool) -> None:
        if lost:
            self.cluster.flying.pop()
        else:
            self._arrive(self.cluster.flying[-1])

    def _arrive(self, one: Flying | None) -> None:
        if one is None:
            return
        self.cluster.flying.remove(one)
        # A client that gave up has closed the connection: later than its deadline nothing arrives.
        if self.clock() > one.until:
            return
        status = self.cluster.take(one)
        for mine in self.attempts.values():
            if mine.waits and (mine.plan, mine.next) == (one.plan, one.step):
                mine.heard = status

    @precondition(lambda self: any(mine.waits for mine in self.attempts.values()))
    @rule()
    def an_actor_gives_up_waiting(self) -> None:
        actor = next(actor for actor, mine in self.attempts.items() if mine.waits)
        self.plans[self.attempts.pop(actor).plan].finish(actor, PlanState.UNKNOWN)

    def _hear(self, actor: int, mine: Attempt) -> None:
        driven = self.plans[mine.plan]
        driven.intents = mine.next
        driven.answer(actor)
        heard, mine.heard, mine.waits = mine.heard, None, False
        if heard == 200 and mine.next < len(self.cluster.objects):
            mine.next += 1
            return
        ends = {200: PlanState.SUCCEEDED, 422: PlanState.STALE if mine.next == 1 else PlanState.PARTIAL}
        driven.finish(actor, ends[heard or 0])
        self.attempts.pop(actor)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def an_actor_sleeps_until_it_is_given_up(self, data: st.DataObject) -> None:
        mine = self.attempts[data.draw(st.sampled_from(sorted(self.attempts)))]
        self.clock.forward(executions.LEASE_S + 1)
        self.plans[mine.plan].give_up()

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def an_actor_dies(self, data: st.DataObject) -> None:
        self.attempts.pop(data.draw(st.sampled_from(sorted(self.attempts))))

    @rule(which=WHICH)
    def somebody_reconciles(self, which: int) -> None:
        plan = self.plans[self.of(which)].plan
        with self.ledger.read() as session:
            found = executions.unresolved(session, plan.id)
        if found is None:
            return
        if found.state is PlanState.EXECUTING:
            self.plans[self.of(which)].give_up()
            return
        gone = self.clock() > found.dead_after
        pairs = list(zip(plan.steps, self.cluster.objects, strict=True))
        if all(is_applied(step, plan.id, live) for step, live in pairs):
            self.plans[self.of(which)].say_done()
        elif gone and not any(drift(step.expect, live) for step, live in pairs):
            self.plans[self.of(which)].say_undone()

    @rule(place=st.sampled_from((0, 1)), sure=st.integers(0, 5))
    def somebody_else_changes_an_object(self, place: int, sure: int) -> None:
        if not sure:
            self.cluster.objects[place]["metadata"]["generation"] += 1  # type: ignore[index]

    @rule(which=WHICH, sure=st.integers(0, 3))
    def somebody_rewrites_the_plan(self, which: int, sure: int) -> None:
        # Before the claim: what an actor holds in its hands by then, it has checked.
        if not sure and not self.plans[self.of(which)].claims and not self.plans[self.of(which)].tampered:
            self.plans[self.of(which)].tamper()

    # ---- what is true after each step ----
    @invariant()
    def every_promise_holds(self) -> None:
        with self.ledger.read() as session:
            rows = [session.get_one(ProposalRow, driven.plan.id) for driven in self.plans]
            for which, row in enumerate(rows):
                self._ending(which, row)
                self._record(session, which, row)
            head = session.exec(select(ChainHeadRow)).one()
            assert session.exec(select(func.max(AuditRow.seq))).one() == head.seq
            # I9: one plan at most is active, and it has both objects.
            active = [row.plan_id for row in rows if PlanState(row.state) in ACTIVE]
            names = objects_of(self.plans[0].plan)
            held = select(ObjectLockRow.plan_id).where(col(ObjectLockRow.object).in_(names))
            assert len(active) <= 1
            assert sorted(session.exec(held)) == active * 2
        # I3: each step has at most one effect.
        assert len(set(self.cluster.effects)) == len(self.cluster.effects)

    def _ending(self, which: int, row: ProposalRow) -> None:
        """I4: what ended stays as it ended. I7: an ending tells the truth."""
        before = self.seen.get(which, ("", 0))
        assert before[0] not in TERMINAL or (row.state, row.version) == before
        self.seen[which] = (row.state, row.version)
        effects = {step for plan, step in self.cluster.effects if plan == which}
        state = PlanState(row.state)
        reached[state] += 1
        assert not (state in WITHOUT_EFFECT and effects), (state, effects)
        assert state is not PlanState.SUCCEEDED or effects == {1, 2}
        assert state is not PlanState.PARTIAL or effects == {1}

    def _record(self, session: Session, which: int, row: ProposalRow) -> None:
        """I1: every effect has its intent on record. I8: each change of state has exactly one event."""
        intents = set(session.exec(select(StepRow.n).where(StepRow.plan_id == row.plan_id)))
        assert {step for plan, step in self.cluster.effects if plan == which} <= intents
        mine = (AuditRow.plan_id == row.plan_id, AuditRow.tag == Tag.PLAN_MOVED.value)
        assert session.exec(select(func.count()).where(*mine)).one() == row.version - 1

    def teardown(self) -> None:
        if self.halted:
            self.plans[0].halt(False)
        for driven in self.plans:
            with self.ledger.write() as tx:
                moves.quarantine(tx, driven.plan.id)


@pytest.mark.proof
@pytest.mark.timeout(7_200 if PROVING else 900)
def test_whatever_everybody_does_the_invariants_hold_after_each_step() -> None:
    how = settings(
        max_examples=scale("machine_examples"),
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=not PROVING,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(Watch, settings=how)
        # An unknown outcome is rarer: the slice may end before one.
        often = OFTEN if PROVING else OFTEN - {PlanState.UNKNOWN}
        assert set(reached) >= often, "a run that reaches nothing proves nothing"
        # Every plan that was rewritten is found by whoever verifies, and nothing else is.
        found = verify(the_ledger()).problems
        assert all("bytes do not match" in problem for problem in found), found
    finally:
        for opened in ledgers.values():
            opened.close()
        ledgers.clear()
