"""Events that whoever owns the database hides from a search by column: the claim reads what is sealed."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from agents.auditor.verify import verify
from agents.incident import Verdict
from agents.ledger import decisions, executions
from agents.ledger.chain import GENESIS
from agents.ledger.decisions import Decided
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import set_halt
from tests.contracts.test_ledger_plans import anyone, approved, state_of
from tests.support import tampering
from tests.support.plans import BEN, a_decision
from tests.support.record import without_triggers


def bend(ledger, *statements, **values):
    with ledger.writer.begin() as connection:
        without_triggers(connection)
        for one in statements:
            connection.execute(text(one), values)


def test_a_deny_whose_events_were_hidden_by_a_column_still_stops_the_claim(ledger, clock):
    plan = approved(ledger, clock)
    no = a_decision(plan, clock(), approver=BEN, verdict=Verdict.DENY)
    assert decisions.decide(ledger, no) == Decided(state=PlanState.DENIED)
    bend(
        ledger,
        "UPDATE audit SET plan_id = '' WHERE seq > (SELECT max(seq) FROM audit) - 2",
        "DELETE FROM decision WHERE verdict = 'deny'",
        "UPDATE proposal SET state = 'APPROVED'",
    )
    assert not verify(ledger).ok
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.TAMPERED
    assert state_of(ledger, plan) is PlanState.QUARANTINED


def test_an_event_that_only_a_column_gives_to_a_plan_is_none_of_it(ledger, clock):
    plan = approved(ledger, clock)
    set_halt(ledger, halted=False, by="ada", reason="drill")
    bend(ledger, "UPDATE audit SET plan_id = :p WHERE seq = (SELECT max(seq) FROM audit)", p=plan.id)
    assert not verify(ledger).ok
    assert isinstance(executions.claim(ledger, plan.id, "actor-1", anyone), Claim)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE seq = (SELECT max(seq) - 1 FROM audit)",
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit SET hash = prev_hash WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit SET prev_hash = hash WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit SET body = hash WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit SET plan_id = '' WHERE tag = 'investigator:plan:draft'",
        f"UPDATE chain_head SET hash = '{GENESIS}'",
    ],
)
def test_a_record_that_does_not_fit_together_since_the_draft_lets_nothing_be_claimed(
    ledger, clock, statement
):
    plan = approved(ledger, clock)
    for n in range(3):
        set_halt(ledger, halted=False, by="ada", reason=f"drill {n}")
    if "body = hash" in statement and ledger.writer.dialect.name != "sqlite":
        statement = statement.replace("body = hash", "body = convert_to(hash, 'UTF8')")
    bend(ledger, statement)
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.TAMPERED


def test_a_row_that_was_taken_out_leaves_a_gap_however_well_the_rest_was_hashed_anew(ledger, clock):
    plan = approved(ledger, clock)
    for n in range(3):
        set_halt(ledger, halted=False, by="ada", reason=f"drill {n}")
    with ledger.writer.begin() as connection:
        without_triggers(connection)
        rows = tampering.read(connection)
        del rows[-2]
        tampering.write(connection, tampering.rehashed(rows))
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.TAMPERED


def test_other_plans_and_what_came_before_the_draft_are_no_part_of_it(ledger, clock):
    set_halt(ledger, halted=False, by="ada", reason="before")
    bend(ledger, "UPDATE audit SET hash = prev_hash WHERE seq = 1")
    plan = approved(ledger, clock)
    assert isinstance(executions.claim(ledger, plan.id, "actor-1", anyone), Claim)
