"""The list of incidents as its reader has it: live, by keys, on a phone, in colours of their choice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from agents.ledger.incidents import accept
from tests.support.browser import Window
from tests.support.pages import Site, some_years
from tests.support.plans import a_delivery, an_alert

SHIFT = """() => new Promise(done => {
  let moved = 0;
  new PerformanceObserver(list => list.getEntries().forEach(one => { moved += one.value; }))
    .observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => done(moved)));
})"""
WEIGHT = """() => performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource"))
  .reduce((all, one) => all + one.encodedBodySize, 0)"""


@pytest.fixture
async def years(tmp_path: Path) -> AsyncIterator[Site]:
    async with some_years(tmp_path) as opened:
        yield opened


async def test_a_new_incident_appears_without_a_reload_and_nothing_jumps(years: Site, desk: Window) -> None:
    await years.enter(desk, "/incidents")
    page = desk.page
    await page.locator("#live[data-state=on]").wait_for()
    assert await page.evaluate(SHIFT) == 0
    assert await page.evaluate(WEIGHT) <= 300 * 1024
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    assert await page.evaluate("document.activeElement.id") == "open-59"
    now = datetime.now(UTC)
    accept(years.ledger, [a_delivery(now, an_alert(now))])
    await page.locator("#inc-61").wait_for()
    # Whoever stood on a row still stands on it.
    assert await page.evaluate("document.activeElement.id") == "open-59"
    await page.locator("#inc-59.here").wait_for()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/incidents/59")


async def test_a_search_is_a_key_away_and_its_result_has_an_address(years: Site, desk: Window) -> None:
    await years.enter(desk, "/incidents")
    await desk.page.keyboard.press("/")
    await desk.page.keyboard.type("service-13")
    await desk.page.keyboard.press("Enter")
    await desk.page.wait_for_url("**q=service-13**")
    assert await desk.page.locator("tbody tr").count() == 1
    await desk.page.locator("input[type=search]").fill("nothing like this")
    await desk.page.keyboard.press("Enter")
    await desk.page.get_by_text("No incident fits.").wait_for()


async def test_the_list_fits_a_phone_and_colours_are_chosen_and_kept(years: Site, phone: Window) -> None:
    await years.enter(phone, "/incidents")
    page = phone.page
    width = "document.documentElement.scrollWidth <= innerWidth"
    assert await page.evaluate(width)
    for name in ("Incidents", "Plans", "Ledger"):
        box = await page.get_by_role("link", name=name, exact=True).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390, f"{name} is out of sight"
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.get_by_role("button", name="dark").click()
    await page.wait_for_url("**/incidents")
    dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    await page.goto(f"{years.url}/plans")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    assert await page.evaluate(width)


async def test_every_input_is_labelled_and_headings_do_not_skip(years: Site, desk: Window) -> None:
    await years.enter(desk, "/incidents")
    paths = ("/incidents", "/incidents/59", "/incidents/59/postmortem", "/incidents/59/evidence/E1", "/plans")
    for path in paths:
        await desk.page.goto(f"{years.url}{path}")
        bare = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
          .filter(one => !one.labels.length).length"""
        assert await desk.page.evaluate(bare) == 0, path
        levels = """() => [...document.querySelectorAll("h1, h2, h3, h4")].map(one => +one.tagName[1])"""
        found = await desk.page.evaluate(levels)
        assert found[0] == 1
        assert found.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(found)), path
        named = """() => [...document.querySelectorAll("a, button, summary, svg[role=img]")]
          .filter(one => !(one.textContent.trim() || one.getAttribute("aria-label"))).length"""
        assert await desk.page.evaluate(named) == 0, path
        ids = """() => { const all = [...document.querySelectorAll("[id]")].map(one => one.id);
          return all.filter((one, at) => all.indexOf(one) !== at); }"""
        assert await desk.page.evaluate(ids) == [], path
