"""The life of a plan in the ledger: every guard of the protocol that the database keeps."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from agents.auditor.verify import verify
from agents.incident import Plan, Preview, Verdict
from agents.ledger import decisions, executions, incidents, investigations, moves, previews, store
from agents.ledger.protocol import Objection, PlanState
from tests.support.plans import ADA, BEN, a_decision, a_delivery, a_plan, an_alert


def opened(ledger, clock) -> investigations.Lease:
    incidents.accept(ledger, [a_delivery(clock(), an_alert(clock()))])
    lease = investigations.take(ledger, 1, "worker", 60)
    assert lease is not None
    return lease


def pending(ledger, clock, **changes) -> Plan:
    plan = a_plan(clock(), **changes)
    investigations.draft(ledger, opened(ledger, clock), plan, "why")
    shown = Preview(plan_id=plan.id, at=clock(), diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    posted = previews.Posted(channel_id="C1", message_ts="1.1", card_digest="c")
    assert previews.mark_pending(ledger, plan.id, posted) is None
    return plan


def approved(ledger, clock, **changes) -> Plan:
    plan = pending(ledger, clock, **changes)
    assert decisions.decide(ledger, a_decision(plan, clock())) == decisions.Decided(state=PlanState.APPROVED)
    return plan


def state_of(ledger, plan) -> PlanState:
    with ledger.read() as session:
        found = moves.standing(session, plan.id)
    assert isinstance(found, moves.Standing)
    return found.state


def anyone(_plan, _decision) -> bool:
    return True


def test_a_plan_goes_from_draft_to_succeeded_and_the_chain_is_whole(ledger, clock):
    plan = approved(ledger, clock)
    held = executions.claim(ledger, plan.id, "actor-1", anyone)
    assert isinstance(held, executions.Claim)
    executions.intend(ledger, held, 1, "b" * 64)
    executions.answered(ledger, held, 1, executions.Answer(http_status=200, outcome="applied"))
    assert executions.finish(ledger, held, PlanState.SUCCEEDED, "done") is None
    assert state_of(ledger, plan) is PlanState.SUCCEEDED
    assert verify(ledger).ok


def test_a_plan_without_an_accepted_dry_run_is_never_shown_for_signing(ledger, clock):
    plan = a_plan(clock())
    investigations.draft(ledger, opened(ledger, clock), plan, "why")
    posted = previews.Posted(channel_id="C1", message_ts="1.1", card_digest="c")
    assert previews.mark_pending(ledger, plan.id, posted) is Objection.NOT_PREVIEWED
    assert state_of(ledger, plan) is PlanState.DRAFT


def test_an_approval_of_something_else_changes_nothing(ledger, clock):
    plan = pending(ledger, clock)
    other = a_decision(plan, clock(), plan_digest="f" * 64)
    assert decisions.decide(ledger, other) is Objection.TAMPERED
    assert state_of(ledger, plan) is PlanState.PENDING


def test_the_same_person_counts_once(ledger, clock):
    plan = pending(ledger, clock, approvals_needed=2, tier=3)
    assert isinstance(decisions.decide(ledger, a_decision(plan, clock())), decisions.Decided)
    assert decisions.decide(ledger, a_decision(plan, clock())) is Objection.DUPLICATE
    assert state_of(ledger, plan) is PlanState.PENDING
    decisions.decide(ledger, a_decision(plan, clock(), approver=BEN))
    assert state_of(ledger, plan) is PlanState.APPROVED


def test_a_deny_wins_until_the_claim(ledger, clock):
    plan = approved(ledger, clock)
    no = a_decision(plan, clock(), approver=BEN, verdict=Verdict.DENY, reason="not now")
    assert decisions.decide(ledger, no) == decisions.Decided(state=PlanState.DENIED)
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.NO_SUCH_EDGE


@pytest.mark.parametrize(("late", "expected"), [(0, None), (1, Objection.EXPIRED)])
def test_an_approval_after_the_deadline_is_refused(ledger, clock, late, expected):
    plan = pending(ledger, clock)
    clock.forward(30 * 60 + late)
    answer = decisions.decide(ledger, a_decision(plan, clock()))
    assert (answer is expected) if expected else isinstance(answer, decisions.Decided)


@pytest.mark.parametrize(("late", "claims"), [(0, True), (0.001, False)])
def test_an_approval_that_waited_too_long_is_not_claimed(ledger, clock, late, claims):
    plan = approved(ledger, clock)
    clock.forward(120 + late)
    answer = executions.claim(ledger, plan.id, "actor-1", anyone)
    assert isinstance(answer, executions.Claim) is claims


def test_an_approver_who_lost_the_right_does_not_count_at_the_claim(ledger, clock):
    plan = approved(ledger, clock)
    answer = executions.claim(ledger, plan.id, "actor-1", lambda _plan, decision: decision.approver != ADA)
    assert answer is Objection.APPROVER_LOST_RIGHT


def test_nothing_is_claimed_while_halted(ledger, clock):
    plan = approved(ledger, clock)
    store.set_halt(ledger, halted=True, by="ada", reason="drill")
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.HALTED
    store.set_halt(ledger, halted=False, by="ada", reason="over")
    assert isinstance(executions.claim(ledger, plan.id, "actor-1", anyone), executions.Claim)


def test_a_halt_after_the_claim_stops_the_intent(ledger, clock):
    held = executions.claim(ledger, approved(ledger, clock).id, "actor-1", anyone)
    store.set_halt(ledger, halted=True, by="ada", reason="drill")
    with pytest.raises(executions.NotOurs):
        executions.intend(ledger, held, 1, "b" * 64)


def test_of_many_claims_at_once_exactly_one_wins(ledger, clock):
    plan = approved(ledger, clock)
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda: answers.append(executions.claim(ledger, plan.id, "a", anyone)))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(answer, executions.Claim) for answer in answers) == 1
    assert len(answers) == 16


def test_a_claim_cannot_be_made_by_hand(clock):
    with pytest.raises(TypeError, match=r"^a Claim comes from executions\.claim and nowhere else$"):
        executions.Claim(
            plan=a_plan(clock()),
            attempt_id="x",
            actor_id="me",
            lease_until=clock(),
            send_before=0.0,
            proof=object(),
        )


def test_an_owner_whose_lease_ran_out_writes_nothing_more(ledger, clock):
    held = executions.claim(ledger, approved(ledger, clock).id, "actor-1", anyone)
    clock.forward(executions.LEASE_S + 1)
    with pytest.raises(executions.NotOurs):
        executions.intend(ledger, held, 1, "b" * 64)
    assert executions.give_up(ledger, held.plan.id, "no word from its actor") is None
    with pytest.raises(executions.NotOurs):
        executions.finish(ledger, held, PlanState.SUCCEEDED, "late")


def test_not_applied_is_said_only_after_the_owners_deadline(ledger, clock):
    held = executions.claim(ledger, approved(ledger, clock).id, "actor-1", anyone)
    clock.forward(executions.LEASE_S + 1)
    executions.give_up(ledger, held.plan.id, "no word from its actor")
    early = executions.conclude(ledger, held.plan.id, PlanState.NOT_APPLIED, "read")
    assert early is Objection.NOT_OWNER
    clock.forward(executions.IN_FLIGHT_S + 1)
    assert executions.conclude(ledger, held.plan.id, PlanState.NOT_APPLIED, "read") is None


def test_a_resolved_alert_cancels_what_waits_for_a_signature(ledger, clock):
    plan = pending(ledger, clock)
    incidents.accept(ledger, [a_delivery(clock(), an_alert(clock(), firing=False))])
    assert state_of(ledger, plan) is PlanState.CANCELLED
    assert decisions.decide(ledger, a_decision(plan, clock())) is Objection.NO_SUCH_EDGE


def test_a_newer_plan_supersedes_one_that_waits(ledger, clock):
    plan = pending(ledger, clock)
    lease = investigations.Lease(incident=1, owner="worker", token=1, until=clock())
    newer = a_plan(clock(), nonce="1" * 32)
    investigations.draft(ledger, lease, newer, "better")
    assert state_of(ledger, plan) is PlanState.SUPERSEDED


def test_a_draft_repeated_by_a_killed_stage_is_the_plan_that_was_drafted_before(ledger, clock):
    plan = approved(ledger, clock)
    lease = investigations.Lease(incident=1, owner="worker", token=1, until=clock())
    again = a_plan(clock(), pending_until=clock() + timedelta(minutes=31))
    assert again.id != plan.id
    assert investigations.draft(ledger, lease, again, "once more") == plan.id
    assert state_of(ledger, plan) is PlanState.APPROVED


def test_a_plan_swapped_in_the_database_is_quarantined(ledger, clock):
    plan = approved(ledger, clock)
    with ledger.writer.begin() as connection:
        drop = "DROP TRIGGER plan_no_update" + (" ON plan" if ledger.writer.dialect.name != "sqlite" else "")
        connection.execute(text(drop))
        evil = plan.canonical().replace(b"checkout:8", b"checkout:6")
        connection.execute(text("UPDATE plan SET canonical = :c"), {"c": evil})
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.TAMPERED
    with ledger.read() as session:
        assert session.get(moves.ProposalRow, plan.id).state == PlanState.QUARANTINED
    assert not verify(ledger).ok


@pytest.mark.parametrize("table", ["audit", "plan", "delivery"])
def test_the_record_refuses_to_be_rewritten(ledger, clock, table):
    approved(ledger, clock)
    for verb in (f"DELETE FROM {table}", f"UPDATE {table} SET incident = 7"):
        with pytest.raises(Exception, match="append-only"), ledger.writer.begin() as connection:
            connection.execute(text(verb))


def test_everything_expires_by_the_clock_of_the_ledger(ledger, clock):
    plan = pending(ledger, clock)
    assert moves.expire_due(ledger, 1) == 0
    clock.forward(30 * 60 + 1)
    assert moves.expire_due(ledger, 1) == 1
    assert state_of(ledger, plan) is PlanState.EXPIRED
    assert isinstance(clock(), datetime)
