"""Block Kit on the pretend Slack's page: drawn, inert, and told to the real bolt as Slack tells it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Page, expect
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from evals.world.slack import SlackServer
from evals.world.slack.people import ADA, BEN, GENERAL, INCIDENTS
from evals.world.slack.wire import JsonObject
from tests.support.browser import Window
from tests.support.patience import patient, until
from tests.support.showcase import EVERYTHING, FORM, HOSTILE
from tests.support.slack_world import bolt_app, over_socket, plain, rich


@dataclass
class Bench:
    """An app that answers every click with the form, and forms as it is told."""

    slack: SlackServer
    app: AsyncApp
    told: list[JsonObject] = field(default_factory=list)
    answers: list[JsonObject] = field(default_factory=list)
    form: JsonObject = field(default_factory=lambda: FORM)

    @property
    def client(self) -> AsyncWebClient:
        return self.app.client

    async def heard(self, count: int) -> JsonObject:
        """The newest thing told to the app, once there are this many."""
        await until(lambda: len(self.told) >= count)
        return self.told[count - 1]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    with SlackServer(patient()) as slack:
        made = Bench(slack, bolt_app(slack))

        async def act(ack: AsyncAck, body: JsonObject) -> None:
            made.told.append(body)
            if body["actions"][0]["action_id"] == "go":
                await made.client.views_open(trigger_id=body["trigger_id"], view=made.form)
            await ack()

        async def submitted(ack: AsyncAck, body: JsonObject) -> None:
            made.told.append(body)
            await ack(**(made.answers.pop(0) if made.answers else {}))

        made.app.action(re.compile(".*"))(act)
        made.app.view(re.compile(".*"))(submitted)
        made.app.view_closed(re.compile(".*"))(submitted)
        async with over_socket(slack, made.app):
            yield made


async def shown(page: Page, bench: Bench) -> None:
    await bench.client.chat_postMessage(channel=INCIDENTS, text="all", blocks=EVERYTHING)
    await page.goto(f"{bench.slack.page_url}?user={ADA}")
    await expect(page.locator(".msg")).to_have_count(1)


async def test_every_block_is_drawn_and_hostile_text_stays_text(bench: Bench, desk: Window) -> None:
    await shown(desk.page, bench)
    body = desk.page.locator(".msg .body")
    for tag, words in (("strong", "bold"), ("em", "italic"), ("s", "struck"), ("blockquote", "quoted")):
        await expect(body.locator(tag, has_text=words).first).to_be_visible()
    await expect(body.locator("blockquote").first).to_have_text("quoted")
    await expect(body.locator("pre")).to_have_text("pre *as it is*")
    await expect(body.get_by_text(HOSTILE, exact=True)).to_be_visible()
    assert await body.locator("a").evaluate_all("links => links.map(link => link.href)") == [
        "https://example.com/",
        "https://example.com/runbook",
    ]
    await expect(body.locator(".mention")).to_have_text(
        ["@Ada Okafor", "@Ben Ito", "@oncall", "#general", "@channel"]
    )
    await expect(body.get_by_text("Picture: a lighthouse")).to_be_visible()
    assert await body.locator("img, script").count() == 0


async def test_a_block_that_cannot_be_drawn_is_shown_by_its_name_and_content(
    bench: Bench, desk: Window
) -> None:
    # Slack's API refuses what it does not know, so it is put where a newer Slack would have taken it.
    space = bench.slack.workspace
    strange = {"type": "hologram", "block_id": "x", "beam": "<b>blue</b>"}
    channel = space.directory.channels[INCIDENTS]
    bench.slack.call(lambda: space.post(channel, {"user": BEN, "text": "", "blocks": [strange]}))
    await desk.page.goto(bench.slack.page_url)
    await expect(desk.page.locator(".unknown")).to_contain_text("“hologram” is not drawn here.")
    await expect(desk.page.locator(".unknown pre")).to_contain_text("<b>blue</b>")


async def test_what_is_chosen_is_told_with_the_state_of_all_inputs(bench: Bench, desk: Window) -> None:
    await shown(desk.page, bench)
    page = desk.page
    await page.locator("[data-action=size]").select_option("m")
    assert (await bench.heard(1))["actions"][0]["selected_option"] == {"text": plain("Middle"), "value": "m"}
    await page.locator("[data-action=who]").select_option(BEN)
    assert (await bench.heard(2))["actions"][0]["selected_user"] == BEN
    await page.locator("[data-action=where]").select_option(GENERAL)
    assert (await bench.heard(3))["actions"][0]["selected_channel"] == GENERAL
    await page.locator("[data-action=day]").fill("2026-12-24")
    body = await bench.heard(4)
    assert body["actions"][0]["selected_date"] == "2026-12-24"
    state = body["state"]["values"]["acts"]
    assert (state["size"]["selected_option"]["value"], state["who"]["selected_user"]) == ("m", BEN)
    assert state["hour"] == {"type": "timepicker", "selected_time": "02:14"}
    await page.get_by_label("More actions").click()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    assert (await bench.heard(5))["actions"][0]["selected_option"]["value"] == "leave"
    assert body["user"]["id"] == ADA


async def test_a_form_is_checked_beside_its_fields_and_sent_whole(bench: Bench, desk: Window) -> None:
    await shown(desk.page, bench)
    page, send = desk.page, desk.page.locator("dialog").get_by_role("button", name="Send")
    bench.answers = [{"response_action": "errors", "errors": {"why": "Say more."}}]
    await page.locator("[data-action=go]").click()
    await page.get_by_label("Replicas").fill("12")
    await page.get_by_label("Page").fill("nowhere")
    await send.click()
    wrong = page.locator(".field.bad .wrong")
    await expect(wrong).to_have_text(["This is a required field", "Must be at most 9", "Must be a valid URL"])
    await expect(page.get_by_label("Reason")).to_be_focused()
    await page.keyboard.type("short")
    await page.get_by_label("Replicas").fill("3")
    await page.get_by_label("Page").fill("https://example.com")
    await page.get_by_label("Large").first.check()
    await page.get_by_label("Ben Ito").check()
    await send.click()
    await expect(wrong).to_have_text(["Say more."])
    assert [body["type"] for body in bench.told] == ["block_actions", "view_submission"]
    view = bench.told[1]["view"]
    values = {name: block["it"] for name, block in view["state"]["values"].items()}
    assert view["private_metadata"] == "kept"
    assert values["why"]["value"] == "short"
    assert (values["count"]["value"], values["mail"]["value"]) == ("3", None)
    assert values["kind"]["selected_option"]["value"] == "l"
    assert values["many"]["selected_users"] == [BEN]
    assert values["when"]["selected_date_time"] == 1_790_000_000 - 1_790_000_000 % 60
    await page.get_by_label("Reason").fill("longer")
    await send.click()
    await expect(page.locator("dialog")).to_have_count(0)


async def test_an_update_keeps_what_was_typed_and_a_pushed_form_lies_on_top(
    bench: Bench, desk: Window
) -> None:
    await shown(desk.page, bench)
    page = desk.page
    second = {**FORM, "callback_id": "second", "title": plain("The second"), "close": plain("Back")}
    bench.answers = [{"response_action": "push", "view": second}]
    await page.locator("[data-action=go]").click()
    await page.get_by_label("Reason").fill("half a sentence")
    form = bench.slack.workspace.stacks[ADA][0]
    await bench.client.views_update(view_id=form, view={**FORM, "title": plain("Changed")})
    await expect(page.locator("dialog h2")).to_have_text("Changed")
    await expect(page.get_by_label("Reason")).to_have_value("half a sentence")
    await page.get_by_label("Replicas").fill("3")
    await page.locator("dialog:visible").get_by_role("button", name="Send").click()
    await expect(page.locator("dialog:visible h2")).to_have_text("The second")
    await page.get_by_role("button", name="Back").click()
    await expect(page.locator("dialog:visible h2")).to_have_text("Changed")
    await expect(page.get_by_label("Reason")).to_have_value("half a sentence")
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator("dialog")).to_have_count(0)
    closings = [body for body in bench.told if body["type"] == "view_closed"]
    assert [(body["view"]["callback_id"], body["is_cleared"]) for body in closings] == [
        ("second", False),
        ("form", True),
    ]


async def test_an_app_may_clear_all_forms_at_once(bench: Bench, desk: Window) -> None:
    await shown(desk.page, bench)
    bench.form = {"type": "modal", "title": plain("Sure?"), "submit": plain("Yes"), "blocks": []}
    bench.answers = [{"response_action": "push", "view": bench.form}, {"response_action": "clear"}]
    await desk.page.locator("[data-action=go]").click()
    for forms in (1, 2):
        await expect(desk.page.locator("dialog")).to_have_count(forms)
        await desk.page.get_by_role("button", name="Yes").click()
    await expect(desk.page.locator("dialog")).to_have_count(0)


async def test_nothing_that_a_form_says_is_cut_off_on_a_phone(bench: Bench, phone: Window) -> None:
    image = "registry.shop.example/platform/team/checkoutservice:2.9.0.build20261127"
    text = {"type": "text", "text": image}
    listed = rich(rich(text), kind="rich_text_list") | {"style": "bullet"}
    told = [{"type": "section", "text": plain(image)}, {"type": "rich_text", "elements": [listed]}]
    bench.form = {"type": "modal", "title": plain("Details"), "blocks": told}
    await shown(phone.page, bench)
    await phone.page.locator("[data-action=go]").click()
    said = phone.page.locator("dialog .inside")
    await expect(said).to_contain_text(image)
    assert await said.evaluate("one => one.scrollWidth - one.clientWidth") == 0


async def test_a_menu_is_filled_by_the_app_while_somebody_types(bench: Bench, desk: Window) -> None:
    places = [{"text": plain(name), "value": name.lower()} for name in ("checkout", "checkpoint")]
    element = {"type": "external_select", "action_id": "it", "min_query_length": 2}
    block = {"type": "input", "block_id": "what", "label": plain("Workload"), "element": element}
    bench.form = {"type": "modal", "title": plain("Which?"), "submit": plain("Send"), "blocks": [block]}

    async def offered(ack: AsyncAck, payload: JsonObject) -> None:
        await ack(options=[place for place in places if payload["value"] in place["value"]])

    bench.app.options("it")(offered)
    await shown(desk.page, bench)
    await desk.page.locator("[data-action=go]").click()
    field, send = desk.page.get_by_label("Workload"), desk.page.get_by_role("button", name="Send").last
    await field.press_sequentially("check")
    await expect(desk.page.locator("datalist option")).to_have_count(2)
    await send.click()
    await expect(desk.page.locator(".wrong")).to_have_text("This is a required field")
    await field.fill("checkout")
    await send.click()
    body = await bench.heard(2)
    assert body["view"]["state"]["values"]["what"]["it"]["selected_option"] == places[0]


MARKS = ["*a ", "`", "```", "<", "&gt;", "&gt;&gt;&gt;\n", "<!date^1^", "<https://a", "*_~a~_* ", "https://"]


async def test_no_text_however_it_is_marked_holds_the_page_up(bench: Bench, desk: Window) -> None:
    await desk.page.goto(bench.slack.page_url)
    await expect(desk.page.locator("#team")).to_have_text("Pretend Works")
    slow = await desk.page.evaluate(
        """async (marks) => {
          const { mrkdwn } = await import("/page/static/text.js");
          const took = (mark) => {
            const began = performance.now();
            mrkdwn(mark.repeat(40000 / mark.length));
            return performance.now() - began;
          };
          return marks.map((mark) => [mark, took(mark)]).filter(([, ms]) => ms > 2000);
        }""",
        MARKS,
    )
    assert slow == []
