"""People and the real bolt meeting in the pretend Slack, over Socket Mode and over signed HTTP alike."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from evals.world.slack import PersonError
from evals.world.slack.people import ADA, BEN, DORA, GENERAL, GUS, INCIDENTS, ROBO, SHARED, STELLA
from tests.support.slack_scene import Scene, scene_over, until
from tests.support.slack_world import approval_buttons, incident_card, plain


@pytest.fixture(params=["socket", "http"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with scene_over(request.param) as made:
        yield made


@pytest.fixture(params=["socket", "http"])
async def hasty(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """For a click that nobody answers: no test waits long for nothing."""
    async with scene_over(request.param, ack_timeout_s=0.8) as made:
        yield made


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


async def test_an_ephemeral_answer_is_seen_by_that_person_only(scene: Scene) -> None:
    await scene.post()
    await scene.press(ADA, "approve")
    await asyncio.to_thread(scene.person(ADA).wait_for_ephemeral, "counted")
    assert not await asyncio.to_thread(scene.person(BEN).ephemerals)


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


async def test_opening_the_home_tab_is_told_and_a_published_home_is_shown(hasty: Scene) -> None:
    ada = hasty.person(ADA)
    await asyncio.to_thread(ada.open_home)
    await until(hasty, 1)
    assert hasty.bodies[0]["event"]["tab"] == "home"
    home = {
        "type": "home",
        "blocks": [{"type": "header", "text": plain("Open approvals")}, approval_buttons()],
    }
    await hasty.client.views_publish(user_id=ADA, view=home)
    shown = await asyncio.to_thread(ada.home)
    assert shown is not None
    outcome = await asyncio.to_thread(ada.click_in_view, shown["id"], "details")
    assert hasty.slack.deliveries[-1].payload["container"] == {"type": "view", "view_id": shown["id"]}
    assert not outcome.ok


async def test_a_click_nobody_answers_is_reported_to_the_person(hasty: Scene) -> None:
    await hasty.post()
    outcome = await hasty.press(ADA, "details")
    assert outcome.error == "app_did_not_respond"
    assert not hasty.slack.deliveries[-1].acknowledged


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
