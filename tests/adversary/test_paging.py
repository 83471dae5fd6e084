"""People are called by name, once, when only they can help (P10, T17)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from agents.gatekeeper.posting import advance
from agents.incident import Approver
from agents.ledger import decisions, executions, snooze
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.snooze import Rest
from agents.ledger.tags import Tag
from evals.world.slack.people import ADA, BEN, MIA, ONCALL_GROUP
from evals.world.slack.wire import JsonObject
from tests.adversary.test_approvers import roster
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.plans import a_decision


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        yield made


def calls(desk: FrontDesk) -> list[JsonObject]:
    """The thread's entries that call somebody by name; a card that is edited calls nobody."""
    seen = [one for one in desk.person().messages() if one.get("thread_ts") not in {None, one["ts"]}]
    return [one for one in seen if '"type": "user"' in json.dumps(one)]


def lost(desk: FrontDesk) -> None:
    """The plan was begun, its actor is gone for good, and nobody can tell what became of it."""
    decisions.decide(desk.ledger, a_decision(desk.plan, desk.ledger.now()))
    held = executions.claim(desk.ledger, desk.plan.id, "actor-1", lambda _plan, _decision: True)
    assert isinstance(held, Claim)
    executions.intend(desk.ledger, held, 1, "b" * 64)
    over = held.lease_until + timedelta(seconds=executions.IN_FLIGHT_S + 1)
    desk.ledger._clock = lambda: over
    assert executions.give_up(desk.ledger, desk.plan.id, "no sign of life") is None


def test_an_unknown_calls_nobody_before_reading_has_failed_and_then_once(desk: FrontDesk) -> None:
    lost(desk)
    desk.run(advance(desk.office, 1))
    assert desk.state() is PlanState.UNKNOWN
    assert calls(desk) == []
    for _ in range(2):
        executions.call_for_help(desk.ledger, desk.plan.id, "it carries neither our mark nor what was before")
        desk.run(advance(desk.office, 1))
    (call,) = calls(desk)
    assert call["thread_ts"] == desk.card_ts
    assert ADA in json.dumps(call["blocks"])
    assert BEN in json.dumps(call["blocks"])
    card = json.dumps(desk.slack.workspace.message(desk.office.channel_id, desk.card_ts))
    assert "neither our mark" in card
    assert len(desk.said(Tag.HELP_WANTED)) == 1
    assert len(desk.said(Tag.HUMAN_PAGED)) == 1


def test_whoever_is_to_be_woken_is_called_once_when_a_plan_waits_and_not_while_calls_rest(
    desk: FrontDesk,
) -> None:
    roster(desk, {"group": ONCALL_GROUP, "wake": True}, {"user_id": MIA})
    snooze.rest(desk.ledger, 1, Approver(team_id="T0OURS", user_id=ADA), Rest.QUARTER)
    desk.run(advance(desk.office, 1))
    assert desk.said(Tag.HUMAN_PAGED) == []
    later = desk.ledger.now() + timedelta(minutes=15, seconds=1)
    desk.ledger._clock = lambda: later
    for _ in range(2):
        desk.run(advance(desk.office, 1))
    (call,) = (one for one in desk.person().messages() if '"usergroup"' in json.dumps(one))
    assert call["thread_ts"] == desk.card_ts
    assert "waits for a signature until" in json.dumps(call["blocks"])
    assert MIA not in json.dumps(call["blocks"])
    assert len(desk.said(Tag.HUMAN_PAGED)) == 1


def test_t17_bytes_that_were_bent_call_people_once(desk: FrontDesk) -> None:
    with desk.ledger.writer.begin() as connection:
        connection.execute(text("DROP TRIGGER plan_no_update"))
        evil = desk.plan.canonical().replace(b"checkout:8", b"checkout:6")
        connection.execute(text("UPDATE plan SET canonical = :c"), {"c": evil})
    decision = a_decision(desk.plan, desk.ledger.now())
    assert decisions.decide(desk.ledger, decision) is Objection.TAMPERED
    for _ in range(2):
        desk.run(advance(desk.office, 1))
    (call,) = calls(desk)
    assert "set aside" in json.dumps(call["blocks"])
    assert len(desk.said(Tag.HUMAN_PAGED)) == 1
