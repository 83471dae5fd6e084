"""Who signs: one human under several names, whoever asked, look-alikes, and people who left (P5, P6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.actor.hands import Hands
from agents.gatekeeper.posting import advance
from agents.gatekeeper.vouching import vouch
from agents.incident import Approver
from agents.ledger import accounts, decisions, executions
from agents.ledger.accounts import CLAIM_MAY_RELY_ON, LOOK_EVERY
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.roster import Entry, Roster
from agents.ledger.story import story
from agents.ledger.tags import Tag
from evals import oncall
from evals.world.slack.people import ADA, BEN, MIA
from evals.world.slack.wire import JsonObject
from midwatch.wiring import seal_of
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.plans import a_plan
from tools.slack import Slack

NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        yield made


def roster(desk: FrontDesk, *people: dict[str, Any]) -> None:
    team = {"team_id": desk.slack.credentials.team_id, "namespaces": ["*"], "tiers": [1, 2, 3]}
    assert desk.settings.roster_file is not None
    text = yaml.safe_dump({"approvers": [{**team, **one} for one in people]})
    desk.settings.roster_file.write_text(text, encoding="utf-8")


def hands(desk: FrontDesk) -> Hands:
    """An actor's right to check rights; it has no cluster here, and needs none for a claim."""
    assert desk.settings.roster_file is not None
    return Hands(
        ledger=desk.ledger,
        cluster=None,  # type: ignore[arg-type]
        actor_id="actor-1",
        seal=seal_of(desk.settings),
        roster_file=desk.settings.roster_file,
        halt_file=desk.settings.halt_file,
    )


def claimed(desk: FrontDesk) -> Claim | Objection:
    return executions.claim(desk.ledger, desk.plan.id, "actor-1", hands(desk).still_valid)


def later(desk: FrontDesk, by: timedelta) -> None:
    """Let the ledger's clock go on; the approval itself stays as old as the protocol allows."""
    now = desk.ledger.now()
    desk.ledger._clock = lambda: now + by


def test_t48_whoever_asked_for_a_change_cannot_sign_it(tmp_path: Path) -> None:
    with front_desk(tmp_path, requester=ADA) as desk:
        assert desk.post(desk.forge.request(desk.click(ADA)))[0] == 200
        assert "whoever asked" in desk.said(Tag.CLICK_REFUSED)[-1]
        assert desk.state() is PlanState.PENDING
        assert oncall.approve(desk.person(BEN), 10).ok
        assert desk.state() is PlanState.APPROVED


def test_t48_nor_through_another_account_of_the_same_person(tmp_path: Path) -> None:
    with front_desk(tmp_path, requester=ADA) as desk:
        roster(desk, {"user_id": ADA, "person": "ada", "tiers": []}, {"user_id": BEN, "person": "ada"})
        assert desk.post(desk.forge.request(desk.click(BEN)))[0] == 200
        assert "whoever asked" in desk.said(Tag.CLICK_REFUSED)[-1]
        assert desk.state() is PlanState.PENDING


def test_t48_a_link_that_is_found_after_the_click_holds_at_the_claim(tmp_path: Path) -> None:
    with front_desk(tmp_path, requester=ADA) as desk:
        assert oncall.approve(desk.person(BEN), 10).ok
        roster(desk, {"user_id": ADA, "person": "ada", "tiers": []}, {"user_id": BEN, "person": "ada"})
        assert claimed(desk) is Objection.APPROVER_LOST_RIGHT


def test_two_accounts_of_one_human_are_one_signature(tmp_path: Path) -> None:
    with front_desk(tmp_path, tier=3, approvals_needed=2) as desk:
        roster(desk, {"user_id": ADA, "person": "ada"}, {"user_id": BEN, "person": "ada"}, {"user_id": MIA})
        assert oncall.approve(desk.person(ADA), 10).ok
        second = oncall.approve(desk.person(BEN), 10)
        assert "the same person signed already" in str(second.errors)
        assert desk.state() is PlanState.PENDING
        assert oncall.approve(desk.person(MIA), 10).ok
        assert desk.state() is PlanState.APPROVED


PEOPLE = st.lists(st.sampled_from(["", "ada", "ben"]), min_size=3, max_size=6)


@settings(max_examples=200, deadline=None)
@given(PEOPLE, st.integers(0, 5))
def test_t48_over_all_identity_graphs_nobody_linked_to_whoever_asked_signs(
    links: list[str], who: int
) -> None:
    plan = a_plan(NOW, requester=f"U{who % len(links)}")
    people = tuple(
        Entry(user_id=f"U{n}", team_id="T", person=link, namespaces=frozenset({"*"}))
        for n, link in enumerate(links)
    )
    asked = people[who % len(links)]
    known = Roster(approvers=people)
    for one in people:
        linked = one.user_id == asked.user_id or (one.person and one.person == asked.person)
        assert known.asked(Approver(team_id="T", user_id=one.user_id), plan) is bool(linked)


def test_t20_an_approver_taken_off_the_roster_after_the_click_does_not_count(desk: FrontDesk) -> None:
    assert oncall.approve(desk.person(ADA), 10).ok
    roster(desk, {"user_id": BEN})
    assert claimed(desk) is Objection.APPROVER_LOST_RIGHT
    assert desk.said(Tag.CLAIM_REFUSED)
    desk.run(advance(desk.office, 1))
    assert "Somebody else who may sign can approve it now" in card(desk)
    assert oncall.approve(desk.person(BEN), 10).ok
    assert desk.decided() == [ADA, BEN]
    assert isinstance(claimed(desk), Claim)


def test_t20_nobody_steps_in_for_an_approval_that_holds(desk: FrontDesk) -> None:
    payload = desk.click(BEN)
    assert oncall.approve(desk.person(ADA), 10).ok
    assert desk.post(desk.forge.request(payload))[0] == 200
    assert "already decided" in desk.said(Tag.CLICK_REFUSED)[-1]
    assert desk.decided() == [ADA]


def test_t20_an_account_that_was_deactivated_after_the_click_is_seen_before_the_claim(
    desk: FrontDesk,
) -> None:
    assert oncall.approve(desk.person(ADA), 10).ok
    desk.slack.call(lambda: desk.slack.workspace.user(ADA).update({"deleted": True}))
    later(desk, LOOK_EVERY)
    desk.run(advance(desk.office, 1))
    assert len(desk.said(Tag.APPROVER_LOST)) == 1
    assert claimed(desk) is Objection.APPROVER_LOST_RIGHT


def test_p5_what_was_seen_too_long_ago_does_not_count_and_what_was_looked_at_again_does(
    tmp_path: Path,
) -> None:
    with front_desk(tmp_path, claim_within_s=3600) as desk:
        assert oncall.approve(desk.person(ADA), 10).ok
        later(desk, CLAIM_MAY_RELY_ON + timedelta(seconds=1))
        assert claimed(desk) is Objection.APPROVER_LOST_RIGHT
        desk.run(advance(desk.office, 1))
        assert isinstance(claimed(desk), Claim)


def test_p5_when_slack_does_not_answer_nothing_is_vouched_for(tmp_path: Path) -> None:
    with front_desk(tmp_path, claim_within_s=3600) as desk:
        assert oncall.approve(desk.person(ADA), 10).ok
        later(desk, CLAIM_MAY_RELY_ON + timedelta(seconds=1))

        away = replace(desk.office, slack=Slack.open("xoxb-none", "http://127.0.0.1:1/api/"))
        told = story(desk.ledger, 1)
        assert told is not None
        desk.run(vouch(away, told))
        assert claimed(desk) is Objection.APPROVER_LOST_RIGHT


def test_t18_a_look_at_an_account_that_was_written_into_the_database_vouches_for_nobody(
    desk: FrontDesk,
) -> None:
    assert oncall.approve(desk.person(ADA), 10).ok
    forged = accounts.Seen(approver=approver(desk), good=True, at=desk.ledger.now(), mac="0" * 64)
    accounts.record(desk.ledger, 1, forged)
    assert claimed(desk) is Objection.APPROVER_LOST_RIGHT


def test_t21_a_name_decides_nothing_only_the_account_does(desk: FrontDesk) -> None:
    looks = {"name": "ada", "real_name": "Ada Okafor", "profile": {"email": "ada@shop.example"}}
    desk.slack.call(lambda: desk.slack.workspace.user(MIA).update(looks))
    roster(desk, {"user_id": ADA, "name": "Ada Okafor"})
    assert desk.post(desk.forge.request(desk.click(MIA)))[0] == 200
    assert "not on the roster" in desk.said(Tag.CLICK_REFUSED)[-1]
    assert desk.state() is PlanState.PENDING


@pytest.mark.parametrize("text", ["", "approvers: []", "approvers: [", "approvers: [{name: Ada Okafor}]"])
def test_t21_a_roster_that_cannot_be_used_lets_nobody_sign(desk: FrontDesk, text: str) -> None:
    assert desk.settings.roster_file is not None
    desk.settings.roster_file.write_text(text, encoding="utf-8")
    assert desk.post(desk.forge.request(desk.click(ADA)))[0] == 200
    assert "not on the roster" in desk.said(Tag.CLICK_REFUSED)[-1]
    desk.person().wait_for_ephemeral("who may: nobody")
    assert desk.decided() == []


def approver(desk: FrontDesk) -> Approver:
    with desk.ledger.read() as session:
        return decisions.decisions_of(session, desk.plan.id)[0].approver


def card(desk: FrontDesk) -> str:
    message: JsonObject = desk.slack.workspace.message(desk.office.channel_id, desk.card_ts)
    return json.dumps(message)
