"""From tier 2 on a click only opens a form; what counts is the typed digest of what the form shows (P7)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.auditor.verify import verify
from agents.gatekeeper.posting import advance
from agents.ledger import decisions, guards
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.tags import Tag
from evals import oncall
from evals.world.slack.people import ADA, BEN
from evals.world.slack.wire import JsonObject
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.plans import a_decision


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path, tier=2) as made:
        yield made


def opened(desk: FrontDesk, who: str = ADA) -> JsonObject:
    """The form that a click of this person opens."""
    person = desk.person(who)
    assert person.click(person.wait_for_button("approve")).ok
    return person.wait_for_view("approve")


def submitted(desk: FrontDesk, form: JsonObject, who: str = ADA, **private: Any) -> JsonObject:
    """The form sent by anybody, with the right digits and its private part changed as wanted."""
    payload = desk.forge.submission(who, form["id"], {"typed": desk.plan.digest[:6]})
    before = json.loads(payload["view"]["private_metadata"])
    payload["view"]["private_metadata"] = json.dumps(before | private)
    return payload


def refused(desk: FrontDesk, payload: JsonObject, words: str) -> None:
    answer = desk.forge.deliver(payload)
    assert answer.acknowledged
    assert words in str((answer.response or {})["errors"])
    assert desk.state() is PlanState.PENDING
    assert desk.decided() == []


def test_t44_a_click_alone_signs_no_tier_two(desk: FrontDesk) -> None:
    form = opened(desk)
    assert desk.state() is PlanState.PENDING
    assert desk.decided() == []
    assert oncall.digits(form) == desk.plan.digest[:6]
    assert desk.person().submit(form["id"], {"typed": oncall.digits(form)}).ok
    assert desk.state() is PlanState.APPROVED
    with desk.ledger.read() as session:
        kept = decisions.decisions_of(session, desk.plan.id)[0]
    assert kept.request["typed"] == desk.plan.digest[:6]
    assert desk.office.seal.holds(kept)
    assert verify(desk.ledger).ok


@pytest.mark.parametrize("typed", ["000000", "ABCDEF", "zzzzzz", "      "])
def test_wrong_digits_are_a_complaint_in_the_form_and_decide_nothing(desk: FrontDesk, typed: str) -> None:
    form = opened(desk)
    answer = desk.person().submit(form["id"], {"typed": typed})
    assert "not the first six digits" in answer.errors["digits"]
    assert desk.state() is PlanState.PENDING
    assert desk.decided() == []
    assert "not the first six digits" in desk.said(Tag.CLICK_REFUSED)[-1]
    # The form is still open, and the right digits still count.
    assert desk.person().submit(form["id"], {"typed": oncall.digits(form).upper()}).ok
    assert desk.decided() == [ADA]


def test_t43_the_form_shows_the_plan_in_the_ledger_whatever_the_card_shows(desk: FrontDesk) -> None:
    def deface() -> None:
        message = desk.slack.workspace.message(desk.office.channel_id, desk.card_ts)
        for block in message["blocks"]:
            if block["type"] == "rich_text":
                block["elements"] = [{"type": "rich_text_section", "elements": []}]

    desk.slack.call(deface)
    shown = json.dumps(opened(desk))
    assert "checkout" in shown
    assert desk.plan.digest in shown
    assert desk.plan.cluster_uid in shown
    assert "-a\\n+b" in shown


def test_t44_with_a_stolen_signing_secret_no_form_can_be_made_up(desk: FrontDesk) -> None:
    """A forger can sign what he likes, but the mark of a form goes only to whom it was opened for."""
    form = opened(desk)
    refused(desk, submitted(desk, form, mark=""), "not made by Midwatch")
    refused(desk, submitted(desk, form, mark="0" * 32), "not made by Midwatch")
    refused(desk, submitted(desk, form, who=BEN), "not made by Midwatch")
    for name in ("value", "channel", "ts", "seen"):
        refused(desk, submitted(desk, form, **{name: "elsewhere"}), "not made by Midwatch")


def test_a_form_to_reject_is_no_form_to_approve(desk: FrontDesk) -> None:
    ada = desk.person()
    assert ada.click(ada.wait_for_button("reject")).ok
    private = ada.wait_for_view("reject")["private_metadata"]
    refused(desk, submitted(desk, opened(desk), **json.loads(private)), "not made by Midwatch")


def test_t20_whoever_lost_the_right_while_the_form_was_open_does_not_sign(desk: FrontDesk) -> None:
    form = opened(desk)
    roster = desk.settings.roster_file
    assert roster is not None
    roster.write_text(roster.read_text().replace(ADA, "U0NOBODY"))
    refused(desk, submitted(desk, form), "not on the roster")


def test_a_form_that_was_left_open_until_the_plan_was_rejected_signs_nothing(desk: FrontDesk) -> None:
    form = opened(desk)
    assert oncall.reject(desk.person(BEN), "no", 10).ok
    answer = desk.forge.deliver(submitted(desk, form))
    assert "already decided: DENIED" in str(answer.response)
    assert desk.decided() == [BEN]


def test_t08_a_form_that_comes_twice_counts_once(desk: FrontDesk) -> None:
    payload = submitted(desk, opened(desk))
    assert desk.forge.deliver(payload).acknowledged
    assert desk.forge.deliver(payload).acknowledged
    assert desk.decided() == [ADA]
    assert len(desk.said(Tag.PLAN_DECIDED)) == 1


def test_the_ledger_itself_takes_no_tier_two_approval_without_the_digits(desk: FrontDesk) -> None:
    bare = a_decision(desk.plan, desk.ledger.now(), request={})
    assert decisions.decide(desk.ledger, bare) is Objection.NOT_CONFIRMED
    assert desk.state() is PlanState.PENDING


def test_t18_an_approval_whose_digits_were_left_out_does_not_count_at_the_claim(desk: FrontDesk) -> None:
    form = opened(desk)
    assert desk.person().submit(form["id"], {"typed": oncall.digits(form)}).ok
    honest = guards.counts(desk.plan, a_decision(desk.plan, desk.ledger.now()))
    bare = guards.counts(desk.plan, a_decision(desk.plan, desk.ledger.now(), request={}))
    assert (honest, bare) == (True, False)


def test_tier_three_takes_two_humans_and_the_card_says_who_signed(tmp_path: Path) -> None:
    with front_desk(tmp_path, tier=3, approvals_needed=2) as desk:
        assert oncall.approve(desk.person(ADA), 10).ok
        assert desk.state() is PlanState.PENDING
        desk.run(advance(desk.office, 1))
        card = json.dumps(desk.slack.workspace.message(desk.office.channel_id, desk.card_ts))
        assert "1 of 2" in card
        assert f'"user_id": "{ADA}"' in card
        assert not oncall.approve(desk.person(ADA), 10).ok, "the same person signed twice"
        assert oncall.approve(desk.person(BEN), 10).ok
        assert desk.state() is PlanState.APPROVED
        assert desk.decided() == [ADA, BEN]
        assert verify(desk.ledger).ok


def test_a_plan_of_tier_three_that_claims_to_need_one_signature_still_needs_two(tmp_path: Path) -> None:
    with front_desk(tmp_path, tier=3, approvals_needed=1) as desk:
        assert oncall.approve(desk.person(ADA), 10).ok
        assert desk.state() is PlanState.PENDING


def test_whoever_signed_may_still_reject_until_it_is_begun(tmp_path: Path) -> None:
    with front_desk(tmp_path) as desk:
        assert oncall.approve(desk.person(ADA), 10).ok
        assert desk.state() is PlanState.APPROVED
        desk.run(advance(desk.office, 1))
        assert oncall.reject(desk.person(ADA), "I misread it", 10).ok
        assert desk.state() is PlanState.DENIED
        desk.run(advance(desk.office, 1))
        card = json.dumps(desk.slack.workspace.message(desk.office.channel_id, desk.card_ts))
        assert not any(f'"action_id": "{one}"' in card for one in ("approve", "reject", "edit"))
        assert verify(desk.ledger).ok
