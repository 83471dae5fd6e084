"""Modals and confirm dialogs of the pretend Slack, round and back with the real bolt on both transports."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from slack_sdk.errors import SlackApiError

from evals.world.slack import PersonError
from evals.world.slack.people import ADA
from tests.support.slack_scene import Scene, scene_over, until
from tests.support.slack_world import reason_modal


@pytest.fixture(params=["socket", "http"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with scene_over(request.param) as made:
        yield made


async def test_a_confirm_dialog_must_be_answered_first(scene: Scene) -> None:
    await scene.post()
    ada = scene.person(ADA)
    button = await asyncio.to_thread(ada.wait_for_button, "approve")
    with pytest.raises(PersonError, match="confirm_needed") as caught:
        await asyncio.to_thread(ada.click, button, confirmed=False)
    assert caught.value.body["confirm"]["title"]["text"] == "Approve this change?"
    assert not [d for d in scene.slack.deliveries if d.kind == "interactive"]


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
