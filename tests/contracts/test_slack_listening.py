"""What comes in over the socket reaches its listener, and what that answers goes back; with the real bolt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.commands import HELP
from agents.gatekeeper.counter import counter, listen
from agents.gatekeeper.explaining import Against
from agents.ledger.protocol import PlanState
from evals.world.slack import Forge, Person, SlackServer
from evals.world.slack.journal import Delivery
from evals.world.slack.people import ADA, MIA
from evals.world.slack.wire import JsonObject
from tests.contracts import test_slack_desk
from tests.contracts.test_slack_desk import Desk
from tests.contracts.test_slack_forms import opened, pressed, sent
from tests.support.patience import patient

at = test_slack_desk.at


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """One for each test: who listens to it is part of the test."""
    with SlackServer(patient()) as server:
        yield server


def heard(at: Desk, *payloads: Any, kind: Any = "interactive") -> list[Delivery]:
    """What became of these deliveries while the counter listened; one may be made when its turn comes."""

    async def listening() -> list[Delivery]:
        close = await listen(counter(at.office, ""), at.slack.credentials.app_token, at.office.slack)
        try:
            return [await asyncio.to_thread(delivered, payload) for payload in payloads]
        finally:
            await close()

    def delivered(payload: Any) -> Delivery:
        return Forge(at.slack).deliver(payload() if callable(payload) else payload, kind)

    return asyncio.run(listening())


def clicked(at: Desk, action: str, who: str = ADA) -> JsonObject:
    value = at.office.seal.button(at.plan.id)
    said = {"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": "2.5"}
    return pressed(at, who) | {"type": "block_actions", "actions": [said]}


def submitted(at: Desk, name: str, block: str, said: JsonObject) -> JsonObject:
    form = opened(at, name)
    payload = sent(at, form, block, said)
    return payload | {
        "type": "view_submission",
        "view": payload["view"] | {"type": "modal", "callback_id": name},
    }


def test_a_click_to_approve_is_counted_and_acknowledged(at: Desk) -> None:
    (one,) = heard(at, clicked(at, "approve"))
    assert one.acknowledged
    assert at.stands() == (PlanState.APPROVED, ADA)


def test_who_may_not_is_acknowledged_and_hears_why_where_only_they_see_it(at: Desk) -> None:
    (one,) = heard(at, clicked(at, "approve", MIA))
    assert one.acknowledged
    Person(at.slack.page_url, MIA).wait_for_ephemeral(f"Not counted: {Refusal.NOT_ON_ROSTER.value}")
    assert at.stands()[0] is PlanState.PENDING


def test_a_rejection_comes_back_by_its_form(at: Desk) -> None:
    reason = {"reason": {"value": "not tonight"}}
    asked, given = heard(at, clicked(at, "reject"), lambda: submitted(at, "reject", "why", reason))
    assert (asked.acknowledged, given.acknowledged, given.response or {}) == (True, True, {})
    assert at.stands() == (PlanState.DENIED, f"{ADA}: not tonight")


@pytest.mark.parametrize(("name", "block"), [("approve", "digits"), ("reject", "why")])
def test_a_form_that_does_not_count_stays_open_and_says_why_at_its_field(
    at: Desk, name: str, block: str
) -> None:
    def forged() -> JsonObject:
        payload = pressed(at) | {"type": "view_submission"}
        return payload | {"view": {"type": "modal", "callback_id": name, "private_metadata": "no JSON"}}

    (one,) = heard(at, forged)
    said = {"response_action": "errors", "errors": {block: Against(why=Refusal.FORGED).words}}
    assert (one.acknowledged, one.response) == (True, said)


def test_a_command_is_answered_and_its_answer_is_inert(at: Desk) -> None:
    home = at.office.home
    body = {"command": "/midwatch", "user_id": ADA, "team_id": home.team_id, "api_app_id": home.app_id}
    first, second, third = heard(
        at,
        body | {"text": "dance", "trigger_id": "1"},
        body | {"text": "halt <!channel>", "trigger_id": "2"},
        body | {"text": "status", "trigger_id": "3"},
        kind="slash_commands",
    )
    assert HELP in str(first.response)
    assert second.acknowledged
    assert "&lt;!channel&gt;" in str(third.response)


def test_what_nobody_listens_to_is_acknowledged_so_that_it_does_not_come_again(at: Desk) -> None:
    (one,) = heard(at, clicked(at, "dance"))
    assert one.acknowledged
    assert at.stands()[0] is PlanState.PENDING


def test_the_counter_speaks_with_the_offices_client_and_logs_with_our_logger(at: Desk) -> None:
    app = counter(at.office, "")
    assert app.client is at.office.slack.client
    assert app.logger is logging.getLogger("midwatch.slack")
