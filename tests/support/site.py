"""The pages on a socket over a ledger with a past, with its auditor at work: what a browser is shown."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from agents.auditor.watch import Auditor
from agents.ledger.store import Ledger
from evals.bench.long_ledger import Size, write
from evals.processes import free_port
from evals.world.wire import BackgroundServer, Listen
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.web.record import metrics
from midwatch.web.verdict import asking
from midwatch.wiring import auditor_of, ledger_of
from tests.support.ledgers import empty_ledger

TOKEN = "the-token-of-the-first-start"
HEAVIEST = 300 * 1024


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the pages are, and what is behind them."""

    url: str
    ledger: Ledger
    auditor: Auditor

    async def enter(self, page: Page) -> None:
        """Log in by the token, as at the first start."""
        await page.goto(f"{self.url}/login?token={TOKEN}")


@contextmanager
def site(folder: Path, incidents: int = 60, **given: Any) -> Iterator[Site]:
    """A site over so many incidents, closed when the test is over."""
    port = free_port()
    settings = Settings(state_dir=folder, listen=f"127.0.0.1:{port}", **given)
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "login.sha256").write_text(
        hashlib.sha256(TOKEN.encode()).hexdigest(), encoding="ascii"
    )
    empty_ledger(settings.state_dir / "midwatch.db")
    ledger = ledger_of(settings)
    if incidents:
        write(ledger, Size(incidents=incidents, events=incidents * 30, open=2))
    auditor = auditor_of(settings, ledger)
    server = BackgroundServer(
        application(settings, ledger, metrics(auditor), asking(auditor)), Listen(port=port)
    )
    server.start()
    try:
        with _looking(auditor):
            yield Site(url=settings.public_url, ledger=ledger, auditor=auditor)
    finally:
        server.stop()
        ledger.close()


@contextmanager
def _looking(auditor: Auditor) -> Iterator[None]:
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.1):
            auditor.look()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


async def fits(page: Page) -> None:
    """The page is not wider than its window, and no heavier than a page may be."""
    wide = await page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than the window"
    entries = "[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
    weight = await page.evaluate(f"{entries}.reduce((sum, one) => sum + one.encodedBodySize, 0)")
    assert 0 < weight <= HEAVIEST, f"{page.url} weighs {weight} bytes"
