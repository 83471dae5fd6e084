"""Every page, on a desk and on a phone: seen, reached, steady and light, before and after news of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page

from agents.incident import Diagnosis, Hypothesis
from agents.ledger import feedback, investigations
from agents.ledger.feedback import Grade
from agents.ledger.incidents import accept
from agents.ledger.store import Ledger
from tests.support.browser import DESK, window
from tests.support.plans import ADA, a_delivery, an_alert
from tests.support.site import HEAVIEST, Site, site
from tools.kubernetes.objects import ObjectRef

NARROW = (360, 740)
PRESSES = 18
SLOWLY = 12
"""How many times slower a page is put together for the reader with an old phone."""
WHERE = ObjectRef(
    kind="Deployment",
    namespace="shop",
    name="checkout-with-a-name-of-sixty-three-characters-as-they-may-have",
)
CHECKS = (Path(__file__).parents[1] / "support" / "page_checks.js").read_text(encoding="utf-8")
# From before the first byte of the page on: a shift that was over before anybody looked counts as well.
WATCH = """window.moved = [];
const name = (node) => node && (node.outerHTML || node.textContent).slice(0, 60);
new PerformanceObserver(list => list.getEntries().forEach(one => {
  window.moved.push(`${one.value}: ${one.sources.map(source => name(source.node)).join(", ")}`);
})).observe({ type: "layout-shift", buffered: true });"""
STEADY = """() => new Promise(done =>
  requestAnimationFrame(() => requestAnimationFrame(() => done(window.moved))))"""
SHOWN = """() => document.addEventListener("htmx:afterSettle",
  () => { document.documentElement.dataset.shown = "yes"; }, { once: true })"""
FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const before = window.stood;
  const after = before && !(before.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
  window.stood = one;
  return {
    name: one.outerHTML.slice(0, 80), body: one === document.body, after,
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
  };
}"""


def something_new(ledger: Ledger) -> None:
    now = datetime.now(UTC)
    alert = an_alert(now, fingerprint=now.isoformat())
    accept(ledger, [a_delivery(now, alert, group_key=now.isoformat())])


def a_grade(ledger: Ledger) -> None:
    by = ADA.model_copy(update={"user_id": f"U{datetime.now(UTC):%H%M%S%f}"})
    feedback.judge(ledger, 59, by, Grade.PARTLY)


PAGES: dict[str, Callable[[Ledger], None] | None] = {
    "/incidents": something_new,
    "/incidents?q=nothing-like-this": None,
    "/incidents/59": a_grade,
    "/incidents/50": None,
    "/incidents/61": None,
    "/incidents/61/postmortem": None,
    "/incidents/50/postmortem": None,
    "/incidents/50/evidence/E1": None,
    "/incidents/4711": None,
    "/plans": something_new,
    "/ledger": None,
    "/ledger?incident=INC-50": None,
    "/insights?days=30": None,
    "/runbooks": None,
    "/runbooks/dns": None,
    "/analyzers": None,
    "/installation": None,
    "/installation/rights": None,
    "/installation/models": None,
    "/installation/settings": None,
    "/login": None,
}
"""And what happens while each is open, of those that hear of it."""


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site") / "state", 60) as opened:
        _long_words(opened.ledger)
        yield opened


def _long_words(ledger: Ledger) -> None:
    """INC-61: what clusters call their images does not break into lines by itself."""
    word = "registry.shop.example/platform/team/checkoutservice:2.9.0.build20261127"
    now = datetime.now(UTC)
    alert = an_alert(now, fingerprint="long")
    accept(ledger, [a_delivery(now, alert, group_key="long")])
    lease = investigations.take(ledger, 61, "worker", 600)
    assert lease is not None
    cause = Hypothesis(code="x", object=WHERE, sentence=f"It is {word}", score=0.9, unexplained=(word,))
    said = {"not_checked": (word,), "no_plan_because": word, "patch": word, "prose": word}
    found = Diagnosis(cause=cause, alternatives=(cause,), confidence="high", **said)
    investigations.write_diagnosis(ledger, lease, 1, found)


@pytest.mark.parametrize("size", [DESK, NARROW], ids=["desk", "phone"])
async def test_every_page_is_seen_reached_steady_and_light(
    browser: str, past: Site, size: tuple[int, int]
) -> None:
    wrong: list[str] = []
    async with window(browser, size) as opened:
        page = opened.page
        await page.add_init_script(WATCH)
        # Else a page glides to what was reached, and that is in sight a moment later.
        await page.emulate_media(reduced_motion="reduce")
        await past.enter(page)
        for path, happens in PAGES.items():
            weight = await weighed(page, f"{past.url}{path}")
            found = [] if weight <= HEAVIEST else [f"it weighs {weight} bytes"]
            if happens is not None:
                await page.locator("#live[data-state=on]").wait_for()
            found += await looked_at(page, size)
            if happens is not None:
                await settled(page, past.ledger, happens)
                found += [f"after news: {one}" for one in await looked_at(page, size)]
            found += await walked(page)
            if path == "/incidents/4711":
                # That one is missed on purpose, and a browser says so.
                opened.troubles.clear()
            wrong += [f"{path}: {one}" for one in found]
    assert not wrong, "\n".join(wrong)


async def test_a_page_is_drawn_once_and_whole_however_slowly_it_comes(browser: str, past: Site) -> None:
    moved: list[str] = []
    async with window(browser, NARROW) as opened:
        page = opened.page
        await page.add_init_script(WATCH)
        await past.enter(page)
        for path in ("/incidents/59", "/runbooks", "/insights?days=30"):
            await weighed(page, f"{past.url}{path}", slower=SLOWLY)
            moved += [f"{path}: it jumped by {one}" for one in await page.evaluate(STEADY)]
    assert not moved, "\n".join(moved)


async def weighed(page: Page, address: str, slower: int = 1) -> int:
    """Open it with nothing kept from before; how many bytes came over the wire."""
    wire = await page.context.new_cdp_session(page)
    taken: list[float] = []
    await wire.send("Network.enable")
    await wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    wire.on("Network.loadingFinished", lambda event: taken.append(event["encodedDataLength"]))
    await wire.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    await page.goto(address)
    await wire.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    await wire.detach()
    return int(sum(taken))


async def looked_at(page: Page, size: tuple[int, int]) -> list[str]:
    """What an eye meets, in both colours; and whether anything moved by itself so far."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        found += [f"{scheme}: {one}" for one in await page.evaluate(CHECKS, {"targets": size != DESK})]
    moved = await page.evaluate(STEADY)
    return found + [f"it jumped by {one}" for one in moved]


async def settled(page: Page, ledger: Ledger, happens: Callable[[Ledger], None]) -> None:
    """Something happens, and the page has shown it."""
    await page.evaluate(SHOWN)
    happens(ledger)
    await page.locator("html[data-shown]").wait_for(state="attached")


async def walked(page: Page) -> list[str]:
    """By the keyboard: first past the navigation, then on in the page's order, each in sight and marked."""
    found: list[str] = []
    await page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); window.stood = null; }")
    for press in range(PRESSES):
        await page.keyboard.press("Tab")
        at = await page.evaluate(FOCUS)
        if at["body"] or (press and at["after"]):
            # Around once: what comes next is the browser's own.
            break
        if press == 0 and "skip" not in at["name"] and "/login" not in page.url:
            found.append(f"the first thing reached is {at['name']}")
        found += [
            f"{at['name']} is {what} when it is reached"
            for what, good in (("not marked", at["marked"]), ("out of sight", at["inside"]))
            if not good
        ]
    return found
