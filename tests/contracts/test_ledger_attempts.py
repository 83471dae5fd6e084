"""What the ledger writes down of an attempt and lets nobody else do, from claim to end, on both databases."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from sqlalchemy import text

from agents.incident import Approver
from agents.ledger import decisions, executions, incidents, investigations, moves
from agents.ledger.decisions import Decided
from agents.ledger.executions import Answer, Claim, NotOurs
from agents.ledger.protocol import (
    ACTIVE,
    EDGES,
    LOCKING,
    TERMINAL,
    Agent,
    Objection,
    PlanState,
    next_lanes,
    objection,
)
from agents.ledger.store import set_halt
from tests.contracts.test_ledger_plans import anyone, approved, opened, pending, state_of
from tests.contracts.test_ledger_record import DEADLINE, LEASE, performed, reason_of, record, woken
from tests.support.model_trace import planned
from tests.support.plans import ADA, a_decision, a_delivery, a_plan, an_alert


def test_a_claim_is_on_record_and_somebody_looks_when_it_must_be_over(ledger, clock):
    plan = approved(ledger, clock)
    woken(ledger)
    held = executions.claim(ledger, plan.id, "actor-1", anyone)
    assert isinstance(held, Claim)
    assert (held.actor_id, held.lease_until) == ("actor-1", clock() + timedelta(seconds=LEASE))
    assert (len(held.attempt_id), held.plan) == (16, plan)
    body = {"actor": "actor-1", "attempt": held.attempt_id, "digest": plan.digest}
    assert record(ledger, "actor:plan:claim") == [("actor:plan:claim", body, 1, plan.id)]
    over = clock() + timedelta(seconds=LEASE + 1)
    assert woken(ledger) == [("gatekeeper", 1, None), ("actor", 1, over)]
    with ledger.read() as session:
        found = executions.unresolved(session, plan.id)
    dead_after = clock() + timedelta(seconds=LEASE + DEADLINE)
    assert found == executions.Unresolved(
        plan=plan, state=PlanState.EXECUTING, actor_id="actor-1", dead_after=dead_after, intended=False
    )


def test_a_step_is_on_record_from_its_intent_to_its_answer(ledger, clock):
    held = performed(ledger, clock)
    plan_id, began = held.plan.id, clock()
    executions.intend(ledger, held, 1, "b" * 64)
    with ledger.read() as session:
        (open_step,) = executions.receipts_of(session, plan_id)
        assert executions.unresolved(session, plan_id).intended is True
    clock.forward(1)
    answer = Answer(http_status=200, outcome="applied", resource_version="77")
    executions.answered(ledger, held, 1, answer)
    with ledger.read() as session:
        (closed,) = executions.receipts_of(session, plan_id)
    assert (open_step.intent_at, open_step.request_digest, open_step.step) == (began, "b" * 64, 1)
    assert (open_step.result_at, open_step.http_status, open_step.outcome) == (None, None, "")
    said = {"result_at": clock(), "http_status": 200, "outcome": "applied", "resource_version": "77"}
    assert closed == open_step.model_copy(update=said)
    assert record(ledger, "actor:step:intend", "actor:step:answer") == [
        (
            "actor:step:intend",
            {"step": 1, "request": "b" * 64, "attempt": held.attempt_id},
            1,
            plan_id,
        ),
        ("actor:step:answer", {"step": 1, "status": 200, "outcome": "applied"}, 1, plan_id),
    ]
    assert executions.finish(ledger, held, PlanState.SUCCEEDED, "all done") is None
    assert reason_of(ledger, plan_id) == ("all done", clock(), 5)
    assert woken(ledger) == [("gatekeeper", 1, None), ("investigator", 1, None)]


def test_receipts_are_the_plans_own_and_in_order(ledger, clock):
    held = performed(ledger, clock)
    for n in (3, 1, 2):
        executions.intend(ledger, held, n, f"{n}" * 64)
    executions.answered(ledger, held, 2, Answer(http_status=422, outcome="moved on"))
    with ledger.read() as session:
        found = executions.receipts_of(session, held.plan.id)
        assert executions.receipts_of(session, "another") == []
    assert [(one.step, one.http_status) for one in found] == [(1, None), (2, 422), (3, None)]


@pytest.mark.parametrize(("late", "may"), [(0, True), (0.001, False)])
def test_a_lease_holds_to_its_last_moment(ledger, clock, late, may):
    held = performed(ledger, clock)
    clock.forward(LEASE + late)
    not_owner = pytest.raises(NotOurs, match=f"^{Objection.NOT_OWNER.value}$")
    with contextlib.nullcontext() if may else not_owner:
        executions.intend(ledger, held, 1, "b" * 64)
    given_up = executions.give_up(ledger, held.plan.id, "silence")
    assert given_up is (Objection.NO_SUCH_EDGE if may else None)
    assert state_of(ledger, held.plan) is (PlanState.EXECUTING if may else PlanState.UNKNOWN)


def test_an_attempt_of_somebody_else_writes_nothing(ledger, clock):
    held = performed(ledger, clock)
    other = Claim(**{**vars(held), "attempt_id": "f" * 16})
    for write in (
        lambda: executions.intend(ledger, other, 1, "b" * 64),
        lambda: executions.answered(ledger, other, 1, Answer(http_status=200, outcome="")),
        lambda: executions.finish(ledger, other, PlanState.SUCCEEDED, ""),
    ):
        with pytest.raises(NotOurs, match=f"^{Objection.NOT_OWNER.value}$"):
            write()


def test_a_halt_is_told_to_whoever_wants_to_send(ledger, clock):
    held = performed(ledger, clock)
    set_halt(ledger, halted=True, by="ada", reason="drill")
    with pytest.raises(NotOurs, match=f"^{Objection.HALTED.value}$"):
        executions.intend(ledger, held, 1, "b" * 64)


@pytest.mark.parametrize(("late", "expected"), [(0, Objection.NOT_OWNER), (0.001, None)])
def test_absence_is_proof_after_the_last_moment_of_the_deadline(ledger, clock, late, expected):
    held = performed(ledger, clock)
    clock.forward(LEASE + DEADLINE + late)
    assert executions.give_up(ledger, held.plan.id, "silence") is None
    assert reason_of(ledger, held.plan.id)[0] == "silence"
    assert executions.conclude(ledger, held.plan.id, PlanState.NOT_APPLIED, "as before") is expected
    if expected is None:
        assert reason_of(ledger, held.plan.id)[0] == "as before"


def test_looking_again_is_for_what_is_open(ledger, clock):
    plan = approved(ledger, clock)
    woken(ledger)
    executions.look_again(ledger, "unknown", 5)
    assert woken(ledger) == []
    executions.look_again(ledger, plan.id, 5)
    assert woken(ledger) == [("actor", 1, clock() + timedelta(seconds=5))]
    executions.claim(ledger, plan.id, "actor-1", anyone)
    woken(ledger)
    executions.look_again(ledger, plan.id, 5)
    assert woken(ledger) == [("actor", 1, clock() + timedelta(seconds=5))]
    with ledger.read() as session:
        assert executions.unresolved(session, "unknown") is None


@pytest.mark.parametrize(
    ("signed", "seconds", "why"),
    [(False, 30 * 60, "nobody signed in time"), (True, 120, "it was not started in time")],
)
def test_an_expiry_says_what_was_missed_and_is_looked_for_in_time(ledger, clock, signed, seconds, why):
    plan = (approved if signed else pending)(ledger, clock)
    woken(ledger)
    due = clock() + timedelta(seconds=seconds)
    assert moves.expire_due(ledger, 1) == 0
    assert woken(ledger) == [("gatekeeper", 1, due)]
    clock.forward(seconds)
    assert moves.expire_due(ledger, 1) == 0
    clock.forward(0.001)
    assert moves.expire_due(ledger, 1) == 1
    assert reason_of(ledger, plan.id)[:2] == (why, clock())
    assert record(ledger, "any:plan:move")[-1][1]["by"] == "gatekeeper"
    woken(ledger)
    assert moves.expire_due(ledger, 1) == 0
    assert woken(ledger) == []


def test_a_draft_expires_and_a_plan_at_work_does_not(ledger, clock):
    draft = a_plan(clock())
    investigations.draft(ledger, opened(ledger, clock), draft, "why")
    clock.forward(30 * 60 + 1)
    assert moves.expire_due(ledger, 1) == 1
    assert reason_of(ledger, draft.id)[0] == "nobody signed in time"


def test_a_plan_at_work_does_not_expire(ledger, clock):
    held = performed(ledger, clock)
    clock.forward(10**6)
    assert moves.expire_due(ledger, 1) == 0
    assert state_of(ledger, held.plan) is PlanState.EXECUTING


def test_whoever_looks_at_a_rewritten_plan_sets_it_aside(ledger, clock):
    plan = pending(ledger, clock)
    with ledger.writer.begin() as connection:
        on = " ON plan" if ledger.writer.dialect.name != "sqlite" else ""
        connection.execute(text(f"DROP TRIGGER plan_no_update{on}"))
        connection.execute(text("UPDATE plan SET canonical = :c"), {"c": plan.canonical() + b" "})
    assert moves.expire_due(ledger, 1) == 0
    assert reason_of(ledger, plan.id)[0] == Objection.TAMPERED.value
    move = record(ledger, "any:plan:move")[-1][1]
    assert (move["from"], move["to"], move["by"]) == ("PENDING", "QUARANTINED", "auditor")
    with ledger.read() as session:
        assert moves.standing(session, plan.id) is Objection.TAMPERED
        assert moves.standing(session, "unknown") is Objection.NO_SUCH_PLAN


def test_a_resolved_alert_says_why_it_cancels(ledger, clock):
    plan = pending(ledger, clock)
    incidents.accept(ledger, [a_delivery(clock(), an_alert(clock(), firing=False))])
    move = record(ledger, "any:plan:move")[-1][1]
    assert (move["to"], move["by"]) == ("CANCELLED", "intake")
    assert move["reason"] == reason_of(ledger, plan.id)[0] != ""


def test_a_plan_at_work_is_not_cancelled(ledger, clock):
    held = performed(ledger, clock)
    with ledger.write() as tx:
        moves.cancel_open_plans(tx, 1, "over")
    assert state_of(ledger, held.plan) is PlanState.EXECUTING


def test_an_object_is_locked_while_what_happened_to_it_is_unknown(ledger, clock):
    held = performed(ledger, clock)
    query = text("SELECT count(*) FROM object_lock")

    def locks() -> int:
        with ledger.writer.begin() as connection:
            return int(connection.execute(query).scalar_one())

    assert locks() == 1
    executions.finish(ledger, held, PlanState.UNKNOWN, "no answer")
    assert locks() == 1
    executions.conclude(ledger, held.plan.id, PlanState.SUCCEEDED, "it carries our mark")
    assert locks() == 0


def test_everybody_may_set_aside_and_nobody_may_take_an_edge_that_is_not_there():
    for start in PlanState:
        for end in PlanState:
            for who in Agent:
                allowed = EDGES.get((start, end))
                against = objection(start, end, who)
                if allowed is None:
                    assert against is Objection.NO_SUCH_EDGE
                else:
                    assert against is (None if who in allowed else Objection.NOT_YOURS)
    assert all(EDGES[state, PlanState.QUARANTINED] == frozenset(Agent) for state in ACTIVE)
    assert {state for state, _ in EDGES} == ACTIVE


def test_a_state_wakes_those_who_have_something_to_do():
    assert next_lanes(PlanState.DRAFT) == (Agent.ACTOR,)
    assert next_lanes(PlanState.APPROVED) == (Agent.ACTOR, Agent.GATEKEEPER)
    assert {next_lanes(state) for state in TERMINAL} == {(Agent.GATEKEEPER, Agent.INVESTIGATOR)}
    assert {next_lanes(state) for state in (PlanState.PENDING, *LOCKING)} == {(Agent.GATEKEEPER,)}


def test_a_decision_of_the_same_name_in_another_workspace_is_another_persons(ledger, clock):
    plan = pending(ledger, clock, approvals_needed=2, tier=3)
    decisions.decide(ledger, a_decision(plan, clock()))
    namesake = Approver(team_id="T0OTHER", user_id=ADA.user_id)
    answer = decisions.decide(ledger, a_decision(plan, clock(), approver=namesake))
    assert answer == Decided(state=PlanState.APPROVED)
    with ledger.read() as session:
        assert [one.approver for one in decisions.decisions_of(session, plan.id)] == [ADA, namesake]


def test_what_nobody_claimed_cannot_be_concluded(ledger, clock):
    plan = approved(ledger, clock)
    answer = executions.conclude(ledger, plan.id, PlanState.SUCCEEDED, "it looks done")
    assert answer is Objection.NO_SUCH_PLAN
    assert state_of(ledger, plan) is PlanState.APPROVED


def test_an_answer_goes_to_the_step_of_its_own_plan(ledger, clock):
    two = [planned(ledger, clock, name, 1) for name in ("one", "other")]
    for driven in two:
        for step in (
            driven.rehearse,
            driven.post,
            lambda d=driven: d.approve(0),
            lambda d=driven: d.claim(0),
        ):
            assert step() == ""
        assert driven.intend(0) == ""
    assert two[1].answer(0) == ""
    with ledger.read() as session:
        found = [executions.receipts_of(session, driven.plan.id)[0].http_status for driven in two]
    assert found == [None, 200]


def test_only_what_nobody_has_begun_can_be_turned_away(ledger, clock):
    held = performed(ledger, clock)
    assert executions.turn_away(ledger, held.plan.id, "another policy") is Objection.NO_SUCH_EDGE
    assert reason_of(ledger, held.plan.id)[0] == "actor-1"
    assert executions.turn_away(ledger, "unknown", "") is Objection.NO_SUCH_PLAN
