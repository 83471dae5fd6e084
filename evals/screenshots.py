"""`python -m evals.screenshots FOLDER`: the pictures of the documentation, taken of the running product.

One incident is played in the pretend data centre, as the demo plays it, and each shot is taken at its moment
by a headless Chromium. Another picture is one more line in ``SHOTS``. Needs Chromium and the packages of
``dev``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from agents.ledger.protocol import PlanState
from agents.ledger.store import Ledger
from agents.ledger.story import story
from evals import oncall
from evals.processes import BrokenArrow, Install, free_port, roster_file, start_serve, start_world
from evals.world.slack.person import Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WAIT_S = 120.0
DESK, TALL, PHONE = (1280, 900), (1100, 1400), (390, 844)
TOKEN = "the-token-of-the-screenshots"  # noqa: S105  (of a data centre that lives for a minute)


class Moment(StrEnum):
    """When a shot is taken."""

    ASKED = "a card asks for a signature"
    OVER = "the incident is verified and closed"


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture: where, when, and how large. ``page`` is a path of the product, or empty for the chat."""

    name: str
    page: str = ""
    at: Moment = Moment.OVER
    scenario: str = "bad-image"
    size: tuple[int, int] = DESK
    dark: bool = False
    does: Callable[[Person], object] | None = None
    """What somebody on call does in the chat that opens a form, which is then the picture."""


def _opens_the_form(person: Person) -> None:
    person.click(person.wait_for_button("approve", timeout=WAIT_S))


# The order is that of the pages that show them; each scenario is played once, whatever the order.
SHOTS = (
    Shot(name="slack", at=Moment.ASKED, size=TALL),
    Shot(name="incidents", page="/incidents"),
    Shot(name="incident", page="/incidents/1"),
    Shot(name="incident-phone", page="/incidents/1", size=PHONE, dark=True),
    Shot(name="plans", page="/plans", at=Moment.ASKED),
    Shot(name="postmortem", page="/incidents/1/postmortem"),
    Shot(name="ledger", page="/ledger"),
    Shot(name="insights", page="/insights"),
    Shot(name="confirm", at=Moment.ASKED, scenario="oom", does=_opens_the_form),
)


def main(arguments: list[str] | None = None) -> int:
    """Take all shots, or those that are named; 0 when they are there, 1 when the way to one broke."""
    asked = argparse.ArgumentParser(prog="python -m evals.screenshots", description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--only", action="append", choices=[shot.name for shot in SHOTS])
    given = asked.parse_args(arguments)
    wanted = [shot for shot in SHOTS if not given.only or shot.name in given.only]
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        with _browser() as browser:
            for scenario in dict.fromkeys(shot.scenario for shot in wanted):
                own = [shot for shot in wanted if shot.scenario == scenario]
                _Play(browser, given.folder).through(scenario, own)
    except BrokenArrow as broken:
        sys.stderr.write(f"screenshots: {broken}\n")
        return 1
    return 0


@contextmanager
def _browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        raise BrokenArrow("chromium is not installed")
    with sync_playwright() as driver:
        # It runs as whoever builds the pages, in containers too, where its own sandbox cannot.
        flags = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
        ]
        browser = driver.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            browser.close()


class _Play:
    """One scenario from its fault to its end, with stops for pictures."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser, self._folder = browser, folder
        self._login = self._chat = self._url = ""

    def through(self, scenario: str, shots: list[Shot]) -> None:
        """Play it. Raises BrokenArrow."""
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="midwatch-shots-")))
            self._url = f"http://127.0.0.1:{free_port()}"
            world, data = start_world(stack, home, scenario, (f"{self._url}/alertmanager", TOKEN))
            roster = roster_file(home, data["slack"])
            install = Install(folder=home, url=self._url, token=TOKEN, data=data, roster=roster)
            _, self._login = start_serve(stack, install)
            ledger = Ledger(f"sqlite:///{home / 'state' / 'midwatch.db'}")
            stack.callback(ledger.close)
            self._chat = data["slack"]["page_url"]
            ada = Person(self._chat.rsplit("/", 1)[0], data["slack"]["users"]["oncall"])
            # From here on it is the demo's incident: nothing of the product knows that it is looked at.
            world.tell("break")
            ada.wait_for_button("approve", timeout=WAIT_S)
            # The card is there a moment before the ledger knows it is; a click in between is not counted.
            _until(lambda: _asks(ledger))
            self._take(shots, Moment.ASKED, ada)
            # Without a shot of the end nobody need sign: the world is thrown away as it is.
            if any(shot.at is Moment.OVER for shot in shots):
                oncall.approve(ada, WAIT_S)
                _until(lambda: _over(ledger))
                self._take(shots, Moment.OVER, ada)

    # Each in a context of its own: what one page keeps (colours, a draft) would show in the next picture.
    def _take(self, shots: list[Shot], moment: Moment, ada: Person) -> None:
        for shot in (one for one in shots if one.at is moment):
            width, height = shot.size
            context = self._browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if shot.dark else "light",
                # A phone's screen has more dots than its page has pixels.
                device_scale_factor=2 if shot.size == PHONE else 1,
            )
            try:
                page = context.new_page()
                self._open(page, shot)
                if shot.does is not None:
                    shot.does(ada)
                    page.get_by_role("dialog").wait_for()
                page.screenshot(path=self._folder / f"{shot.name}.png")
            finally:
                context.close()

    def _open(self, page: Page, shot: Shot) -> None:
        # The address that `serve` printed logs in, as it does for whoever opens it first.
        if shot.page:
            page.goto(self._login)
        page.goto(f"{self._url}{shot.page}" if shot.page else self._chat)
        # Pages that stay connected for news are never idle; what they show first is there by then.
        page.wait_for_load_state("load")
        page.wait_for_function("document.body.innerText.trim().length > 40")


def _asks(ledger: Ledger) -> bool:
    told = story(ledger, 1)
    return told is not None and told.plan is not None and told.plan.state is PlanState.PENDING


def _over(ledger: Ledger) -> bool:
    told = story(ledger, 1)
    return told is not None and told.outcome is not None


def _until(good: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not good():
        if time.monotonic() > end:
            raise BrokenArrow("the incident was not closed in time")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
