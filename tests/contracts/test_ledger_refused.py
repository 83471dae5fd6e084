"""What the ledger says of attempts that may not begin, go on or be concluded, on both databases."""

from __future__ import annotations

import time
from datetime import timedelta

from agents.ledger import executions
from agents.ledger.executions import Claim
from agents.ledger.guards import Forged
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import set_halt
from tests.contracts.test_ledger_plans import anyone, approved, pending, state_of
from tests.contracts.test_ledger_record import DEADLINE, performed, record, woken


def test_a_refused_claim_is_on_record_once_for_each_reason(ledger, clock):
    plan = approved(ledger, clock)
    set_halt(ledger, halted=True, by="ada", reason="drill")
    woken(ledger)
    for _ in range(2):
        assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.HALTED
    said = ("actor:claim:refuse", {"why": Objection.HALTED.value}, 1, plan.id)
    assert record(ledger, "actor:claim:refuse") == [said]
    assert woken(ledger) == [("gatekeeper", 1, None)]
    assert state_of(ledger, plan) is PlanState.APPROVED


def test_a_claim_of_what_nobody_approved_is_no_event(ledger, clock):
    plan = pending(ledger, clock)
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.NO_SUCH_EDGE
    assert record(ledger, "actor:claim:refuse") == []
    assert state_of(ledger, plan) is PlanState.PENDING


def test_a_plan_with_a_forged_approval_is_set_aside_and_not_claimed(ledger, clock):
    plan = approved(ledger, clock)

    def forged(*_: object) -> bool:
        raise Forged("somebody wrote it")

    assert executions.claim(ledger, plan.id, "actor-1", forged) is Objection.TAMPERED
    assert state_of(ledger, plan) is PlanState.QUARANTINED
    assert record(ledger, "actor:plan:claim", "actor:claim:refuse") == []


def test_help_is_called_for_once_for_each_reason_and_only_for_what_is_unknown(ledger, clock):
    held = performed(ledger, clock)
    executions.call_for_help(ledger, held.plan.id, "nobody knows")
    executions.call_for_help(ledger, "unknown", "nobody knows")
    assert record(ledger, "actor:human:need") == []
    executions.finish(ledger, held, PlanState.UNKNOWN, "no answer")
    for reason in ("nobody knows", "nobody knows", "another cluster"):
        executions.call_for_help(ledger, held.plan.id, reason)
    said = [body for _, body, *_ in record(ledger, "actor:human:need")]
    assert said == [{"why": "nobody knows"}, {"why": "another cluster"}]
    assert record(ledger, "actor:human:need")[0][2:] == (1, held.plan.id)


def test_an_owner_that_gives_up_itself_is_waited_for_from_then_on(ledger, clock):
    held = performed(ledger, clock)
    clock.forward(5)
    assert executions.finish(ledger, held, PlanState.UNKNOWN, "no answer") is None
    with ledger.read() as session:
        found = executions.unresolved(session, held.plan.id)
    assert (found.state, found.dead_after) == (PlanState.UNKNOWN, clock() + timedelta(seconds=DEADLINE))


def test_only_what_is_unknown_can_be_concluded(ledger, clock):
    held = performed(ledger, clock)
    assert (
        executions.conclude(ledger, held.plan.id, PlanState.SUCCEEDED, "it looks done")
        is Objection.NO_SUCH_EDGE
    )
    assert executions.turn_away(ledger, held.plan.id, "late") is Objection.NO_SUCH_EDGE
    assert executions.finish(ledger, held, PlanState.SUCCEEDED, "done") is None
    assert executions.conclude(ledger, held.plan.id, PlanState.SUCCEEDED, "again") is Objection.NO_SUCH_EDGE
    with ledger.read() as session:
        assert executions.unresolved(session, held.plan.id) is None


def test_a_claim_may_send_for_as_long_as_its_lease_counted_from_before_it_asked(ledger, clock):
    plan, before = approved(ledger, clock), time.monotonic()
    held = executions.claim(ledger, plan.id, "actor-1", anyone)
    assert isinstance(held, Claim)
    assert before <= held.send_before - executions.LEASE_S <= time.monotonic()
