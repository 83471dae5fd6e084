"""Room for a draft, and what was refused lately: on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from agents.incident import Verdict
from agents.ledger import decisions, executions, incidents, investigations, moves
from agents.ledger.drafts import Denial, denied_since
from agents.ledger.protocol import Agent, Objection, PlanState
from agents.ledger.tables import ProposalRow
from tests.contracts.test_ledger_hidden import bend
from tests.contracts.test_ledger_plans import anyone, approved, opened, state_of
from tests.support.plans import a_decision, a_delivery, a_plan, a_step, an_alert


def waiting(ledger, clock, number, **changes):
    """A plan of the ``number``-th incident that waits for a signature."""
    if number > 1:
        found = a_delivery(clock(), an_alert(clock(), fingerprint=f"f{number}"), group_key=f"g{number}")
        incidents.accept(ledger, [found])
        lease = investigations.take(ledger, number, "worker", 60)
    else:
        lease = opened(ledger, clock)
    plan = a_plan(clock(), incident=f"INC-{number}", nonce=f"{number:032x}", **changes)
    assert investigations.draft(ledger, lease, plan, "why") == plan.id
    investigations.release(ledger, lease)
    with ledger.write() as tx:
        assert moves.move(tx, moves.Move(plan_id=plan.id, to=PlanState.PENDING, by=Agent.GATEKEEPER)) is None
    return plan


def denied(ledger, clock, plan, reason):
    no = a_decision(plan, clock(), verdict=Verdict.DENY, reason=reason)
    assert decisions.decide(ledger, no) == decisions.Decided(state=PlanState.DENIED)
    return clock()


def last_denial(ledger, since, step=None):
    with ledger.read() as session:
        return denied_since(session, step or a_step(), since)


def test_the_newest_deny_of_a_verb_on_an_object_is_remembered_with_its_incident(ledger, clock):
    began = clock()
    first = waiting(ledger, clock, 1)
    clock.forward(60)
    once = denied(ledger, clock, first, "not at night")
    clock.forward(60)
    second = waiting(ledger, clock, 2)
    clock.forward(60)
    again = denied(ledger, clock, second, "ask the team")
    clock.forward(60)
    # Later ones that say nothing: of another object, and of a plan that nobody denied.
    other = waiting(ledger, clock, 3, steps=(a_step(name="cart", uid="c"),))
    elsewhere = denied(ledger, clock, other, "no")
    clock.forward(60)
    third = waiting(ledger, clock, 4)
    with ledger.write() as tx:
        gone = moves.Move(plan_id=third.id, to=PlanState.CANCELLED, by=Agent.INTAKE, reason="resolved")
        assert moves.move(tx, gone) is None
    newest = Denial(incident=2, at=again)
    assert last_denial(ledger, began) == newest
    assert last_denial(ledger, once) == newest
    assert last_denial(ledger, again) is None, "after that moment, and not at it"
    found = last_denial(ledger, began, a_step(name="cart", uid="c"))
    assert found == Denial(incident=3, at=elsewhere)
    assert last_denial(ledger, began, a_step(verb="restart_rollout")) is None


def test_a_denied_plan_whose_bytes_were_bent_counts_as_a_no_to_everything(ledger, clock):
    began = clock()
    plan = waiting(ledger, clock, 1)
    clock.forward(60)
    when = denied(ledger, clock, plan, "not at night")
    bend(ledger, "UPDATE plan SET canonical = '{}' WHERE id = :id", id=plan.id)
    assert last_denial(ledger, began, a_step(name="cart", uid="c")) == Denial(incident=1, at=when)


def test_a_plan_that_gives_way_says_to_which(ledger, clock):
    first = waiting(ledger, clock, 1)
    step = a_step(expect={**a_step().expect, "/metadata/generation": 5})
    second = waiting(ledger, clock, 2, steps=(step,))
    with ledger.read() as session:
        row = session.get_one(ProposalRow, first.id)
    assert (row.state, row.successor) == ("SUPERSEDED", second.id)
    assert row.reason == f"a newer plan took its place: {second.id}"


def test_a_plan_whose_bytes_were_bent_keeps_its_object_from_no_other(ledger, clock):
    bent = waiting(ledger, clock, 1)
    bend(ledger, "UPDATE plan SET canonical = '{}' WHERE id = :id", id=bent.id)
    waiting(ledger, clock, 2)
    with ledger.read() as session:
        row = session.get_one(ProposalRow, bent.id)
    assert row.state == "SUPERSEDED"


@pytest.mark.parametrize("reason", ["another policy", "the roster is empty"])
def test_what_was_signed_under_another_policy_is_turned_away_with_the_reason(ledger, clock, reason):
    plan = approved(ledger, clock)
    assert executions.turn_away(ledger, plan.id, reason) is None
    with ledger.read() as session:
        row = session.get_one(ProposalRow, plan.id)
    assert (row.state, row.reason) == ("STALE", reason)


def test_of_one_incident_the_newest_plan_stands_whatever_object_it_is_about(ledger, clock):
    first = waiting(ledger, clock, 1)
    lease = investigations.take(ledger, 1, "worker", 60)
    second = a_plan(clock(), nonce="2" * 32, steps=(a_step(name="cart", uid="c"),))
    assert investigations.draft(ledger, lease, second, "why") == second.id
    assert state_of(ledger, first) is PlanState.SUPERSEDED


def test_an_object_that_another_plan_holds_is_busy(ledger, clock):
    plan = approved(ledger, clock)
    other = waiting(ledger, clock, 2, steps=(a_step(name="cart", uid="c"),))
    with ledger.writer.begin() as connection:
        connection.execute(
            text("UPDATE object_lock SET plan_id = :other WHERE plan_id = :plan"),
            {"other": other.id, "plan": plan.id},
        )
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.OBJECT_BUSY


@pytest.mark.parametrize(("late", "may"), [(60, True), (120, True), (120.001, False)])
def test_an_approval_of_the_last_moment_has_its_whole_time(ledger, clock, late, may):
    plan = waiting(ledger, clock, 1)
    clock.forward(30 * 60)
    assert clock() == plan.pending_until
    yes = a_decision(plan, clock())
    assert decisions.decide(ledger, yes) == decisions.Decided(state=PlanState.APPROVED)
    clock.forward(late)
    claimed = executions.claim(ledger, plan.id, "actor-1", anyone)
    assert isinstance(claimed, executions.Claim) if may else claimed is Objection.EXPIRED
