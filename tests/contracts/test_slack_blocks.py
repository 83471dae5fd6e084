"""Block Kit's limits as the pretend Slack holds them, seen through the real client."""

from collections.abc import Iterator

import pytest
from slack_sdk.errors import SlackApiError

from evals.world.slack import SlackServer
from evals.world.slack.blocks import checked_view, message_blocks
from evals.world.slack.people import INCIDENTS
from evals.world.slack.wire import JsonObject, SlackError
from tests.support.patience import patient
from tests.support.slack_world import approval_buttons, incident_card, mrkdwn, plain, reason_modal, web_client


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


def button(**differs: object) -> JsonObject:
    return {"type": "button", "text": plain("Go"), "action_id": "go", **differs}


def actions(*elements: JsonObject) -> JsonObject:
    return {"type": "actions", "elements": list(elements)}


def confirm(**differs: object) -> JsonObject:
    words = {"title": plain("Sure?"), "text": plain("Really"), "confirm": plain("Yes"), "deny": plain("No")}
    return {**words, **differs}


def section(text: JsonObject) -> JsonObject:
    return {"type": "section", "text": text}


def fields(count: int, length: int) -> JsonObject:
    return {"type": "section", "fields": [plain("x" * length)] * count}


AT_THE_LIMIT = {
    "header of 150": [{"type": "header", "text": plain("x" * 150)}],
    "section of 3000": [section(mrkdwn("x" * 3000))],
    "ten fields": [fields(10, 1000)],
    "button value of 2000": [actions(button(value="x" * 2000))],
    "confirm text of 300": [actions(button(confirm=confirm(text=plain("x" * 300))))],
    "fifty blocks": [{"type": "divider"}] * 50,
    "25 buttons": [actions(*[button(action_id=str(n)) for n in range(25)])],
    "ten context elements": [{"type": "context", "elements": [plain("x")] * 10}],
    "the card": incident_card(),
}
OVER_THE_LIMIT = {
    "header of 151": (
        [{"type": "header", "text": plain("x" * 151)}],
        "less than 151 characters",
        "/blocks/0/text/text",
    ),
    "header in mrkdwn": ([{"type": "header", "text": mrkdwn("x")}], "plain_text", "/blocks/0/text/type"),
    "section of 3001": ([section(mrkdwn("x" * 3001))], "less than 3001", "/blocks/0/text/text"),
    "empty section": ([section(plain(""))], "more than 0 characters", "/blocks/0/text/text"),
    "neither text nor fields": ([{"type": "section"}], "`text` or `fields`", "/blocks/0"),
    "eleven fields": ([fields(11, 1)], "no more than 10", "/blocks/0/fields"),
    "field of 2001": ([fields(1, 2001)], "less than 2001", "/blocks/0/fields/0/text"),
    "button value of 2001": ([actions(button(value="x" * 2001))], "less than 2001", "/elements/0/value"),
    "button label of 76": ([actions(button(text=plain("x" * 76)))], "less than 76", "/elements/0/text/text"),
    "button in mrkdwn": ([actions(button(text=mrkdwn("x")))], "plain_text", "/elements/0/text/type"),
    "unknown style": ([actions(button(style="green"))], "primary, danger", "/elements/0/style"),
    "confirm text of 301": (
        [actions(button(confirm=confirm(text=plain("x" * 301))))],
        "301",
        "/confirm/text/text",
    ),
    "confirm title of 101": (
        [actions(button(confirm=confirm(title=plain("x" * 101))))],
        "101",
        "/confirm/title",
    ),
    "confirm word of 31": (
        [actions(button(confirm=confirm(confirm=plain("x" * 31))))],
        "31",
        "/confirm/confirm",
    ),
    "26 buttons": ([actions(*[button(action_id=str(n)) for n in range(26)])], "no more than 25", "/elements"),
    "action id of 256": ([actions(button(action_id="x" * 256))], "less than 256", "/elements/0/action_id"),
    "same action id twice": ([actions(button(), button())], "already exists", "/blocks/0/elements"),
    "same block id twice": (
        [{"type": "divider", "block_id": "a"}] * 2,
        "already exists",
        "/blocks/1/block_id",
    ),
    "51 blocks": ([{"type": "divider"}] * 51, "no more than 50", "/blocks"),
    "11 context elements": (
        [{"type": "context", "elements": [plain("x")] * 11}],
        "no more than 10",
        "/elements",
    ),
    "unknown block": ([{"type": "marquee"}], "unsupported type: marquee", "/blocks/0/type"),
    "unknown field": ([{"type": "divider", "color": "red"}], "additional property: color", "/blocks/0"),
    "overflow of six": (
        [actions({"type": "overflow", "options": [{"text": plain("x"), "value": str(n)} for n in range(6)]})],
        "no more than 5",
        "/elements/0/options",
    ),
}


@pytest.mark.parametrize("blocks", AT_THE_LIMIT.values(), ids=AT_THE_LIMIT)
def test_what_is_just_within_the_limits_is_taken(blocks: list[JsonObject]) -> None:
    assert len(message_blocks(blocks)) == len(blocks)


@pytest.mark.parametrize(("blocks", "words", "where"), OVER_THE_LIMIT.values(), ids=OVER_THE_LIMIT)
def test_what_is_just_over_a_limit_is_refused_with_its_place(
    blocks: list[JsonObject], words: str, where: str
) -> None:
    with pytest.raises(SlackError) as caught:
        message_blocks(blocks)
    body = caught.value.body()
    assert body["error"] == "invalid_blocks"
    assert any(words in problem and where in problem for problem in body["errors"]), body["errors"]


async def test_invalid_blocks_reach_the_client_with_their_messages_and_nothing_is_posted(
    slack: SlackServer,
) -> None:
    client = web_client(slack)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(
            channel=INCIDENTS, text="x", blocks=[{"type": "header", "text": plain("x" * 151)}]
        )
    response = caught.value.response
    assert response["error"] == "invalid_blocks"
    assert response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    ]
    assert not (await client.conversations_history(channel=INCIDENTS))["messages"]


async def test_blocks_that_are_no_list_or_no_json_are_a_format_error(slack: SlackServer) -> None:
    client = web_client(slack)
    for raw in ("{broken", '{"type": "divider"}'):
        with pytest.raises(SlackApiError, match="invalid_blocks_format"):
            await client.api_call("chat.postMessage", data={"channel": INCIDENTS, "text": "x", "blocks": raw})


def test_a_message_of_far_more_than_thirteen_thousand_characters_is_refused() -> None:
    blocks = [section(plain("x" * 3000)) for _ in range(5)]
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        message_blocks(blocks)


def test_ids_left_out_are_given_and_ids_given_are_kept() -> None:
    blocks = message_blocks([approval_buttons(), actions({"type": "button", "text": plain("x")})])
    assert blocks[0]["block_id"] == "decision"
    assert blocks[1]["block_id"]
    assert blocks[1]["elements"][0]["action_id"]


MODAL_FAULTS = {
    "title of 25": ({"title": plain("x" * 25)}, "less than 25"),
    "submit of 25": ({"submit": plain("x" * 25)}, "less than 25"),
    "metadata of 3001": ({"private_metadata": "x" * 3001}, "less than 3001"),
    "callback id of 256": ({"callback_id": "x" * 256}, "less than 256"),
    "101 blocks": ({"blocks": [{"type": "divider"}] * 101}, "no more than 100"),
    "unknown type": ({"type": "popup"}, "unsupported type"),
}


@pytest.mark.parametrize(("change", "words"), MODAL_FAULTS.values(), ids=MODAL_FAULTS)
def test_a_modal_over_a_limit_is_refused(change: JsonObject, words: str) -> None:
    with pytest.raises(SlackError) as caught:
        checked_view(reason_modal() | change)
    assert caught.value.code == "invalid_arguments"
    assert words in " ".join(caught.value.body()["errors"])


def test_a_modal_with_an_input_needs_a_submit_button() -> None:
    modal = reason_modal()
    del modal["submit"]
    with pytest.raises(SlackError):
        checked_view(modal)


def test_a_modal_at_its_limits_is_taken() -> None:
    modal = reason_modal("x" * 3000) | {"title": plain("x" * 24)}
    assert checked_view(modal)["private_metadata"] == "x" * 3000
