"""Signatures that are handed in without the chat, on both databases: what counts, and what the claim says."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from agents.auditor.verify import verify
from agents.gatekeeper.explaining import Against
from agents.gatekeeper.signed import Heard, Reply
from agents.incident import Approver, Verdict
from agents.ledger import accounts, decisions
from agents.ledger.accounts import Seen
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger
from agents.ledger.tables import DecisionRow
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.support.by_key import KEYS, TEAM, ByKey, by_key, entry, events
from tests.support.plans import ADA, a_decision

FIT = dict.fromkeys(("is_bot", "is_app_user", "is_workflow_bot", "is_guest", "is_stranger", "deleted"), False)


@pytest.fixture
def at(tmp_path: Path, ledger: Ledger) -> ByKey:
    return by_key(tmp_path, ledger)


async def test_a_signature_approves_and_the_record_carries_it(at: ByKey) -> None:
    statement = at.said()
    reply = await at.hand_in(statement)
    assert (reply.heard, reply.words) == (Heard.COUNTED, "APPROVED")
    assert at.state() is PlanState.APPROVED
    told = events(at, Tag.PLAN_DECIDED)[0]
    assert told["statement"] == statement.text()
    assert told["signature"] == statement.signed(KEYS["U0ADA"])
    assert isinstance(at.claim(), Claim)
    assert verify(at.ledger).ok


async def test_a_statement_counts_once(at: ByKey) -> None:
    statement = at.said(verdict=Verdict.DENY)
    assert (await at.hand_in(statement)).heard is Heard.COUNTED
    again = await at.hand_in(statement)
    assert again.heard is Heard.REFUSED
    assert "already decided" in again.words
    assert at.decided() == ["U0ADA"]
    assert len(events(at, Tag.REPLAY_REFUSED)) == 1


async def test_the_number_of_a_statement_serves_once_whatever_else_it_says(
    tmp_path: Path, ledger: Ledger
) -> None:
    at = by_key(tmp_path, ledger, tier=3, approvals_needed=2)
    first = at.said()
    assert (await at.hand_in(first)).heard is Heard.COUNTED
    second = await at.hand_in(at.said(nonce=first.nonce, verdict=Verdict.DENY))
    assert second == Reply(heard=Heard.REFUSED, words=Against(why=Objection.REPLAYED).words)
    assert at.state() is PlanState.PENDING


async def test_one_human_counts_once_by_click_and_by_key(tmp_path: Path, ledger: Ledger) -> None:
    at = by_key(tmp_path, ledger, tier=3, approvals_needed=2)
    clicked = a_decision(at.plan, ledger.now(), approver=ADA)
    decisions.decide(ledger, at.bench.seal.sealed(clicked))
    assert (await at.hand_in()).words == Against(why=Objection.DUPLICATE).words
    at.roster(entry("U0ADA", person="ada"), entry("U0BEN", person="ada"))
    assert at.state() is PlanState.PENDING


async def test_two_people_sign_a_tier_three_by_key_however_far_apart(
    tmp_path: Path, ledger: Ledger, clock: HandClock
) -> None:
    at = by_key(tmp_path, ledger, tier=3, approvals_needed=2)
    assert (await at.hand_in()).words == "PENDING"
    # Longer than a look at an account may be old: the key in the roster vouches for the first signature.
    clock.forward(20 * 60)
    assert (await at.hand_in(at.said(user_id="U0BEN"))).words == "APPROVED"
    assert isinstance(at.claim(), Claim)


async def test_a_deny_by_key_wins_until_the_claim(at: ByKey) -> None:
    assert (await at.hand_in()).words == "APPROVED"
    reply = await at.hand_in(at.said(user_id="U0BEN", verdict=Verdict.DENY), reason="the canary looks bad")
    assert (reply.heard, reply.words) == (Heard.COUNTED, "DENIED")
    assert not isinstance(at.claim(), Claim)
    with at.ledger.read() as session:
        kept = decisions.decisions_of(session, at.plan.id)[1]
    assert kept.reason == "the canary looks bad"
    assert verify(at.ledger).ok


async def test_t20_a_key_taken_off_the_roster_after_the_signature_does_not_count(at: ByKey) -> None:
    assert (await at.hand_in()).words == "APPROVED"
    at.roster(entry("U0ADA", key=""), entry("U0BEN"))
    assert at.claim() is Objection.APPROVER_LOST_RIGHT
    assert (await at.hand_in(at.said(user_id="U0BEN"))).heard is Heard.COUNTED, "somebody else steps in"
    assert isinstance(at.claim(), Claim)


def looked(at: ByKey, *, good: bool) -> None:
    who = Approver(team_id=TEAM, user_id="U0ADA")
    accounts.record(at.ledger, 1, at.bench.seal.vouched(Seen(approver=who, good=good, at=at.ledger.now())))


async def test_t20_an_account_that_is_seen_unfit_after_the_signature_does_not_count(
    at: ByKey, clock: HandClock
) -> None:
    assert (await at.hand_in()).words == "APPROVED"
    clock.forward(1)
    looked(at, good=False)
    assert at.claim() is Objection.APPROVER_LOST_RIGHT


async def test_t18_a_signed_decision_that_was_bent_in_the_database_quarantines_the_plan(at: ByKey) -> None:
    assert (await at.hand_in()).words == "APPROVED"
    on = "" if at.ledger.writer.dialect.name == "sqlite" else " ON decision"
    with at.ledger.write() as tx:
        # Whoever owns the database can take the trigger away as well.
        tx.session.connection().execute(text(f"DROP TRIGGER decision_no_update{on}"))
        row = tx.session.exec(select(DecisionRow)).one()
        row.body = {**row.body, "request": {**row.body["request"], "account": "seen"}}
        tx.session.add(row)
    assert at.claim() is Objection.TAMPERED
    assert at.state() is PlanState.QUARANTINED
