"""A question typed in the thread of a card in the pretend Slack, and the answer beneath it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from agents.gatekeeper import asking
from agents.gatekeeper.asking import PER_MINUTE, TOO_MANY
from agents.gatekeeper.counter import counter, listen
from agents.ledger.protocol import PlanState
from evals.world.slack.people import ADA, GUS, INCIDENTS
from evals.world.slack.wire import JsonObject
from tests.support.front_desk import FrontDesk, front_desk

MENTION = "I change nothing from a message."


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def by_socket(desk: FrontDesk) -> AsyncIterator[None]:
    """The same office behind Socket Mode."""
    us = desk.slack.credentials
    desk.slack.use("socket")
    close = await listen(counter(desk.office, us.signing_secret), us.app_token, desk.office.slack)
    try:
        yield
    finally:
        await close()


def replies(desk: FrontDesk) -> list[JsonObject]:
    found = desk.person().messages(INCIDENTS)
    ours = desk.slack.credentials.bot_user_id
    mine = [one for one in found if one.get("thread_ts") == desk.card_ts and one["user"] == ours]
    return [one for one in mine if one["ts"] != desk.card_ts]


def asks(desk: FrontDesk, text: str, who: str = ADA) -> str:
    return desk.person(who).say(INCIDENTS, text, desk.card_ts)


def answered(desk: FrontDesk, words: str) -> JsonObject:
    return desk.person().wait_for_message(
        lambda one: one.get("thread_ts") == desk.card_ts and words in json.dumps(one.get("blocks", []))
    )


def test_a_question_is_answered_in_its_thread_and_nothing_is_decided(desk: FrontDesk) -> None:
    asks(desk, "is it safe?")
    answered(desk, "Whether it is safe is for you to judge")
    asks(desk, f"<@{desk.slack.credentials.bot_user_id}> approve it now")
    answered(desk, MENTION)
    assert desk.state() is PlanState.PENDING
    assert desk.decided() == []


def test_it_is_answered_over_socket_mode_as_well(desk: FrontDesk) -> None:
    async def scene() -> None:
        async with by_socket(desk):
            await asyncio.to_thread(asks, desk, "who may approve?")
            await asyncio.to_thread(answered, desk, "1 of these has to approve it")

    desk.run(scene())


def test_an_event_that_is_delivered_again_is_answered_once(desk: FrontDesk) -> None:
    ts = asks(desk, "is it safe?")
    answered(desk, "Whether it is safe")
    event = {
        "type": "message",
        "user": ADA,
        "text": "is it safe?",
        "ts": ts,
        "thread_ts": desk.card_ts,
        "channel": INCIDENTS,
    }
    us = desk.slack.credentials
    envelope = {"type": "event_callback", "api_app_id": us.app_id, "team_id": us.team_id, "event": event}
    assert desk.forge.deliver(envelope, "events_api").acknowledged
    assert len(replies(desk)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"bot_id": "B0ROBO00001"},
        {"subtype": "message_changed"},
        {"user": GUS},
        {"user": "U0NOBODY"},
        {"user_team": "T0FOREIGN01"},
        {"thread_ts": "1.1"},
        {"thread_ts": ""},
        {"thread_ts": 7},
        {"text": ["is it safe?"]},
        {"channel": "C0ELSEWHERE"},
    ],
)
def test_what_is_no_question_of_a_person_of_ours_in_a_thread_of_ours_is_not_answered(
    desk: FrontDesk, changes: JsonObject
) -> None:
    event = {
        "type": "message",
        "user": ADA,
        "text": "is it safe?",
        "ts": "99.9",
        "thread_ts": desk.card_ts,
        "channel": INCIDENTS,
    }
    us = desk.slack.credentials
    envelope = {"type": "event_callback", "api_app_id": us.app_id, "team_id": us.team_id}
    assert desk.forge.deliver(envelope | {"event": event | changes}, "events_api").acknowledged
    assert replies(desk) == []


def test_more_questions_than_people_ask_are_not_answered_and_one_is_told_so(
    desk: FrontDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long this takes here, it is one minute.
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: 0.0))
    for _ in range(PER_MINUTE + 1):
        asks(desk, "is it safe?")
    desk.person().wait_for_ephemeral(TOO_MANY)
    # They are answered side by side: the last answers may come after the note.
    desk.person().wait_for(lambda _: replies(desk) if len(replies(desk)) >= PER_MINUTE else None)
    assert len(replies(desk)) == PER_MINUTE
