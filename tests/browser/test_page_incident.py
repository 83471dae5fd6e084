"""One incident as its reader has it: from a claim to the words that carry it, the drawing, the plan, live."""

from __future__ import annotations

from pathlib import Path

from agents.incident import Approver, Decision, Verdict
from agents.ledger.decisions import decide
from agents.ledger.story import story
from tests.support.browser import Window
from tests.support.pages import some_years


async def test_a_claim_leads_to_the_words_that_carry_it(desk: Window, tmp_path: Path) -> None:
    async with some_years(tmp_path) as years:
        await years.enter(desk, "/incidents/59")
        page = desk.page
        await page.locator(".claims .proof a").first.click()
        quoted = page.locator("mark:target")
        await quoted.wait_for()
        assert await quoted.inner_text() == "0"
        assert await page.locator("details[open] pre mark").count() == 1
        await page.get_by_role("link", name="All of E1").click()
        await page.wait_for_url("**/evidence/E1")
        assert await page.locator("pre mark").inner_text() == "0"


async def test_a_decision_appears_on_the_open_page_and_what_was_opened_stays(
    desk: Window, tmp_path: Path
) -> None:
    async with some_years(tmp_path) as years:
        await years.enter(desk, "/incidents/59")
        page = desk.page
        await page.locator("#live[data-state=on]").wait_for()
        await page.get_by_text("Nobody has decided.").wait_for()
        await page.locator("#look-E2 summary").click()
        told = story(years.ledger, 59)
        assert told is not None
        assert told.plan is not None
        plan = told.plan.plan
        word = Decision(
            plan_id=plan.id,
            plan_digest=plan.digest,
            approver=Approver(team_id="T0", user_id="U0ADA"),
            verdict=Verdict.DENY,
            reason="<b>not now</b>",
            at=years.ledger.now(),
        )
        decide(years.ledger, word)
        await page.get_by_text("U0ADA of T0: deny").wait_for()
        assert await page.locator("#look-E2").get_attribute("open") is not None
        assert await page.locator(".decisions b").count() == 0
        # It stops listening before there is nobody to listen to.
        await page.goto("about:blank")


async def test_the_story_fits_a_phone_and_its_draft_can_be_taken_along(phone: Window, tmp_path: Path) -> None:
    async with some_years(tmp_path) as years:
        await years.enter(phone, "/incidents/49")
        page = phone.page
        fits = "document.documentElement.scrollWidth <= innerWidth"
        assert await page.evaluate(fits)
        assert await page.locator("svg.graph").count() == 1
        await page.get_by_text("The same in words").click()
        await page.get_by_text("Deployment search/service-49 owns").first.wait_for()
        await page.get_by_role("link", name="Postmortem draft").click()
        assert await page.evaluate(fits)
        for title in ("Summary", "Impact", "Timeline", "Cause", "Outcome", "Follow-ups"):
            await page.get_by_role("heading", name=title, exact=True).wait_for()
        bare = (
            """() => [...document.querySelectorAll(".draft > li")].filter(one => !one.querySelector("a"))"""
        )
        assert await page.evaluate(f"({bare})().length") == 0, "every line names its source"
        async with page.expect_download() as taken:
            await page.get_by_role("link", name="Markdown").click()
        assert (await taken.value).suggested_filename == "INC-49-postmortem.md"
