"""The real ledger under everybody at once: whatever they do, the invariants hold after each step.

Plan after plan wants the same two objects, two actors reach for them, and the objects take real JSON patches.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from agents.auditor.verify import verify
from agents.incident import Plan
from agents.ledger import executions
from agents.ledger.protocol import ACTIVE, LOCKING, TERMINAL, PlanState
from agents.ledger.tables import PlanRow
from tests.support.machine import Attempt, Flying, Promises, ledgers, reached, the_ledger
from tests.support.model_trace import ALIAS
from tests.support.scale import PROVING, scale
from tools.kubernetes.actions.verb import is_applied, request
from tools.kubernetes.pointers import drift

STEPS = 30
WHICH = st.sampled_from((0, 1))
ACTOR = st.sampled_from((0, 1))
PERSON = st.sampled_from((0, 0, 1, 1, 2, 3, ALIAS))
HUMAN = {0: "ada", ALIAS: "ada", 1: "ben"}
MOST_PLANS = 4
NEEDED = st.sampled_from((1, 2))
OFTEN = {PlanState(name) for name in ("SUCCEEDED", "UNKNOWN", "DENIED", "EXECUTING", "QUARANTINED")}


class Watch(Promises):
    """Everybody who may touch a plan, and some who may not."""

    @initialize(needed=NEEDED, stage=st.sampled_from((0, 1, 2, 2, 2, 2)))
    def one_is_signed_already(self, needed: int, stage: int) -> None:
        assert self._draft(needed) == ""
        (driven,) = self.plans
        if stage:
            driven.rehearse()
            driven.post()
        for person in range(needed if stage == 2 else 0):
            assert driven.approve(person) == ""

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

    @rule(which=WHICH, person=PERSON, sure=st.integers(0, 2))
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
