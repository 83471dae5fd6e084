"""Clicks over HTTP: the real application, bolt behind its gate, and the pretend workspace in HTTP mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.auditor.verify import verify
from agents.ledger.decisions import decisions_of
from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from evals.world.slack.people import ADA, MIA
from tests.support.front_desk import FrontDesk, front_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        yield made


def test_a_click_over_http_approves(desk: FrontDesk) -> None:
    ada = desk.person()
    assert ada.click(ada.wait_for_button("approve")).ok
    assert desk.state() is PlanState.APPROVED
    assert desk.decided() == [ADA]
    assert verify(desk.ledger).ok


def test_a_rejection_over_http_asks_why_and_counts_once(desk: FrontDesk) -> None:
    ada = desk.person()
    assert ada.click(ada.wait_for_button("reject")).ok
    view = ada.wait_for_view("reject")
    assert ada.submit(view["id"], {"reason": "not tonight"}).ok
    assert desk.state() is PlanState.DENIED
    assert "not tonight" not in str(desk.said(Tag.PLAN_DECIDED)), "the record holds a digest of the words"
    with desk.ledger.read() as session:
        (decision,) = decisions_of(session, desk.plan.id)
    assert decision.reason == "not tonight"


def test_whoever_may_not_sign_is_told_so_over_http(desk: FrontDesk) -> None:
    mia = desk.person(MIA)
    assert mia.click(mia.wait_for_button("approve")).ok
    mia.wait_for_ephemeral("not on the roster")
    assert desk.state() is PlanState.PENDING
    assert len(desk.said(Tag.CLICK_REFUSED)) == 1


def test_slack_can_verify_the_address(desk: FrontDesk) -> None:
    asked = {"type": "url_verification", "challenge": "are you there"}
    delivery = desk.slack.deliver("events_api", asked)
    assert delivery.attempts == ["acknowledged"]
    assert delivery.response == {"challenge": "are you there"}


def test_what_nobody_listens_to_is_acknowledged_and_decides_nothing(desk: FrontDesk) -> None:
    desk.person().say("incidents", "what is going on?")
    event = {"type": "event_callback", "event": {"type": "message", "text": "hello"}}
    assert desk.slack.deliver("events_api", event).attempts == ["acknowledged"]
    assert desk.state() is PlanState.PENDING


def test_a_second_click_is_told_that_it_was_decided(desk: FrontDesk) -> None:
    ada = desk.person()
    button = ada.wait_for_button("approve")
    assert ada.click(button).ok
    assert desk.forge.deliver(desk.click()).acknowledged
    ada.wait_for_ephemeral("already decided")
    assert desk.decided() == [ADA]
