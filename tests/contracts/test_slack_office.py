"""In the office: accounts as Slack tells them, and the brake in the chat; with the real client."""

from __future__ import annotations

import asyncio
import time

import pytest

from agents.gatekeeper import commands
from agents.gatekeeper.clicks import Person as Account
from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.commands import HELP
from agents.gatekeeper.office import FRESH_S
from agents.ledger.brake import HALTED
from agents.ledger.tags import Tag
from evals.world.slack.people import ADA, BEN, DORA, GUS, MIA, ROBO, STELLA, WANDA
from tests.contracts import test_slack_desk
from tests.contracts.test_ledger_record import record
from tests.contracts.test_slack_desk import Desk

slack, at = test_slack_desk.slack, test_slack_desk.at
FLAGS = ("is_bot", "is_app_user", "is_workflow_bot", "is_guest", "is_stranger", "deleted")


def asked(at: Desk, since: int) -> list[str]:
    return [call.arguments["user"] for call in at.slack.calls[since:] if call.method == "users.info"]


def test_an_account_is_asked_for_again_when_a_minute_has_passed_and_never_sooner(at: Desk) -> None:
    since = len(at.slack.calls)
    first = asyncio.run(at.office.person(ADA))
    assert first == asyncio.run(at.office.person(ADA))
    assert asked(at, since) == [ADA]
    at.office._people[ADA] = (time.monotonic() - FRESH_S + 30, at.office._people[ADA][1])
    asyncio.run(at.office.person(ADA))
    assert asked(at, since) == [ADA]
    at.office._people[ADA] = (time.monotonic() - FRESH_S, at.office._people[ADA][1])
    asyncio.run(at.office.person(ADA))
    asyncio.run(at.office.look(ADA))
    assert asked(at, since) == [ADA] * 3


@pytest.mark.parametrize(
    ("who", "flags"),
    [
        (ADA, ()),
        (GUS, ("is_guest",)),
        (WANDA, ("is_guest",)),
        (ROBO, ("is_bot",)),
        (DORA, ("deleted",)),
        (STELLA, ("is_stranger",)),
    ],
)
def test_an_account_is_what_slack_says_of_it(at: Desk, who: str, flags: tuple[str, ...]) -> None:
    seen = asyncio.run(at.office.look(who))
    home = at.slack.call(lambda: at.slack.workspace.user(who)["team_id"])
    assert seen == Account(id=who, team_id=home, **{flag: flag in flags for flag in FLAGS})


@pytest.mark.parametrize(
    ("unsaid", "flags"),
    [
        ("is_bot", ("is_bot",)),
        ("is_restricted", ("is_guest",)),
        ("is_ultra_restricted", ("is_guest",)),
        ("deleted", ("deleted",)),
        ("is_app_user", ()),
        ("is_workflow_bot", ()),
        ("is_stranger", ()),
    ],
)
def test_what_slack_leaves_unsaid_of_an_account_speaks_against_it_where_it_says_it_of_people(
    at: Desk, unsaid: str, flags: tuple[str, ...]
) -> None:
    before = at.slack.call(lambda: at.slack.workspace.user(MIA).pop(unsaid))
    try:
        seen = asyncio.run(at.office.look(MIA))
    finally:
        at.slack.call(lambda: at.slack.workspace.user(MIA).update({unsaid: before}))
    assert seen is not None
    assert {flag for flag in FLAGS if getattr(seen, flag)} == set(flags)


@pytest.mark.parametrize("unsaid", ["id", "team_id"])
def test_an_account_without_a_name_or_a_home_has_none(at: Desk, unsaid: str) -> None:
    before = at.slack.call(lambda: at.slack.workspace.user(MIA).pop(unsaid))
    try:
        seen = asyncio.run(at.office.look(MIA))
    finally:
        at.slack.call(lambda: at.slack.workspace.user(MIA).update({unsaid: before}))
    assert getattr(seen, unsaid) == ""


@pytest.mark.parametrize("flag", ["is_app_user", "is_workflow_bot"])
def test_an_account_that_is_no_persons_is_told_by_its_flag(at: Desk, flag: str) -> None:
    at.slack.call(lambda: at.slack.workspace.user(MIA).update({flag: True}))
    try:
        seen = asyncio.run(at.office.look(MIA))
    finally:
        at.slack.call(lambda: at.slack.workspace.user(MIA).update({flag: False}))
    assert seen is not None
    assert [each for each in FLAGS if getattr(seen, each)] == [flag]


def test_an_account_that_slack_does_not_know_is_nobody(at: Desk) -> None:
    assert asyncio.run(at.office.person("U0NOBODY")) is None


def typed(at: Desk, text: str, who: str = ADA, **changes: str) -> str:
    """What this person is told after typing a command."""
    home = at.office.home
    body = {
        "text": text,
        "user_id": who,
        "team_id": home.team_id,
        "api_app_id": home.app_id,
        "trigger_id": "1.2",
    }
    return asyncio.run(commands.answer(at.office, body | changes))


def test_the_brake_is_pulled_and_let_go_in_the_chat_by_name_and_with_reason(at: Desk) -> None:
    assert typed(at, "status") == "on watch"
    assert typed(at, "  halt   the wrong cluster ") == HALTED
    assert at.office.halt_file.read_text() == "the wrong cluster\n"
    assert typed(at, "status", MIA) == f"halted by {ADA} in Slack at 00:30:00 UTC: the wrong cluster"
    assert typed(at, "resume  it was the right one ", BEN) == "resumed"
    assert not at.office.halt_file.exists()
    assert typed(at, "status") == "on watch"
    assert typed(at, "resume again") == "Not done: this command was seen before."
    assert typed(at, "resume again", trigger_id="1.3") == "resumed"
    said = [(tag, body) for tag, body, _, _ in record(at.ledger, Tag.HALTED.value, Tag.RESUMED.value)]
    assert said == [
        (Tag.HALTED.value, {"by": f"{ADA} in Slack", "reason": "the wrong cluster"}),
        (Tag.RESUMED.value, {"by": f"{BEN} in Slack", "reason": "it was the right one"}),
        (Tag.RESUMED.value, {"by": f"{ADA} in Slack", "reason": "again"}),
    ]


def test_the_reason_of_a_halt_is_cut_at_five_hundred_and_holds_no_secret(at: Desk) -> None:
    typed(at, f"halt {'x' * 501}")
    assert at.office.halt_file.read_text() == f"{'x' * 500}\n"
    typed(at, f"halt ghp_{'A1b2C3d4E5f6G7h8I9j0' * 2}")
    assert "A1b2C3" not in at.office.halt_file.read_text()


@pytest.mark.parametrize("text", ["", "dance", "Halt now"])
def test_an_unknown_word_is_answered_with_those_that_are_known(at: Desk, text: str) -> None:
    assert typed(at, text, MIA) == HELP


@pytest.mark.parametrize("word", ["halt", "resume"])
@pytest.mark.parametrize(
    ("who", "changes", "why"),
    [
        (ADA, {"api_app_id": "A0EVIL"}, Refusal.WRONG_APP),
        (ADA, {"team_id": "T0FOREIGN"}, Refusal.FOREIGN_WORKSPACE),
        (ADA, {"enterprise_id": "E1"}, Refusal.FOREIGN_WORKSPACE),
        (DORA, {}, Refusal.DEACTIVATED),
        (MIA, {}, Refusal.NOT_ON_ROSTER),
    ],
)
def test_whoever_may_not_touch_the_brake_is_told_why_and_is_on_record(
    at: Desk, word: str, who: str, changes: dict[str, str], why: Refusal
) -> None:
    # No change is signed by it that one could be on the roster for.
    said = why.value.removesuffix(" for this change")
    assert typed(at, f"{word} now", who, **changes) == f"Not done: {said}."
    team = changes.get("team_id", at.office.home.team_id)
    body = {"user": who, "team": team, "wanted": word, "why": why.value}
    assert record(at.ledger, Tag.HALT_REFUSED.value) == [(Tag.HALT_REFUSED.value, body, None, "")]
    assert typed(at, "status") == "on watch"


def test_in_an_enterprise_a_command_comes_from_it(at: Desk) -> None:
    at.office.home = at.office.home.model_copy(update={"enterprise_id": "E1"})
    assert typed(at, "halt now") == f"Not done: {Refusal.FOREIGN_WORKSPACE.value}."
    assert typed(at, "halt now", enterprise_id="E1") == HALTED


def test_a_halt_that_could_not_be_ended_holds_and_says_so(at: Desk) -> None:
    typed(at, "halt now")
    with at.ledger.writer.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON halt BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    assert typed(at, "resume now").startswith("NOT resumed: ")
    assert typed(at, "status").startswith(f"halted by {ADA}")
    assert at.office.halt_file.exists()
