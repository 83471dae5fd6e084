"""The record's page in a real browser: narrowed, walked, verified in place, exported."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.support.browser import Window
from tests.support.site import fits, site


async def test_the_record_is_narrowed_walked_and_verified_where_it_is_read(
    desk: Window, tmp_path: Path
) -> None:
    with site(tmp_path) as at:
        page = desk.page
        await at.enter(page)
        await page.get_by_role("link", name="Ledger").click()
        await page.get_by_label("Who wrote it").select_option("investigator")
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(page.locator("tbody tr")).to_have_count(50)
        await page.get_by_role("link", name="Older").click()
        await expect(page.get_by_role("link", name="Newest")).to_be_visible()
        await fits(page)
        await page.get_by_role("button", name="Verify now").click()
        await expect(page.locator("#verdict")).to_contain_text("Whole up to event")
        await expect(page.locator("#verdict progress")).to_have_count(0)
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Export as JSON lines").click()
        path = await (await download.value).path()
        assert b'"kind":"midwatch-export"' in path.read_bytes()[:200]
        await page.get_by_label("Incident").fill("seven")
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(page.get_by_role("alert")).to_have_text("write an incident as INC-7, or 7.")


async def test_on_a_phone_each_event_is_a_card(phone: Window, tmp_path: Path) -> None:
    with site(tmp_path, 20) as at:
        await at.enter(phone.page)
        await phone.page.goto(f"{at.url}/ledger?actor=actor")
        await expect(phone.page.locator("tbody tr").first).to_be_visible()
        await fits(phone.page)
