"""The pretend Slack's page as a chat: speaking, threads, unread marks, scrolling, live, on desk and phone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from evals.world.slack import Person, SlackServer
from evals.world.slack.blocks import message_blocks
from evals.world.slack.people import ADA, BEN, INCIDENTS, MIA, SHARED
from tests.support.browser import DESK, PHONE, Window, window
from tests.support.looks import shifted, too_faint, too_wide
from tests.support.patience import patient
from tests.support.showcase import EVERYTHING, FORM
from tests.support.slack_scene import Scene, scene_over, until
from tests.support.slack_world import incident_card, web_client


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with scene_over("socket") as made:
        yield made


async def opened(page: Page, scene: Scene, more: str = "") -> None:
    await page.goto(f"{scene.slack.page_url}?user={ADA}{more}")
    await expect(page.locator("#link")).to_have_text("app on")


async def says(scene: Scene, user: str, text: str, where: str = INCIDENTS, thread: str | None = None) -> str:
    return await asyncio.to_thread(scene.person(user).say, where, text, thread)


async def test_what_is_typed_reaches_the_app_and_others_words_appear_unasked(
    scene: Scene, desk: Window
) -> None:
    await opened(desk.page, scene)
    await desk.page.get_by_label("Message", exact=True).fill("@Midwatch is *it* <b>down</b>?")
    await desk.page.keyboard.press("Enter")
    await until(scene, 2)
    bot = scene.slack.credentials.bot_user_id
    events = {body["event"]["type"]: body["event"]["text"] for body in scene.bodies}
    assert events == dict.fromkeys(("message", "app_mention"), f"<@{bot}> is *it* &lt;b&gt;down&lt;/b&gt;?")
    await expect(desk.page.locator(".msg .say")).to_have_text("@Midwatch is it <b>down</b>?")
    await says(scene, BEN, "looking")
    await expect(desk.page.locator(".msg .say").last).to_have_text("looking")


async def test_words_of_one_person_stand_together_and_an_update_says_so(scene: Scene, desk: Window) -> None:
    for text in ("one", "two"):
        await says(scene, BEN, text)
    posted = await scene.client.chat_postMessage(channel=INCIDENTS, text="first")
    await opened(desk.page, scene)
    await expect(desk.page.locator(".day")).to_have_text("Today")
    await expect(desk.page.locator(".msg .by strong")).to_have_text(["Ben Ito", "Midwatch"])
    await scene.client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="second")
    await expect(desk.page.locator(".msg").last).to_contain_text("second(edited)")


async def test_a_thread_opens_beside_is_answered_in_and_gives_the_keyboard_back(
    scene: Scene, desk: Window
) -> None:
    for text in ("one line\n" * 20, "many words " * 200):
        ts = (await scene.client.chat_postMessage(channel=INCIDENTS, text=text))["ts"]
    for text in ("why?", "because"):
        await says(scene, BEN, text, thread=ts)
    await opened(desk.page, scene)
    summary = desk.page.get_by_role("button", name="2 replies")
    await summary.focus()
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#thread .say").last).to_have_text("because")
    await expect(summary).to_be_in_viewport()
    await expect(desk.page.get_by_label("Reply", exact=True)).to_be_focused()
    await desk.page.keyboard.type("thank you")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#thread .count")).to_have_text("3 replies")
    assert scene.bodies[-1]["event"]["thread_ts"] == ts
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator("#thread")).to_be_hidden()
    await expect(desk.page.get_by_role("button", name="3 replies")).to_be_focused()


async def test_a_channel_with_news_is_marked_until_it_is_looked_at(scene: Scene, desk: Window) -> None:
    await says(scene, BEN, "old", SHARED)
    await opened(desk.page, scene)
    entry = desk.page.locator("#channels li", has_text="partners")
    await expect(entry).not_to_have_class("unread")
    await says(scene, BEN, "new", SHARED)
    await expect(entry.get_by_label("1 unread")).to_be_visible()
    await entry.get_by_role("button").click()
    await expect(entry).not_to_have_class("unread")
    await expect(desk.page.locator("#log > *").nth(2)).to_have_text("New")
    await expect(desk.page.locator("#log .say").last).to_have_text("new")


async def test_reading_above_is_not_disturbed_and_the_end_is_one_click_away(
    scene: Scene, desk: Window
) -> None:
    for number in range(40):
        await scene.client.chat_postMessage(channel=INCIDENTS, text=f"line {number}\n" * 2)
    await opened(desk.page, scene)
    log, below = desk.page.locator("#log"), desk.page.get_by_role("button", name="New messages")
    bottom = "node => node.scrollHeight - node.scrollTop - node.clientHeight < 2"
    await expect(desk.page.locator(".msg").last).to_be_in_viewport()
    await scene.client.chat_postMessage(channel=INCIDENTS, text="followed")
    await expect(desk.page.locator(".say").last).to_be_in_viewport()
    await log.evaluate("node => { node.scrollTop = 200; }")
    await scene.client.chat_postMessage(channel=INCIDENTS, text="unseen")
    await expect(below).to_be_visible()
    assert await log.evaluate("node => node.scrollTop") == 200
    await below.click()
    assert await log.evaluate(bottom)
    await expect(below).to_be_hidden()


async def test_a_changed_card_keeps_the_keyboard_where_it_was(scene: Scene, desk: Window) -> None:
    ts = await scene.post()
    await opened(desk.page, scene)
    details = desk.page.get_by_role("button", name="Details")
    await details.focus()
    await scene.client.reactions_add(channel=INCIDENTS, timestamp=ts, name="eyes")
    await expect(desk.page.locator(".react")).to_have_text("👀 1")
    await expect(details).to_be_focused()


async def test_a_reaction_is_one_click_and_is_taken_back_by_another(scene: Scene, desk: Window) -> None:
    await scene.post()
    await opened(desk.page, scene)
    await desk.page.locator(".msg").hover()
    await desk.page.get_by_label("React with ✅").click()
    mark = desk.page.locator(".react button")
    await expect(mark).to_have_attribute("aria-pressed", "true")
    await mark.click()
    await expect(mark).to_have_count(0)


async def test_the_page_comes_back_by_itself_after_its_server_did(browser: str) -> None:
    with SlackServer(patient()) as first:
        port, url = urlsplit(first.page_url).port or 0, first.page_url
        async with window(browser) as opened:
            await opened.page.goto(url)
            await expect(opened.page.locator("#team")).to_have_text("Pretend Works")
            await asyncio.to_thread(first.stop)
            await expect(opened.page.locator("#offline")).to_be_visible()
            with SlackServer(patient(port=port)) as second:
                await asyncio.to_thread(Person(second.page_url, MIA).say, INCIDENTS, "back again")
                await expect(opened.page.locator(".say")).to_have_text("back again")
                await expect(opened.page.locator("#offline")).to_be_hidden()
            # What the browser itself says of a server that is gone is not the page's fault.
            opened.troubles = [said for said in opened.troubles if "Failed to load resource" not in said]


async def test_on_a_phone_the_list_is_a_drawer_and_a_thread_fills_the_screen(
    scene: Scene, phone: Window
) -> None:
    ts = await scene.post()
    await says(scene, BEN, "why?", thread=ts)
    await opened(phone.page, scene)
    assert not await too_wide(phone.page)
    await phone.page.get_by_role("button", name="Conversations").tap()
    await phone.page.locator("#channels li", has_text="general").get_by_role("button").tap()
    await expect(phone.page.locator("#title")).to_have_text("# general")
    await expect(phone.page.locator("#side")).not_to_be_in_viewport()
    await phone.page.goto(f"{scene.slack.page_url}?user={ADA}&channel={INCIDENTS}")
    await phone.page.get_by_role("button", name="1 reply").tap()
    box = await phone.page.locator("#thread").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, PHONE[0])
    assert not await too_wide(phone.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_every_word_can_be_read_and_nothing_jumps(
    browser: str, scheme: str, size: tuple[int, int]
) -> None:
    with SlackServer(patient()) as slack:
        client = web_client(slack)
        await client.chat_postMessage(channel=INCIDENTS, text="all", blocks=EVERYTHING)
        await client.chat_postMessage(channel=INCIDENTS, text="<@U0BEN000001> :fire: `code`")
        async with window(browser, size, scheme) as opened:
            await opened.page.goto(slack.page_url)
            await expect(opened.page.locator(".msg")).to_have_count(2)
            await client.chat_postEphemeral(channel=INCIDENTS, user=ADA, text="a note")
            await expect(opened.page.locator(".note")).to_be_visible()
            assert await too_faint(opened.page) == []
            assert await shifted(opened.page) < 0.01
            assert not await too_wide(opened.page)
            trigger = slack.call(lambda: slack.workspace.new_trigger(ADA))
            await client.views_open(trigger_id=trigger, view=FORM)
            await opened.page.locator("dialog").get_by_role("button", name="Send").click()
            await expect(opened.page.locator(".field.bad")).to_have_count(2)
            assert await too_faint(opened.page) == []
            assert not await too_wide(opened.page)


async def test_a_permalink_shows_its_message_wherever_it_stands(scene: Scene, desk: Window) -> None:
    for number in range(30):
        posted = await scene.client.chat_postMessage(channel=INCIDENTS, text=f"line {number}\n" * 3)
        if number == 10:
            wanted = await scene.client.chat_getPermalink(channel=INCIDENTS, message_ts=posted["ts"])
    await desk.page.goto(wanted["permalink"])
    await expect(desk.page.locator(".msg.target")).to_contain_text("line 10")
    await expect(desk.page.locator(".msg.target")).to_be_in_viewport()


async def test_a_busy_channel_is_drawn_and_a_changed_card_is_seen(desk: Window) -> None:
    with SlackServer(patient()) as slack:
        client, channel = web_client(slack), slack.workspace.directory.channels[INCIDENTS]
        card = {"text": "card", "blocks": message_blocks(incident_card()), "user": BEN}
        slack.call(lambda: [slack.workspace.post(channel, dict(card)) for _ in range(100)])
        posted = await client.chat_postMessage(channel=INCIDENTS, text="card", blocks=incident_card())
        await desk.page.goto(slack.page_url)
        await expect(desk.page.locator(".msg")).to_have_count(101)
        await client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="done", blocks=[])
        await expect(desk.page.locator(".msg").last).to_contain_text("done(edited)")
