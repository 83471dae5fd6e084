"""People and the real bolt meeting in the pretend Slack, over Socket Mode and over signed HTTP alike."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from evals.world.slack import Outcome, Person, PersonError, SlackOptions, SlackServer
from evals.world.slack.people import ADA, BEN, DORA, GENERAL, GUS, INCIDENTS, ROBO, SHARED, STELLA
from evals.world.slack.wire import JsonObject
from tests.support.slack_world import (
    Clock,
    approval_buttons,
    bolt_app,
    incident_card,
    over_http,
    over_socket,
    plain,
    reason_modal,
)


@dataclass
class Scene:
    """A workspace with the real bolt connected, and what bolt's listeners were handed."""

    slack: SlackServer
    clock: Clock
    app: AsyncApp
    bodies: list[JsonObject] = field(default_factory=list)

    @property
    def client(self) -> AsyncWebClient:
        return self.app.client

    def person(self, user_id: str) -> Person:
        return Person(self.slack.page_url, user_id)

    async def post(self, **differs: object) -> str:
        posted = await self.client.chat_postMessage(
            channel=INCIDENTS, text="card", blocks=incident_card(), **differs
        )
        return str(posted["ts"])

    async def press(self, user_id: str, action_id: str) -> Outcome:
        person = self.person(user_id)
        button = await asyncio.to_thread(person.wait_for_button, action_id)
        return await asyncio.to_thread(person.click, button)


def listen(scene: Scene) -> None:
    """Listeners as an approval app has them."""
    app, bodies = scene.app, scene.bodies

    @app.action("approve")
    async def approve(ack: AsyncAck, body: JsonObject, client: AsyncWebClient) -> None:
        await ack()
        bodies.append(body)
        await client.chat_postEphemeral(
            channel=body["channel"]["id"], user=body["user"]["id"], text="counted"
        )

    @app.action("reject")
    async def reject(ack: AsyncAck, body: JsonObject, client: AsyncWebClient) -> None:
        await ack()
        bodies.append(body)
        await client.views_open(trigger_id=body["trigger_id"], view=reason_modal(body["message"]["ts"]))

    @app.view("reason")
    async def reason(ack: AsyncAck, body: JsonObject) -> None:
        bodies.append(body)
        text = body["view"]["state"]["values"]["why"]["text"]["value"]
        if text == "because":
            await ack(response_action="errors", errors={"why": "Say why."})
        elif text == "go on":
            await ack(response_action="update", view=reason_modal() | {"callback_id": "second"})
        elif text == "push":
            await ack(response_action="push", view=reason_modal() | {"callback_id": "second"})
        elif text == "clear":
            await ack(response_action="clear")
        else:
            await ack()

    @app.view_closed("reason")
    async def closed(ack: AsyncAck, body: JsonObject) -> None:
        await ack()
        bodies.append(body)

    @app.command("/midwatch")
    async def command(ack: AsyncAck, body: JsonObject) -> None:
        bodies.append(body)
        await ack(f"you said {body['text']}")

    for name in ("message", "app_mention", "app_home_opened"):
        app.event(name)(_keeper(bodies))


def _keeper(bodies: list[JsonObject]) -> object:
    async def keep(body: JsonObject) -> None:
        bodies.append(body)

    return keep


@pytest.fixture(params=["socket", "http"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    clock = Clock()
    with SlackServer(SlackOptions(clock=clock, ack_timeout_s=0.8)) as slack:
        made = Scene(slack, clock, bolt_app(slack))
        listen(made)
        if request.param == "http":
            # Signatures follow the real time, which bolt checks them against.
            clock.now = time.time()
            async with over_http(slack, made.app):
                yield made
        else:
            async with over_socket(slack, made.app):
                yield made


async def until(scene: Scene, count: int) -> None:
    """Wait until bolt's listeners were handed this many bodies."""
    async with asyncio.timeout(5):
        while len(scene.bodies) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_click_reaches_bolt_as_slack_tells_it(scene: Scene) -> None:
    ts = await scene.post()
    outcome = await scene.press(ADA, "approve")
    ours = scene.slack.credentials
    await until(scene, 1)
    (body,) = scene.bodies
    assert outcome.ok
    assert body["type"] == "block_actions"
    assert body["user"] == {"id": ADA, "username": "ada", "name": "ada", "team_id": ours.team_id}
    assert (body["team"]["id"], body["api_app_id"], body["enterprise"]) == (ours.team_id, ours.app_id, None)
    assert body["is_enterprise_install"] is False
    assert body["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": INCIDENTS,
        "is_ephemeral": False,
    }
    assert body["channel"] == {"id": INCIDENTS, "name": "incidents"}
    assert (body["message"]["ts"], body["message"]["app_id"]) == (ts, ours.app_id)
    (action,) = body["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("approve", "decision", "plan-1.mac")
    assert float(action["action_ts"]) > float(ts)


async def test_a_confirm_dialog_must_be_answered_first(scene: Scene) -> None:
    await scene.post()
    ada = scene.person(ADA)
    button = await asyncio.to_thread(ada.wait_for_button, "approve")
    with pytest.raises(PersonError, match="confirm_needed") as caught:
        await asyncio.to_thread(ada.click, button, confirmed=False)
    assert caught.value.body["confirm"]["title"]["text"] == "Approve this change?"
    assert not [d for d in scene.slack.deliveries if d.kind == "interactive"]


async def test_an_ephemeral_answer_is_seen_by_that_person_only(scene: Scene) -> None:
    await scene.post()
    await scene.press(ADA, "approve")
    await asyncio.to_thread(scene.person(ADA).wait_for_ephemeral, "counted")
    assert not await asyncio.to_thread(scene.person(BEN).ephemerals)


async def test_a_modal_goes_round_and_closes(scene: Scene) -> None:
    ts = await scene.post()
    ada = scene.person(ADA)
    await scene.press(ADA, "reject")
    view = await asyncio.to_thread(ada.wait_for_view, "reason")
    outcome = await asyncio.to_thread(ada.submit, view["id"], {"why": {"text": "too late tonight"}})
    assert outcome.ok
    body = scene.bodies[-1]
    assert body["type"] == "view_submission"
    assert body["view"]["private_metadata"] == ts
    assert body["view"]["state"]["values"] == {
        "why": {"text": {"type": "plain_text_input", "value": "too late tonight"}}
    }
    assert await asyncio.to_thread(ada.open_views) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [("because", ["reason"]), ("go on", ["second"]), ("push", ["reason", "second"]), ("clear", [])],
)
async def test_each_response_action_does_what_it_says(scene: Scene, text: str, left: list[str]) -> None:
    await scene.post()
    ada = scene.person(ADA)
    await scene.press(ADA, "reject")
    view = await asyncio.to_thread(ada.wait_for_view)
    outcome = await asyncio.to_thread(ada.submit, view["id"], {"text": text})
    assert outcome.errors == ({"why": "Say why."} if text == "because" else {})
    assert [v["callback_id"] for v in await asyncio.to_thread(ada.open_views)] == left


async def test_a_required_or_too_short_input_never_leaves_the_client(scene: Scene) -> None:
    await scene.post()
    ada = scene.person(ADA)
    await scene.press(ADA, "reject")
    view = await asyncio.to_thread(ada.wait_for_view)
    before = len(scene.slack.deliveries)
    for text, complaint in (("", "required"), ("no", "at least 3"), ("x" * 501, "less than 500")):
        outcome = await asyncio.to_thread(ada.submit, view["id"], {"text": text})
        assert complaint in outcome.errors["why"]
    assert len(scene.slack.deliveries) == before


async def test_closing_a_modal_tells_the_app_that_asked_for_it(scene: Scene) -> None:
    await scene.post()
    ada = scene.person(ADA)
    await scene.press(ADA, "reject")
    view = await asyncio.to_thread(ada.wait_for_view)
    await asyncio.to_thread(ada.close_view, view["id"])
    assert scene.bodies[-1]["type"] == "view_closed"
    assert scene.bodies[-1]["is_cleared"] is False


async def test_a_trigger_opens_one_view_and_only_within_three_seconds(scene: Scene) -> None:
    await scene.post()
    await scene.press(ADA, "approve")
    await scene.press(ADA, "approve")
    await until(scene, 2)
    used, late = (body["trigger_id"] for body in scene.bodies)
    await scene.client.views_open(trigger_id=used, view=reason_modal())
    for trigger, error, seconds in (
        (used, "exchanged", 0.0),
        (late, "expired", 3.0),
        ("1.2.x", "invalid", 0.0),
    ):
        scene.clock.now += seconds
        with pytest.raises(SlackApiError, match=f"{error}_trigger_id"):
            await scene.client.views_open(trigger_id=trigger, view=reason_modal())


async def test_a_slash_command_is_answered_to_the_person_only(scene: Scene) -> None:
    outcome = await asyncio.to_thread(scene.person(ADA).slash, INCIDENTS, "/midwatch incident 1")
    assert outcome.ok
    body = scene.bodies[-1]
    assert (body["command"], body["text"], body["user_id"]) == ("/midwatch", "incident 1", ADA)
    (note,) = await asyncio.to_thread(scene.person(ADA).ephemerals)
    assert note["text"] == "you said incident 1"
    assert not await asyncio.to_thread(scene.person(BEN).messages, INCIDENTS)


async def test_speech_and_mentions_arrive_as_events_and_own_posts_are_ignored_by_bolt(scene: Scene) -> None:
    await scene.post()
    bot = scene.slack.credentials.bot_user_id
    await asyncio.to_thread(scene.person(ADA).say, INCIDENTS, f"<@{bot}> why do you think so?")
    await until(scene, 2)
    events = {body["event"]["type"]: body for body in scene.bodies}
    assert set(events) == {"message", "app_mention"}
    assert events["message"]["event"]["channel_type"] == "channel"
    assert events["message"]["authorizations"][0]["user_id"] == bot


async def test_opening_the_home_tab_is_told_and_a_published_home_is_shown(scene: Scene) -> None:
    ada = scene.person(ADA)
    await asyncio.to_thread(ada.open_home)
    await until(scene, 1)
    assert scene.bodies[0]["event"]["tab"] == "home"
    home = {
        "type": "home",
        "blocks": [{"type": "header", "text": plain("Open approvals")}, approval_buttons()],
    }
    await scene.client.views_publish(user_id=ADA, view=home)
    shown = await asyncio.to_thread(ada.home)
    assert shown is not None
    outcome = await asyncio.to_thread(ada.click_in_view, shown["id"], "details")
    assert scene.slack.deliveries[-1].payload["container"] == {"type": "view", "view_id": shown["id"]}
    assert not outcome.ok


async def test_a_click_nobody_answers_is_reported_to_the_person(scene: Scene) -> None:
    await scene.post()
    outcome = await scene.press(ADA, "details")
    assert outcome.error == "app_did_not_respond"
    assert not scene.slack.deliveries[-1].acknowledged


async def test_a_guest_can_click_and_is_told_apart_only_by_users_info(scene: Scene) -> None:
    await scene.post()
    await scene.press(GUS, "approve")
    await until(scene, 1)
    assert scene.bodies[0]["user"]["team_id"] == scene.slack.credentials.team_id
    assert (await scene.client.users_info(user=GUS))["user"]["is_restricted"]


async def test_a_stranger_of_a_shared_channel_clicks_with_their_own_team(scene: Scene) -> None:
    await scene.client.chat_postMessage(channel=SHARED, text="card", blocks=incident_card())
    await scene.press(STELLA, "approve")
    await until(scene, 1)
    assert scene.bodies[0]["user"]["team_id"] == "T0FOREIGN01"
    assert scene.bodies[0]["api_app_id"] == scene.slack.credentials.app_id


@pytest.mark.parametrize(
    ("user_id", "error"), [(DORA, "account_inactive"), (ROBO, "not_a_person"), (STELLA, "not_in_channel")]
)
async def test_who_cannot_use_the_channel_cannot_click_in_it(scene: Scene, user_id: str, error: str) -> None:
    await scene.post()
    button = await asyncio.to_thread(scene.person(ADA).wait_for_button, "approve")
    with pytest.raises(PersonError, match=error):
        await asyncio.to_thread(scene.person(user_id).click, button)


async def test_a_button_that_was_taken_away_cannot_be_clicked_any_more(scene: Scene) -> None:
    ts = await scene.post()
    ada = scene.person(ADA)
    button = await asyncio.to_thread(ada.wait_for_button, "approve")
    await scene.client.chat_update(channel=INCIDENTS, ts=ts, text="decided", blocks=[])
    with pytest.raises(PersonError, match="action_not_found"):
        await asyncio.to_thread(ada.click, button)


async def test_people_see_only_their_channels(scene: Scene) -> None:
    seen = await asyncio.to_thread(scene.person(GUS).state)
    assert [channel["id"] for channel in seen["channels"]] == [INCIDENTS]
    with pytest.raises(PersonError, match="not_in_channel"):
        await asyncio.to_thread(scene.person(GUS).say, GENERAL, "hello")
