"""What the pretend Slack makes of inputs, files, direct messages and groups, as the real clients see it."""

from collections.abc import Iterator

import pytest
from slack_sdk.errors import SlackApiError

from evals.world.slack import SlackServer
from evals.world.slack.blocks import checked_view
from evals.world.slack.forms import fill
from evals.world.slack.people import ADA, BEN, INCIDENTS, ONCALL_GROUP, ROBO, direct_id
from evals.world.slack.wire import JsonObject
from tests.support.patience import patient
from tests.support.showcase import FORM, SIZES, png
from tests.support.slack_world import plain, web_client


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


def form(element: JsonObject, **more: object) -> JsonObject:
    block = {"type": "input", "block_id": "b", "label": plain("It"), "element": {"action_id": "a", **element}}
    title = {"title": plain("Form"), "submit": plain("Send")}
    return checked_view({"type": "modal", **title, "blocks": [block | more]})


NUMBER = {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"}
COMPLAINTS = [
    (NUMBER, "3", None),
    (NUMBER, "three", "Must be a number"),
    (NUMBER, "NaN", "Must be a number"),
    (NUMBER, "2.5", "Must be a whole number"),
    (NUMBER | {"is_decimal_allowed": True}, "2.5", None),
    (NUMBER, "0", "Must be at least 1"),
    (NUMBER, "10", "Must be at most 9"),
    ({"type": "url_text_input"}, "https://example.com/a", None),
    ({"type": "url_text_input"}, "javascript:alert(1)", "Must be a valid URL"),
    ({"type": "email_text_input"}, "ada@example.com", None),
    ({"type": "email_text_input"}, "ada", "Must be a valid email address"),
    ({"type": "plain_text_input", "min_length": 3}, "ab", "Must be at least 3 characters"),
    ({"type": "static_select", "options": SIZES}, "xl", "Choose one of the options"),
    ({"type": "external_select"}, SIZES[0], None),
    ({"type": "external_select"}, "s", "Choose one of the options"),
    ({"type": "multi_users_select"}, [], "This is a required field"),
    ({"type": "datepicker"}, "", "This is a required field"),
]


@pytest.mark.parametrize(("element", "given", "complaint"), COMPLAINTS)
def test_the_client_complains_before_the_app_is_told(
    element: JsonObject, given: object, complaint: str | None
) -> None:
    _, errors = fill(form(element), {"a": given})
    assert errors == ({"b": complaint} if complaint else {})


INITIAL = [
    ({"type": "datepicker", "initial_date": "2026-11-27"}, {"selected_date": "2026-11-27"}),
    ({"type": "datetimepicker", "initial_date_time": 1_790_000_000}, {"selected_date_time": 1_790_000_000}),
    ({"type": "users_select", "initial_user": ADA}, {"selected_user": ADA}),
    ({"type": "multi_users_select", "initial_users": [ADA, BEN]}, {"selected_users": [ADA, BEN]}),
    (
        {"type": "checkboxes", "options": SIZES, "initial_options": SIZES[:2]},
        {"selected_options": SIZES[:2]},
    ),
    ({"type": "number_input", "is_decimal_allowed": True, "initial_value": "2.5"}, {"value": "2.5"}),
]


@pytest.mark.parametrize(("element", "chosen"), INITIAL)
def test_what_nobody_touched_is_sent_as_it_was_first_shown(element: JsonObject, chosen: JsonObject) -> None:
    state, errors = fill(form(element), {})
    assert state["b"]["a"] == {"type": element["type"], **chosen}
    assert errors == {}


def test_rich_text_is_sent_as_rich_text() -> None:
    state, _ = fill(form({"type": "rich_text_input"}), {"a": "so"})
    assert state["b"]["a"]["rich_text_value"]["elements"][0]["elements"][0]["text"] == "so"


def test_every_input_of_the_showcase_is_legal() -> None:
    assert len(checked_view(FORM)["blocks"]) == len(FORM["blocks"])


async def test_a_picture_is_served_as_one_and_svg_is_text(slack: SlackServer) -> None:
    client = web_client(slack)
    picture = await client.files_upload_v2(channel=INCIDENTS, file=png(64, 22), filename="plot.png")
    drawing = await client.files_upload_v2(channel=INCIDENTS, content="<svg/>", filename="a.svg")
    assert picture["file"]["mimetype"] == "image/png"
    assert (picture["file"]["original_w"], picture["file"]["original_h"]) == (64, 22)
    assert (drawing["file"]["mimetype"], drawing["file"]["preview"]) == ("text/plain", "<svg/>")


async def test_an_app_reaches_a_person_by_their_id_and_lists_the_conversation_as_direct(
    slack: SlackServer,
) -> None:
    client = web_client(slack)
    posted = await client.chat_postMessage(channel=ADA, text="psst")
    assert posted["channel"] == direct_id(ADA)
    public = [entry["id"] for entry in (await client.conversations_list())["channels"]]
    direct = [entry["id"] for entry in (await client.conversations_list(types="im"))["channels"]]
    assert direct_id(ADA) in direct
    assert not set(public) & set(direct)


async def test_opening_a_direct_message_needs_its_right_and_a_person(slack: SlackServer) -> None:
    client = web_client(slack)
    with pytest.raises(SlackApiError, match="missing_scope"):
        await client.conversations_open(users=ADA)
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.chat_postMessage(channel=ROBO, text="psst")


async def test_members_of_a_group_are_told_when_asked_for(slack: SlackServer) -> None:
    client = web_client(slack)
    (plainly,) = (await client.usergroups_list())["usergroups"]
    (whole,) = (await client.usergroups_list(include_users=True, include_count=True))["usergroups"]
    assert (plainly["id"], plainly["handle"], "users" in plainly) == (ONCALL_GROUP, "oncall", False)
    assert (whole["users"], whole["user_count"]) == ([ADA, BEN], 2)
