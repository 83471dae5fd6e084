"""In the office: accounts as Slack tells them, commands, forms and their marks; with the real client."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson
import pytest

from agents.gatekeeper import commands, forms
from agents.gatekeeper.clicks import Person as Account
from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.commands import HELP
from agents.gatekeeper.modals import approve_view
from agents.gatekeeper.office import FRESH_S
from agents.incident import Verdict
from agents.ledger.brake import HALTED
from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from evals.world.slack import Person
from evals.world.slack.people import ADA, BEN, DORA, GUS, MIA, ROBO, STELLA, WANDA
from evals.world.slack.wire import JsonObject
from tests.contracts import test_slack_desk
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_record import record
from tests.contracts.test_slack_desk import Desk, posted, spent
from tools.kubernetes.objects import JsonObject as Json

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
    assert typed(at, text, MIA) == HELP == "Say `halt REASON`, `resume REASON` or `status`."


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
    assert typed(at, f"{word} now", who, **changes) == f"Not done: {why.value}."
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


def pressed(at: Desk, who: str = ADA, **changes: Any) -> JsonObject:
    """A click of this person on the card's button, as Slack delivers it."""
    home = at.office.home
    return {
        "api_app_id": home.app_id,
        "team": {"id": home.team_id},
        "user": {"id": who, "team_id": home.team_id},
        "container": {"channel_id": "C0INCIDENTS", "message_ts": "1.5"},
        "actions": [{"value": at.office.seal.button(at.plan.id)}],
        "trigger_id": at.slack.call(lambda: at.slack.workspace.new_trigger(who)),
    } | changes


def opened(at: Desk, name: str, who: str = ADA) -> JsonObject:
    return Person(at.slack.page_url, who).wait_for_view(name)


def sent(at: Desk, form: JsonObject, block: str, said: Json, who: str = ADA) -> JsonObject:
    """The form as it comes back from this person."""
    view = {"private_metadata": form["private_metadata"], "state": {"values": {block: said}}}
    return pressed(at, who) | {"view": view, "container": None, "actions": None}


def test_a_click_on_tier_one_is_the_approval(at: Desk) -> None:
    assert asyncio.run(forms.approve(at.office, pressed(at), "n1")) is None
    assert at.stands() == (PlanState.APPROVED, ADA)
    assert at.decided()[0].request["nonce"] == spent("n1")


def test_from_tier_two_on_a_click_opens_the_form_and_the_form_is_the_approval(
    at: Desk, clock: HandClock
) -> None:
    at.plan = posted(at.ledger, clock, tier=2, nonce="2" * 32)
    assert asyncio.run(forms.approve(at.office, pressed(at), "n1")) is None
    assert at.decided() == []
    form = opened(at, "approve")
    private = orjson.loads(form["private_metadata"])
    where = {"value": at.office.seal.button(at.plan.id), "channel": "C0INCIDENTS", "ts": "1.5", "seen": "n1"}
    assert private == where | {"mark": private["mark"]}
    shown = approve_view(at.plan, forms._preview(at.office, at.plan.id), "")
    assert [block["type"] for block in form["blocks"]] == [block["type"] for block in shown["blocks"]]  # type: ignore[attr-defined]
    assert "-a\\n+b" in orjson.dumps(form["blocks"]).decode()
    typed = {"typed": {"value": f"  {at.plan.digest[:6].upper()} "}}
    assert asyncio.run(forms.confirm(at.office, sent(at, form, "digits", typed), "n2")) is None
    assert at.stands() == (PlanState.APPROVED, ADA)
    (given,) = at.decided()
    assert (given.verdict, given.request["typed"], given.request["nonce"]) == (
        Verdict.APPROVE,
        at.plan.digest[:6],
        spent("n2"),
    )


def test_a_rejection_asks_why_and_keeps_the_first_five_hundred_characters(at: Desk) -> None:
    assert asyncio.run(forms.ask_why(at.office, pressed(at, BEN), "n1")) is None
    form = opened(at, "reject", BEN)
    reason = {"reason": {"value": "x" * 501}}
    assert asyncio.run(forms.reject(at.office, sent(at, form, "why", reason, BEN), "n2")) is None
    (given,) = at.decided()
    assert (given.verdict, given.reason, given.request) == (
        Verdict.DENY,
        "x" * 500,
        {"nonce": spent("n2"), "app": at.office.home.app_id, "human": f"{at.office.home.team_id}/{BEN}"},
    )


def test_whoever_may_not_reject_sees_no_form_and_is_on_record(at: Desk) -> None:
    why = asyncio.run(forms.ask_why(at.office, pressed(at, MIA), "n1"))
    assert why is not None
    assert why.startswith(Refusal.NOT_ON_ROSTER.value)
    ((_, body, _, plan_id),) = record(at.ledger, "gatekeeper:click:refuse")
    assert (body["user"], body["verdict"], body["why"], plan_id) == (
        MIA,
        "deny",
        Refusal.NOT_ON_ROSTER.value,
        at.plan.id,
    )
    assert Person(at.slack.page_url, MIA).open_views() == []


def test_a_form_from_somebody_else_is_not_ours_and_is_on_record(at: Desk) -> None:
    asyncio.run(forms.ask_why(at.office, pressed(at), "n1"))
    stolen = sent(at, opened(at, "reject"), "why", {"reason": {"value": "no"}}, BEN)
    assert asyncio.run(forms.reject(at.office, stolen, "n2")) == Refusal.FORGED.value
    ((_, body, _, plan_id),) = record(at.ledger, "gatekeeper:click:refuse")
    assert (body["user"], body["why"], plan_id) == (BEN, Refusal.FORGED.value, at.plan.id)
    assert at.stands()[0] is PlanState.PENDING


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"view": {"private_metadata": "no JSON"}}, Refusal.FORGED),
        ({"view": {"private_metadata": "[]"}}, Refusal.FORGED),
        ({"view": {}}, Refusal.FORGED),
        ({"user": {"id": ADA}}, Refusal.UNKNOWN_PERSON),
        ({"user": {"team_id": "T0OURS"}}, Refusal.UNKNOWN_PERSON),
    ],
)
def test_a_form_that_cannot_be_read_decides_nothing(at: Desk, changes: JsonObject, why: Refusal) -> None:
    payload = {"view": {"private_metadata": "{}"}} | pressed(at) | changes
    assert asyncio.run(forms.confirm(at.office, payload, "n1")) == why.value
    assert at.stands()[0] is PlanState.PENDING


def test_a_form_that_slack_does_not_open_asks_for_another_click(at: Desk) -> None:
    told = asyncio.run(forms.ask_why(at.office, pressed(at, trigger_id="old"), "n1"))
    assert told == "Slack did not open the form (views.open: invalid_trigger_id); please click again"
    assert at.stands()[0] is PlanState.PENDING
