"""The pretend Slack's page for one person after another: what each sees, does, and is told in private."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Page, expect

from evals.world.slack import Person, SlackServer
from evals.world.slack.options import DEFAULT_SCOPES
from evals.world.slack.people import ADA, BEN, DORA, GUS, INCIDENTS, MIA, STELLA
from tests.support.browser import Window
from tests.support.patience import patient
from tests.support.showcase import png
from tests.support.slack_scene import Scene, scene_over, until
from tests.support.slack_world import approval_buttons, bolt_app, over_socket, plain, web_client


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with scene_over("socket") as made:
        yield made


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


async def opened(page: Page, slack: SlackServer, user: str = ADA) -> None:
    await page.goto(f"{slack.page_url}?user={user}")
    await expect(page.locator("#team")).to_have_text("Pretend Works")


async def become(page: Page, user: str) -> None:
    await page.get_by_label("Who I am").first.click()
    await page.locator(f"[data-user={user}]").click()


async def test_a_confirm_dialog_stands_between_the_click_and_the_app(scene: Scene, desk: Window) -> None:
    await scene.post()
    await opened(desk.page, scene.slack)
    approve, dialog = desk.page.locator("[data-action=approve]"), desk.page.locator("dialog")
    for leave in ("Not yet", "Escape"):
        await approve.click()
        await expect(dialog.locator("h2")).to_have_text("Approve this change?")
        if leave == "Escape":
            await desk.page.keyboard.press(leave)
        else:
            await dialog.get_by_role("button", name=leave).click()
        await expect(dialog).to_have_count(0)
    assert scene.bodies == []
    await approve.click()
    await dialog.get_by_role("button", name="Approve").click()
    await until(scene, 1)
    assert scene.bodies[0]["actions"][0]["action_id"] == "approve"


async def test_a_note_is_seen_by_one_person_and_gone_after_a_reload(scene: Scene, desk: Window) -> None:
    await scene.post()
    await opened(desk.page, scene.slack)
    await scene.client.chat_postEphemeral(channel=INCIDENTS, user=ADA, text="for you")
    await expect(desk.page.locator(".note")).to_contain_text("Only visible to you")
    await become(desk.page, BEN)
    await expect(desk.page.locator("#me")).to_contain_text("Ben Ito")
    await expect(desk.page.locator(".note")).to_have_count(0)
    await become(desk.page, ADA)
    await expect(desk.page.locator(".note")).to_be_visible()
    await desk.page.reload()
    await expect(desk.page.locator(".msg")).to_have_count(1)
    await expect(desk.page.locator(".note")).to_have_count(0)


@pytest.mark.parametrize(
    ("user", "role"),
    [(ADA, "on call"), (BEN, "second approver"), (MIA, "developer"), (GUS, "guest")],
)
async def test_every_click_carries_the_person_who_was_chosen(
    scene: Scene, desk: Window, user: str, role: str
) -> None:
    await scene.post()
    await opened(desk.page, scene.slack, STELLA)
    await become(desk.page, user)
    await expect(desk.page.locator("#me")).to_contain_text(role)
    await desk.page.locator("[data-action=approve]").click()
    await desk.page.locator("dialog").get_by_role("button", name="Approve").click()
    await until(scene, 1)
    assert scene.bodies[0]["user"]["id"] == user
    await desk.page.get_by_label("Message", exact=True).fill("/midwatch who")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator(".note").last).to_contain_text("you said who")
    assert scene.bodies[-1]["user_id"] == user


async def test_who_left_can_do_nothing_and_a_partner_sees_the_shared_channel_only(
    slack: SlackServer, desk: Window
) -> None:
    await opened(desk.page, slack, DORA)
    await expect(desk.page.locator("#banner")).to_contain_text("deactivated")
    await expect(desk.page.get_by_label("Message", exact=True)).to_be_disabled()
    await become(desk.page, STELLA)
    await expect(desk.page.locator("#channels li")).to_have_text(["⇄partners"])
    await expect(desk.page.locator("#no-apps")).to_be_visible()
    await expect(desk.page.locator("#banner")).to_be_hidden()


async def test_a_click_that_the_app_does_not_answer_says_so_beside_the_message(
    slack: SlackServer, desk: Window
) -> None:
    await web_client(slack).chat_postMessage(channel=INCIDENTS, text="x", blocks=[approval_buttons()])
    await opened(desk.page, slack)
    await desk.page.locator("[data-action=details]").click()
    await expect(desk.page.get_by_role("alert")).to_contain_text("The app did not respond.")


async def test_the_home_tab_is_told_of_and_shows_what_was_published_for_that_person(
    scene: Scene, desk: Window
) -> None:
    await opened(desk.page, scene.slack)
    await desk.page.locator("#apps").get_by_role("button").click()
    await expect(desk.page.locator("#log")).to_have_text("The app has not published a home for you.")
    await until(scene, 1)
    event = scene.bodies[0]["event"]
    assert (event["type"], event["user"], event["tab"]) == ("app_home_opened", ADA, "home")
    for user, words in ((BEN, "for Ben"), (ADA, "for Ada")):
        home = {"type": "home", "blocks": [{"type": "header", "text": plain(words)}, approval_buttons()]}
        await scene.client.views_publish(user_id=user, view=home)
    await expect(desk.page.locator("#log h3")).to_have_text("for Ada")
    await desk.page.locator("[data-action=approve]").click()
    await desk.page.locator("dialog").get_by_role("button", name="Approve").click()
    await until(scene, 2)
    assert scene.bodies[1]["container"]["type"] == "view"
    await become(desk.page, BEN)
    await expect(desk.page.locator("#log h3")).to_have_text("for Ben")
    await until(scene, 3)
    assert scene.bodies[2]["event"]["user"] == BEN


async def test_an_app_that_may_not_read_direct_messages_gets_none(slack: SlackServer, desk: Window) -> None:
    await web_client(slack).chat_postMessage(channel=ADA, text="psst")
    await opened(desk.page, slack)
    await desk.page.locator("#apps").get_by_role("button").click()
    await desk.page.get_by_role("tab", name="Messages").click()
    await expect(desk.page.locator("#log .say")).to_have_text("psst")
    area = desk.page.get_by_label("Message", exact=True)
    await expect(area).to_be_disabled()
    await expect(area).to_have_attribute("placeholder", "Sending messages to this app is turned off.")


async def test_app_and_person_may_talk_alone(desk: Window) -> None:
    with SlackServer(patient(scopes=DEFAULT_SCOPES | {"im:history"})) as slack:
        app, heard = bolt_app(slack), asyncio.Event()

        @app.message("hello")
        async def hello(message: dict[str, str], say: object) -> None:
            assert message["channel_type"] == "im"
            assert callable(say)
            await say("hello yourself")
            heard.set()

        async with over_socket(slack, app):
            await opened(desk.page, slack)
            await app.client.chat_postMessage(channel=ADA, text="psst")
            await desk.page.locator("#apps").get_by_label("1 unread").click()
            await desk.page.get_by_label("Message", exact=True).fill("hello")
            await desk.page.keyboard.press("Enter")
            await expect(desk.page.locator("#log .say")).to_have_text(["psst", "hello", "hello yourself"])
            assert heard.is_set()
            assert not await asyncio.to_thread(Person(slack.page_url, BEN).messages)


async def test_a_text_file_is_previewed_with_numbered_lines_and_opened_whole(
    slack: SlackServer, desk: Window
) -> None:
    lines = "\n".join(f"line <b>{n}</b>" for n in range(1, 301))
    await web_client(slack).files_upload_v2(channel=INCIDENTS, content=lines, filename="pod.log")
    await opened(desk.page, slack)
    await expect(desk.page.locator(".file")).to_contain_text("Text · 4.7 kB · 300 lines")
    await expect(desk.page.locator(".file .lines span")).to_have_count(9)
    await desk.page.get_by_role("button", name="Open pod.log").click()
    shown = desk.page.locator("dialog .lines span")
    await expect(shown).to_have_count(300)
    await expect(shown.last).to_have_text("line <b>300</b>")
    await desk.page.get_by_label("Close", exact=True).click()
    await expect(desk.page.locator("dialog")).to_have_count(0)


async def test_a_picture_is_shown_at_its_size_and_opened(slack: SlackServer, phone: Window) -> None:
    await web_client(slack).files_upload_v2(channel=INCIDENTS, file=png(640, 220), filename="plot.png")
    await opened(phone.page, slack)
    picture = phone.page.locator(".file img")
    await expect(picture).to_have_js_property("naturalWidth", 640)
    box = await picture.bounding_box()
    assert box is not None
    assert box["height"] == pytest.approx(box["width"] * 220 / 640, abs=1)
    await phone.page.locator(".bare").tap()
    await expect(phone.page.locator("dialog img")).to_be_visible()
