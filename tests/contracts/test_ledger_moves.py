"""Moves between states: what they compare, whom they wake and what they say, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from agents.incident import Plan, Preview, Verdict
from agents.ledger import decisions, executions, incidents, investigations, lines, moves, previews
from agents.ledger.lines import EVERY, MOST_ASKING
from agents.ledger.moves import Move
from agents.ledger.previews import Posted
from agents.ledger.protocol import Agent, Objection, PlanState
from agents.ledger.store import Ledger
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_plans import anyone, approved, pending, state_of
from tests.contracts.test_ledger_record import reason_of, record, woken
from tests.support.plans import a_decision, a_delivery, a_plan, a_step, an_alert


def previewed(ledger: Ledger, clock: HandClock, n: int, severity: str = "critical") -> Plan:
    """A rehearsed draft of incident ``n``, for an object of its own; each is a second older."""
    clock.forward(-1)
    labels = {"alertname": "A", "namespace": "shop", "severity": severity}
    alert = an_alert(clock(), fingerprint=f"f{n}", labels=labels)
    incidents.accept(ledger, [a_delivery(clock(), alert, group_key=f"g{n}")])
    lease = investigations.take(ledger, n, "worker", 60)
    assert lease is not None
    plan = a_plan(clock(), incident=f"INC-{n}", nonce=f"{n:032x}", steps=(a_step(name=f"app-{n}"),))
    investigations.draft(ledger, lease, plan, "why")
    investigations.release(ledger, lease)
    shown = Preview(plan_id=plan.id, at=clock(), diffs=("d",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    return plan


def post(ledger: Ledger, plan: Plan) -> Objection | None:
    posted = Posted(channel_id="C", message_ts=plan.id, card_digest="c")
    return previews.mark_pending(ledger, plan.id, posted)


def test_a_place_that_became_free_wakes_the_drafts_that_wait_longest_for_one(ledger, clock):
    plans = [previewed(ledger, clock, n) for n in range(1, 2 * MOST_ASKING + 3)]
    shown, waiting, other = plans[:MOST_ASKING], plans[MOST_ASKING:-1], plans[-1]
    assert [post(ledger, plan) for plan in shown] == [None] * MOST_ASKING
    assert post(ledger, other) is Objection.CHANNEL_FULL
    assert not any(previews.ask_for_place(ledger, plan.id, "C") for plan in reversed(waiting))
    woken(ledger)
    decisions.decide(ledger, a_decision(shown[0], clock(), verdict=Verdict.DENY))
    longest = range(2 * MOST_ASKING + 1, MOST_ASKING + 1, -1)
    looks = [("gatekeeper", n, None) for n in longest]
    told = ("digest", 1, clock() + EVERY)
    assert woken(ledger) == [("gatekeeper", 1, None), ("investigator", 1, None), *looks, told]


def test_a_place_goes_to_the_gravest_and_among_equals_to_the_oldest(ledger, clock):
    for n in range(1, MOST_ASKING + 1):
        post(ledger, previewed(ledger, clock, n))
    grave = {MOST_ASKING + 3: "warning", MOST_ASKING + 2: "critical"}
    waiting = [
        previewed(ledger, clock, n, severity=grave.get(n, "none"))
        for n in range(MOST_ASKING + 1, MOST_ASKING + 5)
    ]
    assert not any(previews.ask_for_place(ledger, plan.id, "C") for plan in waiting)
    with ledger.read() as session:
        order = [one.incident - MOST_ASKING for one in lines.in_line(session, "C")]
    assert order == [2, 3, 4, 1], "each is a second older than the one before"
    with ledger.write() as tx:
        one = next(iter(lines.holders(tx.session, "C")))
        moves.cancel_open_plans(tx, one, "enough")
    shown = [previews.ask_for_place(ledger, plan.id, "C") for plan in waiting]
    assert shown == [False, True, False, False], "also where the others ask first"


def test_a_place_that_was_given_counts_before_the_card_is_up(ledger, clock):
    plans = [previewed(ledger, clock, n) for n in range(1, MOST_ASKING + 2)]
    assert [previews.ask_for_place(ledger, plan.id, "C") for plan in plans] == [True] * MOST_ASKING + [False]
    assert post(ledger, plans[-1]) is Objection.CHANNEL_FULL
    assert [post(ledger, plan) for plan in plans[:-1]] == [None] * MOST_ASKING


def test_who_is_next_is_looked_at_also_when_the_first_in_line_waits_no_more(ledger, clock):
    plans = [previewed(ledger, clock, n) for n in range(1, MOST_ASKING + 3)]
    for plan in plans:
        previews.ask_for_place(ledger, plan.id, "C")
    woken(ledger)
    with ledger.write() as tx:
        moves.cancel_open_plans(tx, MOST_ASKING + 1, "it resolved")
    assert ("gatekeeper", MOST_ASKING + 2, None) in woken(ledger)


def test_a_place_in_one_channel_is_none_in_another(ledger, clock):
    plans = [previewed(ledger, clock, n) for n in range(1, MOST_ASKING + 3)]
    for plan in plans:
        previews.ask_for_place(ledger, plan.id, "C")
    here, there = plans[-2:]
    assert previews.ask_for_place(ledger, there.id, "D")
    assert not previews.ask_for_place(ledger, here.id, "C")
    with ledger.read() as session:
        assert [one.incident for one in lines.in_line(session, "C")] == [MOST_ASKING + 1, MOST_ASKING + 2]


def test_no_place_becomes_free_by_what_was_not_waiting_for_a_signature(ledger, clock):
    plans = [previewed(ledger, clock, n) for n in range(1, MOST_ASKING + 2)]
    for plan in plans[:MOST_ASKING]:
        post(ledger, plan)
    assert not previews.ask_for_place(ledger, plans[-1].id, "C")
    woken(ledger)
    draft = previewed(ledger, clock, MOST_ASKING + 2)
    woken(ledger)
    assert previews.refuse_draft(ledger, draft.id, "no") is None
    assert woken(ledger) == [("gatekeeper", MOST_ASKING + 2, None), ("investigator", MOST_ASKING + 2, None)]


def test_a_card_that_is_up_is_looked_at_when_its_time_is_over(ledger, clock):
    plan = previewed(ledger, clock, 1)
    woken(ledger)
    assert post(ledger, plan) is None
    assert woken(ledger) == [("gatekeeper", 1, None), ("gatekeeper", 1, plan.pending_until)]
    assert reason_of(ledger, plan.id) == ("", clock(), 2)


def test_a_move_is_on_record_with_the_plan_and_its_incident(ledger, clock):
    plan = approved(ledger, clock)
    assert isinstance(executions.claim(ledger, plan.id, "actor-1", anyone), executions.Claim)
    body = {"from": "APPROVED", "to": "EXECUTING", "by": "actor", "reason": "actor-1", "digest": plan.digest}
    assert record(ledger, "any:plan:move")[-1] == ("any:plan:move", body, 1, plan.id)
    assert reason_of(ledger, plan.id) == ("actor-1", clock(), 4)


@pytest.mark.parametrize("change", ["version = version + 1", "state = 'DENIED'"])
def test_a_plan_that_changed_since_it_was_read_is_neither_moved_nor_hindered(ledger, clock, change):
    plan = pending(ledger, clock)
    with ledger.write() as tx:
        found = moves.standing(tx.session, plan.id)
        tx.session.connection().execute(text(f"UPDATE proposal SET {change}"))
        wanted = Move(plan_id=plan.id, to=PlanState.CANCELLED, by=Agent.INTAKE)
        assert moves.move(tx, wanted) is Objection.CHANGED_MEANWHILE
        if "version" in change:
            assert not moves.hinder(tx, found, "a lost right")
            assert found.proposal.obstacle == ""
    assert [body["to"] for _, body, *_ in record(ledger, "any:plan:move")] == ["PENDING"]


def test_what_stands_in_the_way_is_said_once_of_its_own_plan_until_it_moves(ledger, clock):
    plan, other = previewed(ledger, clock, 1), previewed(ledger, clock, 2)
    woken(ledger)
    for expected in (True, False):
        with ledger.write() as tx:
            assert moves.hinder(tx, moves.standing(tx.session, plan.id), "the channel is full") is expected
    assert woken(ledger) == [("gatekeeper", 1, None)]

    def obstacles() -> list[str]:
        with ledger.read() as session:
            return [moves.standing(session, one.id).proposal.obstacle for one in (plan, other)]

    assert obstacles() == ["the channel is full", ""]
    assert post(ledger, plan) is None
    assert obstacles() == ["", ""]


def test_an_agent_takes_no_edge_that_is_not_its_own(ledger, clock):
    plan = pending(ledger, clock)
    with ledger.write() as tx:
        for to, who, against in (
            (PlanState.EXECUTING, Agent.ACTOR, Objection.NO_SUCH_EDGE),
            (PlanState.APPROVED, Agent.INVESTIGATOR, Objection.NOT_YOURS),
        ):
            assert moves.move(tx, Move(plan_id=plan.id, to=to, by=who)) is against
    assert state_of(ledger, plan) is PlanState.PENDING


def test_an_approved_plan_is_looked_at_when_its_time_to_begin_is_over(ledger, clock):
    plan = pending(ledger, clock)
    woken(ledger)
    assert isinstance(decisions.decide(ledger, a_decision(plan, clock())), decisions.Decided)
    claim_by = clock() + timedelta(seconds=plan.claim_within_s)
    assert woken(ledger) == [("actor", 1, None), ("gatekeeper", 1, None), ("gatekeeper", 1, claim_by)]


def test_a_plan_under_another_id_than_its_bytes_give_is_not_what_it_says(ledger, clock):
    plan = pending(ledger, clock)
    with ledger.writer.begin() as connection:
        on = " ON plan" if ledger.writer.dialect.name != "sqlite" else ""
        connection.execute(text(f"DROP TRIGGER plan_no_update{on}"))
        evil = plan.canonical().replace(b"checkout:8", b"checkout:6")
        columns = {"c": evil, "d": moves.digest_of(evil)}
        connection.execute(text("UPDATE plan SET canonical = :c, digest = :d"), columns)
    with ledger.read() as session:
        assert moves.standing(session, plan.id) is Objection.TAMPERED


def test_the_plans_of_an_incident_are_told_oldest_first(ledger, clock):
    newer = pending(ledger, clock)
    clock.forward(-60)
    older = a_plan(clock(), nonce="1" * 32, steps=(a_step(name="other"),))
    lease = investigations.Lease(incident=1, owner="worker", token=1, until=clock())
    assert investigations.draft(ledger, lease, older, "why") == older.id
    with ledger.read() as session:
        assert moves.plan_ids(session, 1) == [older.id, newer.id]
        assert moves.plan_ids(session, 2) == []
