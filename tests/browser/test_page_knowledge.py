"""Insights, runbooks, analyzers and the installation in a real browser, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from midwatch.check_kept import keep
from midwatch.check_result import Result
from midwatch.settings import Settings
from tests.support.browser import Window
from tests.support.site import Site, fits, site


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with site(folder / "state", 120) as at:
        results = [Result(what="slack", ok=False, says="not_in_channel: invite the app to the channel")]
        keep(Settings(state_dir=folder / "state"), results)
        yield at


PAGES = {
    "/insights?days=90": "Time to recovery (MTTR)",
    "/runbooks?q=out of memory": "Actions it allows",
    "/runbooks/dns": "Escalate to",
    "/analyzers?q=pod.image": "pod.image.not_found",
    "/installation": "not_in_channel",
}


async def _all_fit(opened: Window, past: Site) -> None:
    await past.enter(opened.page)
    for path, shows in PAGES.items():
        await opened.page.goto(f"{past.url}{path}")
        await expect(opened.page.locator("main")).to_contain_text(shows)
        await fits(opened.page)


async def test_each_page_fits_a_desk(desk: Window, past: Site) -> None:
    await _all_fit(desk, past)


async def test_each_page_fits_a_phone(phone: Window, past: Site) -> None:
    await _all_fit(phone, past)


async def test_a_runbook_is_found_opened_and_left_again_by_its_links(desk: Window, past: Site) -> None:
    page = desk.page
    await past.enter(page)
    await page.get_by_role("link", name="Runbooks", exact=True).click()
    await page.get_by_label("An alert's name").fill("certificate expires")
    await page.keyboard.press("Enter")
    await page.locator("tbody a").first.click()
    await expect(page.get_by_role("heading", name="What to ask")).to_be_visible()
    await page.locator("main").get_by_role("link", name="Runbooks").click()
    await expect(page).to_have_url(f"{past.url}/runbooks")


async def test_a_diagnosis_is_graded_with_one_press(phone: Window, past: Site) -> None:
    page = phone.page
    await past.enter(page)
    await page.goto(f"{past.url}/incidents/100")
    await page.get_by_role("button", name="Partly right").click()
    await expect(page.locator("section", has_text="How good was this diagnosis?")).to_contain_text(
        "token: Partly"
    )
    await fits(page)
