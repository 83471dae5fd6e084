"""What the ledger writes down and whom it wakes: word for word, moment for moment, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel import col, select

from agents.incident import Verdict
from agents.ledger import decisions, executions, moves, payloads
from agents.ledger.decisions import Decided
from agents.ledger.executions import Claim
from agents.ledger.protocol import (
    Agent,
    Objection,
    PlanState,
)
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow, DecisionRow, ProposalRow
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_plans import anyone, approved, pending
from tests.support.plans import ADA, BEN, a_decision, a_plan

LEASE, DEADLINE = executions.LEASE_S, executions.IN_FLIGHT_S
Said = tuple[str, dict[str, Any], int | None, str]


def record(ledger: Ledger, *tags: str) -> list[Said]:
    """Tag, body, incident and plan of each event of these tags, in order."""
    with ledger.read() as session:
        query = select(AuditRow).where(col(AuditRow.tag).in_(tags)).order_by(col(AuditRow.seq))
        return [(r.tag, orjson.loads(r.body)["body"], r.incident, r.plan_id) for r in session.exec(query)]


def woken(ledger: Ledger) -> list[tuple[str, int, datetime | None]]:
    """Who was asked to look since the last time this was called."""
    jobs = [(job.lane, job.incident, job.run_at) for job in ledger.queue.jobs]
    ledger.queue.jobs.clear()
    return jobs


def reason_of(ledger: Ledger, plan_id: str) -> tuple[str, datetime, int]:
    with ledger.read() as session:
        row = session.get_one(ProposalRow, plan_id)
        return row.reason, row.state_at, row.version


def performed(ledger: Ledger, clock: HandClock) -> Claim:
    held = executions.claim(ledger, approved(ledger, clock).id, "actor-1", anyone)
    assert isinstance(held, Claim)
    woken(ledger)
    return held


def test_an_approval_is_on_record_with_who_what_and_seal(ledger, clock):
    plan = pending(ledger, clock)
    woken(ledger)
    clock.forward(60)
    given = a_decision(plan, clock(), reason="go", mac="5ea1")
    assert decisions.decide(ledger, given) == Decided(state=PlanState.APPROVED)
    by = {"team_id": "T0OURS", "user_id": "U0ADA"}
    word = {"by": by, "verdict": "approve", "digest": plan.digest, "mac": "5ea1"}
    word["reason_digest"] = payloads.digest_of("go", "")
    move = {"from": "PENDING", "to": "APPROVED", "by": "gatekeeper", "reason": "U0ADA", "digest": plan.digest}
    said = record(ledger, "gatekeeper:plan:decide", "any:plan:move")[-2:]
    assert said == [("gatekeeper:plan:decide", word, 1, plan.id), ("any:plan:move", move, 1, plan.id)]
    assert reason_of(ledger, plan.id) == ("U0ADA", clock(), 3)
    claim_by = clock() + timedelta(seconds=plan.claim_within_s)
    assert woken(ledger) == [("actor", 1, None), ("gatekeeper", 1, None), ("gatekeeper", 1, claim_by)]


def test_the_first_of_two_approvals_wakes_the_card_and_moves_nothing(ledger, clock):
    plan = pending(ledger, clock, approvals_needed=2, tier=3)
    woken(ledger)
    assert decisions.decide(ledger, a_decision(plan, clock())) == Decided(state=PlanState.PENDING)
    assert woken(ledger) == [("gatekeeper", 1, None)]


def test_a_deny_says_who_and_why(ledger, clock):
    plan = pending(ledger, clock)
    woken(ledger)
    no = a_decision(plan, clock(), verdict=Verdict.DENY, reason="not at night")
    assert decisions.decide(ledger, no) == Decided(state=PlanState.DENIED)
    assert reason_of(ledger, plan.id)[0] == "U0ADA: not at night"
    assert woken(ledger) == [("gatekeeper", 1, None), ("investigator", 1, None)]


def test_refused_words_are_on_record_with_their_plan(ledger, clock):
    plan = approved(ledger, clock)
    assert decisions.decide(ledger, a_decision(plan, clock(), approver=BEN)) is Objection.NO_SUCH_EDGE
    assert decisions.refuse_click(ledger, plan.id, {"why": "a guest"}, "n1") is True
    assert decisions.refuse_click(ledger, plan.id, {"why": "a guest"}, "n1") is False
    assert decisions.refuse_click(ledger, "unknown", {"why": "forged"}, "n2") is True
    why = {"user": "U0BEN", "team": "T0OURS", "verdict": "approve", "why": Objection.NO_SUCH_EDGE.value}
    tag = "gatekeeper:click:refuse"
    assert record(ledger, tag, f"{tag}_replay") == [
        (tag, why, 1, plan.id),
        (tag, {"why": "a guest"}, 1, plan.id),
        (f"{tag}_replay", {"nonce": "n1"}, None, ""),
        (tag, {"why": "forged"}, None, "unknown"),
    ]


def test_a_signed_request_is_spent_once(ledger, clock):
    assert [decisions.use_nonce(ledger, one) for one in ("a", "b", "a")] == [True, True, False]


def test_a_word_on_a_plan_that_is_not_there_is_refused(ledger, clock):
    nowhere = a_plan(clock())
    assert decisions.decide(ledger, a_decision(nowhere, clock())) is Objection.NO_SUCH_PLAN
    assert executions.claim(ledger, nowhere.id, "actor-1", anyone) is Objection.NO_SUCH_PLAN
    assert executions.conclude(ledger, nowhere.id, PlanState.SUCCEEDED, "") is Objection.NO_SUCH_PLAN
    assert executions.give_up(ledger, nowhere.id, "") is Objection.NO_SUCH_EDGE
    with ledger.write() as tx:
        wanted = moves.Move(plan_id=nowhere.id, to=PlanState.CANCELLED, by=Agent.INTAKE)
        assert moves.move(tx, wanted) is Objection.NO_SUCH_PLAN


def test_a_state_that_was_set_by_hand_is_in_no_event(ledger, clock):
    plan = pending(ledger, clock)
    with ledger.writer.begin() as connection:
        connection.execute(text("UPDATE proposal SET state = 'APPROVED'"))
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.TAMPERED


def test_a_deny_that_moved_nothing_still_stops_the_claim(ledger, clock):
    plan = pending(ledger, clock)
    no = a_decision(plan, clock(), approver=BEN, verdict=Verdict.DENY)
    assert decisions.decide(ledger, no) == Decided(state=PlanState.DENIED)
    yes = a_decision(plan, clock()).model_dump_json()
    with ledger.writer.begin() as connection:
        connection.execute(text("UPDATE proposal SET state = 'APPROVED'"))
        columns = "(plan_id, team_id, user_id, verdict, body)"
        row = f"INSERT INTO decision {columns} VALUES (:p, 'T0OURS', 'U0ADA', 'approve', :b)"
        connection.execute(text(row), {"p": plan.id, "b": yes})
    assert executions.claim(ledger, plan.id, "actor-1", anyone) is Objection.DENIED


def test_a_word_that_comes_too_late_leaves_no_decision(ledger, clock):
    plan = pending(ledger, clock)
    assert isinstance(decisions.decide(ledger, a_decision(plan, clock(), verdict=Verdict.DENY)), Decided)
    for verdict in Verdict:
        late = a_decision(plan, clock(), approver=BEN, verdict=verdict)
        assert decisions.decide(ledger, late) is Objection.NO_SUCH_EDGE
    with ledger.read() as session:
        assert len(decisions.decisions_of(session, plan.id)) == 1


def test_a_lost_approval_can_be_made_up_for_while_the_plan_is_approved_and_no_longer(ledger, clock):
    plan = approved(ledger, clock)
    lost = executions.claim(ledger, plan.id, "actor-1", lambda _plan, _decision: False)
    assert lost is Objection.APPROVER_LOST_RIGHT
    with ledger.read() as session:
        assert decisions.asks_again(moves.standing(session, plan.id))
    woken(ledger)
    assert decisions.decide(ledger, a_decision(plan, clock(), approver=BEN)) == Decided(
        state=PlanState.APPROVED
    )
    assert woken(ledger) == [("gatekeeper", 1, None), ("actor", 1, None)]
    with ledger.read() as session:
        found = moves.standing(session, plan.id)
        assert (found.proposal.obstacle, decisions.asks_again(found)) == ("", False)
        found.proposal.obstacle, found.proposal.state = Objection.APPROVER_LOST_RIGHT.value, "EXECUTING"
        assert not decisions.asks_again(found)


def test_two_accounts_of_one_human_are_one_signature(ledger, clock):
    plan = pending(ledger, clock, approvals_needed=2, tier=3)
    typed = {"typed": plan.digest[:6], "human": "ada@example.com"}
    assert decisions.decide(ledger, a_decision(plan, clock(), request=typed)) == Decided(
        state=PlanState.PENDING
    )
    other = a_decision(plan, clock(), approver=BEN, request=typed)
    assert decisions.decide(ledger, other) is Objection.SAME_HUMAN
    assert decisions.human_of(other) == "ada@example.com"
    assert decisions.human_of(a_decision(plan, clock())) == "T0OURS/U0ADA"


def test_decisions_are_read_back_as_they_were_given_in_the_order_they_were_made(ledger, clock):
    plan = pending(ledger, clock, approvals_needed=2, tier=3)
    given = []
    for who, salt in ((BEN, "5a17"), (ADA, "5a18")):
        words = {"reason": "in their own words", "reason_salt": salt, "mac": "5ea1"}
        digest = payloads.digest_of(words["reason"], salt)
        given.append(a_decision(plan, clock(), approver=who, reason_digest=digest, **words))
    for one in given:
        assert isinstance(decisions.decide(ledger, one), Decided)
    with ledger.read() as session:
        assert decisions.decisions_of(session, plan.id) == given
        stored = [row.body for row in session.exec(select(DecisionRow))]
    # The words themselves lie where they can be erased.
    assert [(body["reason"], body["reason_salt"]) for body in stored] == [("", "")] * 2
