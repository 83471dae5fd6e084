"""A click is seen and decided in one transaction, on both databases: both or neither."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text
from sqlmodel import select

from agents.auditor.verify import verify
from agents.ledger import decisions
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tables import AuditRow, NonceRow
from agents.ledger.tags import Tag
from tests.contracts.test_ledger_plans import pending, state_of
from tests.support.plans import BEN, a_decision


def said(ledger: Ledger, tag: Tag) -> int:
    with ledger.read() as session:
        return len(session.exec(select(AuditRow).where(AuditRow.tag == tag.value)).all())


def seen(ledger: Ledger, nonce: str) -> bool:
    with ledger.read() as session:
        return session.get(NonceRow, nonce) is not None


def test_the_same_click_counts_once_and_the_second_is_on_record(ledger, clock):
    plan = pending(ledger, clock, approvals_needed=2, tier=3)
    assert isinstance(decisions.decide(ledger, a_decision(plan, clock()), "n1"), decisions.Decided)
    again = a_decision(plan, clock(), approver=BEN)
    assert decisions.decide(ledger, again, "n1") is Objection.REPLAYED
    assert state_of(ledger, plan) is PlanState.PENDING
    assert said(ledger, Tag.REPLAY_REFUSED) == 1
    assert isinstance(decisions.decide(ledger, again, "n2"), decisions.Decided)
    assert verify(ledger).ok


def test_a_decision_that_could_not_be_written_leaves_its_click_unspent(ledger, clock):
    plan = pending(ledger, clock)
    broken = break_decisions(ledger)
    with pytest.raises(LedgerUnavailable):
        decisions.decide(ledger, a_decision(plan, clock()), "n1")
    assert not seen(ledger, "n1")
    with ledger.writer.begin() as connection:
        connection.execute(text(broken))
    assert decisions.decide(ledger, a_decision(plan, clock()), "n1") == decisions.Decided(
        state=PlanState.APPROVED
    )
    assert verify(ledger).ok


def break_decisions(ledger: Ledger) -> str:
    """No decision can be written any more; the statement that mends it."""
    if ledger.writer.dialect.name == "sqlite":
        wall = (
            "CREATE TRIGGER wall BEFORE INSERT ON decision BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
        mend = "DROP TRIGGER wall"
    else:
        wall = "ALTER TABLE decision ADD CONSTRAINT wall CHECK (user_id = 'nobody') NOT VALID"
        mend = "ALTER TABLE decision DROP CONSTRAINT wall"
    with ledger.writer.begin() as connection:
        connection.execute(text(wall))
    return mend


def test_a_refused_decision_is_on_record_with_its_click(ledger, clock):
    plan = pending(ledger, clock)
    clock.forward(30 * 60 + 1)
    assert decisions.decide(ledger, a_decision(plan, clock()), "n1") is Objection.EXPIRED
    assert seen(ledger, "n1")
    assert said(ledger, Tag.CLICK_REFUSED) == 1
    assert decisions.decide(ledger, a_decision(plan, clock()), "n1") is Objection.REPLAYED
    assert said(ledger, Tag.CLICK_REFUSED) == 1


def test_a_refusal_is_recorded_once_a_click(ledger, clock):
    plan = pending(ledger, clock)
    assert decisions.refuse_click(ledger, plan.id, {"why": "no"}, "n1")
    assert not decisions.refuse_click(ledger, plan.id, {"why": "no"}, "n1")
    assert said(ledger, Tag.CLICK_REFUSED) == 1


def test_of_the_same_click_many_times_at_once_one_is_new(ledger, clock):
    pending(ledger, clock)
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda: answers.append(decisions.use_nonce(ledger, "n1"))) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 11 + [True]
    assert said(ledger, Tag.REPLAY_REFUSED) == 11
    assert verify(ledger).ok
