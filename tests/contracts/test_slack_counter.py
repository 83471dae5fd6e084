"""What the counter and the desk take out of a click, and what the counter answers when it goes wrong."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.request import BoltRequest

from agents.gatekeeper.clicks import Click
from agents.gatekeeper.counter import _failed, _quiet, nonce_of
from agents.gatekeeper.desk import click_of, from_button
from agents.incident import Verdict
from agents.ledger.store import LedgerUnavailable
from tools.slack import SlackError

CLICK: dict[str, Any] = {
    "api_app_id": "A1",
    "trigger_id": "T.1",
    "team": {"id": "T0OURS"},
    "enterprise": {"id": "E1"},
    "user": {"id": "U0ADA", "team_id": "T0HERS"},
    "container": {"channel_id": "C1", "message_ts": "1.5"},
    "actions": [{"value": "the button's", "action_ts": "2.5"}, {"value": "another's", "action_ts": "9"}],
}
READ = Click(
    verdict=Verdict.DENY,
    plan_id=None,
    app_id="A1",
    team_id="T0OURS",
    enterprise_id="E1",
    user_id="U0ADA",
    user_team_id="T0HERS",
    channel_id="C1",
    message_ts="1.5",
)


def test_a_click_is_read_field_by_field() -> None:
    assert from_button(CLICK, Verdict.DENY) == (READ, "the button's")


@pytest.mark.parametrize(("enterprise", "read"), [(None, None), ({"id": 7}, ""), ("E1", ""), ({}, "")])
def test_only_no_enterprise_at_all_is_none(enterprise: object, read: str | None) -> None:
    assert from_button(CLICK | {"enterprise": enterprise}, Verdict.DENY)[0].enterprise_id == read


def test_what_a_click_does_not_say_is_empty_and_fits_nothing() -> None:
    read = click_of({}, Verdict.APPROVE, ("C1", "1.5"))
    empty = dict.fromkeys(("app_id", "team_id", "user_id", "user_team_id"), "") | {"enterprise_id": None}
    assert read == READ.model_copy(update=empty | {"verdict": Verdict.APPROVE})
    assert from_button({}, Verdict.DENY)[1] == ""


def test_an_interaction_is_unlike_every_other_by_its_trigger_its_time_and_its_person() -> None:
    assert nonce_of(CLICK) == "T.1|2.5|U0ADA"
    assert nonce_of({}) == "||"


async def test_what_nobody_listens_to_is_acknowledged() -> None:
    request = BoltRequest(body="", mode="http")
    answer = await _failed(BoltUnhandledRequestError(request=request, current_response=None))
    assert (answer.status, answer.body) == (200, "")


@pytest.mark.parametrize(
    ("problem", "status"), [(LedgerUnavailable("it is full"), 503), (SlackError("it says no"), 500)]
)
async def test_what_passes_is_a_503_and_what_does_not_a_500(
    problem: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await _failed(problem)
    assert (answer.status, answer.body) == (status, "")
    assert caplog.record_tuples == [
        ("midwatch.slack", logging.ERROR, f"a click could not be handled: {problem}")
    ]


async def test_of_a_fault_of_ours_the_place_is_logged_and_never_the_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def look_up(said: dict[str, str]) -> str:
        return said["what the request said"]

    try:
        look_up({})
    except KeyError as fault:
        answer = await _failed(fault)
    assert (answer.status, answer.body) == (500, "")
    ((name, level, said),) = caplog.record_tuples
    assert (name, level) == ("midwatch.slack", logging.ERROR)
    first, *where = said.splitlines()
    assert first == "a click could not be handled: KeyError"
    assert where[0].startswith(f'  File "{__file__}"')
    assert where[2].startswith(f'  File "{__file__}"'), "frame by frame, with nothing in between"


def test_what_bolt_says_below_a_warning_is_not_logged() -> None:
    quiet = _quiet()
    assert (quiet.name, quiet.level) == ("midwatch.slack", logging.WARNING)
