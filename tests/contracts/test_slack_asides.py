"""Details, Snooze and a word on the diagnosis: clicked in the pretend Slack, over both ways in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from agents.gatekeeper.asides import details, judge, rest
from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.explaining import Against
from agents.gatekeeper.posting import advance
from agents.incident import Approver, Diagnosis, Outcome, Recovery
from agents.ledger import feedback, investigations, snooze
from agents.ledger.feedback import Grade
from agents.ledger.tags import Tag
from evals.world.slack.people import ADA, BEN, GUS, INCIDENTS, MIA
from evals.world.slack.wire import JsonObject
from tests.contracts.test_slack_questions import by_socket
from tests.support.front_desk import FrontDesk, front_desk

HOUR = "1h"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as opened:
        yield opened


def ended(desk: FrontDesk) -> None:
    """The incident was diagnosed and is over; the card says so."""
    ledger = desk.ledger
    lease = investigations.take(ledger, 1, "the test", 60)
    assert lease is not None
    investigations.write_diagnosis(ledger, lease, 1, Diagnosis(cause=None, confidence="none"))
    over = Outcome(recovery=Recovery.RECOVERED, at=ledger.now(), sentence="It is over.")
    investigations.close(ledger, lease, over)
    desk.run(advance(desk.office, 1))


def judged(session: Session) -> dict[str, Grade]:
    return {one.by.user_id: one.grade for one in feedback.of_incident(session, 1)}


def chosen(desk: FrontDesk, who: str, value: str) -> JsonObject:
    """A click as the listener is handed it."""
    home = desk.office.home
    return {
        "api_app_id": home.app_id,
        "team": {"id": home.team_id},
        "user": {"id": who, "team_id": home.team_id},
        "container": {"channel_id": INCIDENTS, "message_ts": desk.card_ts},
        "actions": [
            {"action_id": "judge-wrong", "value": value, "selected_option": {"value": f"1h:{value}"}}
        ],
        "trigger_id": "t",
    }


def test_details_show_the_one_who_asks_all_digests_and_links(desk: FrontDesk) -> None:
    mia = desk.person(MIA)
    assert mia.click(mia.wait_for_button("details")).ok
    shown = json.dumps(mia.wait_for_view("details"))
    assert desk.plan.digest in shown
    assert f"{desk.office.public_url}/incidents/1" in shown
    assert desk.person(ADA).open_views() == []


def test_a_snooze_is_seen_on_the_card_and_kept_in_the_record(desk: FrontDesk) -> None:
    ada = desk.person()
    button = ada.wait_for_button("snooze")
    options = [one for block in button.message["blocks"] for one in block.get("elements", [])]
    (menu,) = [one for one in options if one.get("action_id") == "snooze"]
    (hour,) = [one["value"] for one in menu["options"] if one["value"].startswith(HOUR)]
    assert ada.click(button, value=hour).ok
    (said,) = desk.said(Tag.CALLS_SNOOZED)
    assert ADA in said
    desk.run(advance(desk.office, 1))
    assert ada.wait_for_message(lambda message: "Calls rest  " in json.dumps(message))
    with desk.ledger.read() as session:
        kept = snooze.of_incident(session, 1)
    assert kept is not None
    assert kept.until is not None
    assert kept.holds(kept.at)
    assert not kept.holds(kept.until)


def test_only_those_who_may_sign_let_calls_rest(desk: FrontDesk) -> None:
    value = desk.office.seal.button("INC-1")
    told = desk.run(rest(desk.office, chosen(desk, MIA, value), "n1"))
    assert told == Against(why=Refusal.NOT_ON_ROSTER).words
    assert desk.said(Tag.CALLS_SNOOZED) == []
    assert len(desk.said(Tag.CLICK_REFUSED)) == 1


@pytest.mark.parametrize("handle", [details, rest, judge])
def test_an_aside_from_elsewhere_does_nothing_and_says_why(desk: FrontDesk, handle: object) -> None:
    assert callable(handle)
    good = desk.office.seal.button("INC-1")
    cases = {
        Refusal.FORGED: chosen(desk, ADA, "INC-1.made up"),
        Refusal.WRONG_APP: chosen(desk, ADA, good) | {"api_app_id": "A0OTHER"},
        Refusal.FOREIGN_WORKSPACE: chosen(desk, ADA, good) | {"team": {"id": "T0OTHER"}},
        Refusal.WRONG_PLACE: chosen(desk, ADA, good)
        | {"container": {"channel_id": INCIDENTS, "message_ts": "1.1"}},
        Refusal.GUEST: chosen(desk, GUS, good),
        Refusal.UNKNOWN_PERSON: chosen(desk, "U0NOBODY", good),
    }
    # A plan's button says nothing about an incident.
    plans = chosen(desk, ADA, desk.office.seal.button(desk.plan.id))
    for number, (why, payload) in enumerate([*cases.items(), (Refusal.FORGED, plans)]):
        assert desk.run(handle(desk.office, payload, f"n{number}")) == Against(why=why).words
    assert desk.said(Tag.CALLS_SNOOZED, Tag.DIAGNOSIS_GRADED) == []


def test_after_the_end_people_say_whether_the_diagnosis_was_right(desk: FrontDesk) -> None:
    assert "judge-right" not in json.dumps(desk.person().messages(INCIDENTS))
    ended(desk)
    for who, action in ((ADA, "judge-right"), (MIA, "judge-partly"), (ADA, "judge-wrong")):
        person = desk.person(who)
        assert person.click(person.wait_for_button(action)).ok
    with desk.ledger.read() as session:
        assert judged(session) == {ADA: Grade.WRONG, MIA: Grade.PARTLY}
    desk.run(advance(desk.office, 1))
    shown = desk.person(BEN).wait_for_message(lambda message: "Partly right (1)" in json.dumps(message))
    assert "Wrong (1)" in json.dumps(shown)


def test_an_old_word_that_comes_again_does_not_replace_a_newer_one(desk: FrontDesk) -> None:
    ended(desk)
    value = desk.office.seal.button("INC-1")
    assert desk.run(judge(desk.office, chosen(desk, ADA, value), "n1")) is None
    who = Approver(team_id=desk.office.home.team_id, user_id=ADA)
    feedback.judge(desk.ledger, 1, who, Grade.RIGHT)
    assert desk.run(judge(desk.office, chosen(desk, ADA, value), "n1")) is None
    with desk.ledger.read() as session:
        assert judged(session) == {ADA: Grade.RIGHT}


def test_where_nothing_was_diagnosed_there_is_nothing_to_judge(desk: FrontDesk) -> None:
    value = desk.office.seal.button("INC-1")
    answer = desk.run(judge(desk.office, chosen(desk, ADA, value), "n1"))
    assert answer == "Not counted: INC-1 has no diagnosis to judge."


def test_asides_come_in_over_socket_mode_as_well(desk: FrontDesk) -> None:
    ada, ben = desk.person(), desk.person(BEN)

    def clicks() -> None:
        assert ada.click(ada.wait_for_button("details")).ok
        assert ada.wait_for_view("details")
        button = ben.wait_for_button("snooze")
        menus = [one for block in button.message["blocks"] for one in block.get("elements", [])]
        (over,) = [
            option["value"]
            for menu in menus
            for option in menu.get("options", [])
            if option["value"].startswith("over:")
        ]
        assert ben.click(button, value=over).ok

    async def scene() -> None:
        async with by_socket(desk):
            await asyncio.to_thread(clicks)

    desk.run(scene())
    with desk.ledger.read() as session:
        kept = snooze.of_incident(session, 1)
    assert kept is not None
    assert (kept.by.user_id, kept.until) == (BEN, None)
