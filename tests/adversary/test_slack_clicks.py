"""Properly signed clicks that must not count: elsewhere, somebody else, too late (threats T9 to T14; P12)."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from agents.auditor.verify import verify
from agents.gatekeeper.clicks import Home, Person, Question, admissible
from agents.gatekeeper.desk import from_button
from agents.gatekeeper.payload import FORM, Unreadable, payload_of
from agents.gatekeeper.posting import advance
from agents.incident import Verdict
from agents.ledger import investigations
from agents.ledger.protocol import PlanState
from agents.ledger.roster import Entry, Roster
from agents.ledger.seals import SealKey
from agents.ledger.tags import Tag
from evals.world.slack.people import ADA, BEN, FOREIGN_TEAM, GUS, ROBO, SHARED, STELLA, WANDA
from evals.world.slack.wire import JsonObject
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.plans import a_plan

OURS, FOREIGN, MISSING, ODD = "ours", "foreign", "missing", "wrong type"
PLACES = (
    ("api_app_id",),
    ("team", "id"),
    ("user", "team_id"),
    ("enterprise", "id"),
    ("container", "channel_id"),
    ("container", "message_ts"),
    ("user", "id"),
)
WRONG_TYPES: tuple[Any, ...] = (7, True, 1.5, ["x"], {"id": "x"}, None)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDesk]:
    """One desk for all clicks that must not count; one that does fails the rest as well."""
    with front_desk(tmp_path_factory.mktemp("steady")) as made:
        yield made


def changed(payload: JsonObject, path: tuple[str, ...], how: str, odd: Any = 7) -> None:
    """Make one field of the payload foreign, missing or of a wrong type."""
    *above, name = path
    for step in above:
        payload = payload[step]
    if how == FOREIGN:
        payload[name] = "X0FOREIGN01"
    elif how == MISSING:
        del payload[name]
    elif how == ODD:
        payload[name] = odd


def over_socket(payload: JsonObject) -> JsonObject:
    found: JsonObject = json.loads(json.dumps(payload))
    return found


def over_http(payload: JsonObject) -> JsonObject:
    return payload_of(FORM, urlencode({"payload": json.dumps(payload)}).encode())


@pytest.mark.parametrize("read", [over_socket, over_http])
def test_p12_of_all_combinations_of_ours_and_not_only_all_ours_passes(
    read: Callable[[JsonObject], JsonObject],
) -> None:
    now = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
    home = Home(app_id="A1", team_id="T0OURS", enterprise_id="E1")
    honest = {
        "api_app_id": "A1",
        "team": {"id": "T0OURS"},
        "user": {"id": "U0ADA", "team_id": "T0OURS"},
        "enterprise": {"id": "E1"},
        "container": {"channel_id": "C1", "message_ts": "1.1"},
        "actions": [{"action_id": "approve", "value": "v"}],
    }
    plan = a_plan(now)
    # Made of all its bytes each time it is asked for; it is the same in all of sixteen thousand combinations.
    plan_id = plan.id
    question = Question(plan=plan, state=PlanState.PENDING, channel_id="C1", message_ts="1.1", home=home)
    flags = ("is_bot", "is_app_user", "is_workflow_bot", "is_guest", "is_stranger", "deleted")
    ada = Person(id="U0ADA", team_id="T0OURS", **dict.fromkeys(flags, False))
    entry = Entry(user_id="U0ADA", team_id="T0OURS", namespaces=frozenset({"shop"}))
    written = json.dumps(honest)
    passed, tried = [], 0
    for hows in itertools.product((OURS, FOREIGN, MISSING, ODD), repeat=len(PLACES)):
        payload = json.loads(written)
        for path, how in zip(PLACES, hows, strict=True):
            changed(payload, path, how, WRONG_TYPES[tried % len(WRONG_TYPES)])
        tried += 1
        try:
            click, _ = from_button(read(payload), Verdict.APPROVE)
        except Unreadable:
            # Over HTTP some wrong types are turned away before anybody asks what they mean.
            continue
        click = click.model_copy(update={"plan_id": plan_id})
        if admissible(click, question, (ada, Roster(approvers=(entry,))), now) is None:
            passed.append(hows)
    assert tried == 4**7
    assert passed == [(OURS,) * 7]


@pytest.mark.parametrize("how", [FOREIGN, MISSING, ODD])
@pytest.mark.parametrize("path", [p for p in PLACES if p != ("enterprise", "id")], ids=".".join)
def test_p12_one_foreign_field_of_a_signed_click_is_enough(
    steady: FrontDesk, path: tuple[str, ...], how: str
) -> None:
    payload = steady.click()
    changed(payload, path, how)
    refused = len(steady.said(Tag.CLICK_REFUSED))
    status, _ = steady.post(steady.forge.request(payload))
    assert status in {200, 400}
    assert steady.state() is PlanState.PENDING
    assert len(steady.said(Tag.CLICK_REFUSED)) == refused + (status == 200)


@pytest.mark.parametrize("enterprise", [{"id": "E0FOREIGN"}, {"id": 7}, {}, "E0FOREIGN", ["E"], 7, False])
def test_p12_a_workspace_outside_an_enterprise_is_named_by_nothing_else(
    steady: FrontDesk, enterprise: Any
) -> None:
    status, _ = steady.post(steady.forge.request(steady.click() | {"enterprise": enterprise}))
    assert status in {200, 400}
    assert steady.state() is PlanState.PENDING


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (STELLA, "another workspace"),
        (GUS, "guests"),
        (WANDA, "guests"),
        (ROBO, "only people"),
        ("U0MIDWATCH01", "only people"),
        ("U0DORA00001", "deactivated"),
    ],
)
def test_t09_t11_strangers_guests_and_bots_are_refused_on_record(
    steady: FrontDesk, who: str, words: str
) -> None:
    roster = steady.settings.roster_file
    assert roster is not None
    before = roster.read_text()
    try:
        # On the roster, so that nothing but the account itself speaks against the click.
        roster.write_text(before.replace(BEN, who))
        assert steady.post(steady.forge.request(steady.click(who)))[0] == 200
    finally:
        roster.write_text(before)
    assert words in steady.said(Tag.CLICK_REFUSED)[-1]
    assert steady.state() is PlanState.PENDING


@pytest.mark.parametrize("flag", ["is_app_user", "is_workflow_bot", "is_stranger", "is_restricted"])
def test_t11_each_mark_of_an_account_is_enough(desk: FrontDesk, flag: str) -> None:
    desk.slack.call(lambda: desk.slack.workspace.user(ADA).update({flag: True}))
    assert desk.post(desk.forge.request(desk.click()))[0] == 200
    assert desk.state() is PlanState.PENDING
    assert len(desk.said(Tag.CLICK_REFUSED)) == 1


def test_t09_a_click_of_ours_through_a_foreign_team_is_refused(steady: FrontDesk) -> None:
    for changes in ({"team": {"id": FOREIGN_TEAM}}, {"user": {"team_id": FOREIGN_TEAM}}):
        assert steady.post(steady.forge.request(steady.click(changes=changes)))[0] == 200
        assert "another workspace" in steady.said(Tag.CLICK_REFUSED)[-1]
    assert steady.state() is PlanState.PENDING


def test_t10_a_card_copied_elsewhere_or_made_by_others_is_refused(steady: FrontDesk, tmp_path: Path) -> None:
    value = steady.office.seal.button(steady.plan.id)
    copy_ts = str(
        steady.run(steady.office.slack.client.chat_postMessage(channel=SHARED, text="a copy"))["ts"]
    )
    forged = SealKey.load(tmp_path / "another").button(steady.plan.id)
    clicks = {
        "not the message": steady.click(channel=SHARED, ts=copy_ts, value=value),
        "another app": steady.click(changes={"api_app_id": "A0EVIL"}),
        "not made by": steady.click(value=forged),
    }
    for words, payload in clicks.items():
        assert steady.post(steady.forge.request(payload))[0] == 200
        assert words in steady.said(Tag.CLICK_REFUSED)[-1]
    assert steady.state() is PlanState.PENDING


def at_once(desk: FrontDesk, *payloads: JsonObject) -> None:
    threads = [threading.Thread(target=desk.forge.deliver, args=(payload,)) for payload in payloads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_t12_a_double_click_and_two_approvers_at_once_decide_once(desk: FrontDesk) -> None:
    at_once(desk, desk.click(), desk.click(), desk.click(BEN), desk.click(BEN))
    assert desk.state() is PlanState.APPROVED
    assert len(desk.decided()) == 1
    assert len(desk.said(Tag.PLAN_DECIDED)) == 1
    assert len(desk.said(Tag.CLICK_REFUSED)) == 3
    assert verify(desk.ledger).ok


def test_t12_a_deny_beside_an_approval_wins(desk: FrontDesk) -> None:
    ben = desk.person(BEN)
    assert ben.click(ben.wait_for_button("reject")).ok
    view = ben.wait_for_view("reject")
    denial = threading.Thread(target=ben.submit, args=(view["id"], {"reason": "no"}))
    denial.start()
    desk.forge.deliver(desk.click(ADA))
    denial.join()
    assert desk.state() is PlanState.DENIED
    assert verify(desk.ledger).ok


def test_t13_a_click_after_the_time_to_sign_is_refused(tmp_path: Path) -> None:
    with front_desk(tmp_path) as desk:
        payload, late = desk.click(), desk.plan.pending_until + timedelta(milliseconds=1)
        desk.ledger._clock = lambda: late
        assert desk.forge.deliver(payload).acknowledged
        assert "the time to sign has passed" in desk.said(Tag.CLICK_REFUSED)[-1]
        assert desk.decided() == []
        desk.run(advance(desk.office, 1))
        assert desk.state() is PlanState.EXPIRED
        assert desk.forge.deliver(desk.click(ts=desk.card_ts)).acknowledged
        assert "EXPIRED" in desk.said(Tag.CLICK_REFUSED)[-1]


def test_t14_a_click_on_a_superseded_plan_is_refused(desk: FrontDesk) -> None:
    payload = desk.click()
    lease = investigations.take(desk.ledger, 1, "the test", 60)
    assert lease is not None
    investigations.draft(desk.ledger, lease, a_plan(desk.ledger.now(), nonce="1" * 32), "better")
    assert desk.forge.deliver(payload).acknowledged
    assert "SUPERSEDED" in desk.said(Tag.CLICK_REFUSED)[-1]
    assert desk.state() is PlanState.SUPERSEDED
    assert desk.decided() == []


def test_a_rejection_whose_modal_names_another_place_is_refused(desk: FrontDesk) -> None:
    ada = desk.person()
    assert ada.click(ada.wait_for_button("reject")).ok
    view = ada.wait_for_view("reject")
    for private in ('"text"', "[]", "nothing", '{"value": 7}', '{"channel": "C", "ts": "1"}'):
        payload = desk.forge.submission(ADA, view["id"], {"reason": "no"})
        payload["view"]["private_metadata"] = private
        answer = desk.forge.deliver(payload)
        assert answer.acknowledged
        assert "errors" in (answer.response or {}), private
    assert desk.state() is PlanState.PENDING
