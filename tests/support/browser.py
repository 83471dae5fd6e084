"""A real Chromium, headless, on a free loopback port: started once a session, ended by pid.

Every test gets a window of its own, with nothing stored in it. What a reader would call broken fails the
test that met it: an error in the console, a script that threw, an address beyond loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright, expect

from tests.support.patience import PATIENCE_S
from tests.support.real_servers import program

DESK = (1280, 900)
PHONE = (390, 844)
# Without these it asks the network for updates and lists of its own at every start.
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
)

_PATIENCE_MS = PATIENCE_S * 1000
expect.set_options(timeout=_PATIENCE_MS)


@dataclass(kw_only=True)
class Window:
    """A page, and what went wrong in it so far, in words."""

    page: Page
    troubles: list[str] = field(default_factory=list)
    met: asyncio.Event = field(default_factory=asyncio.Event)

    def trouble(self, said: str) -> None:
        """Something went wrong in it."""
        self.troubles.append(said)
        self.met.set()


@contextlib.contextmanager
def chromium() -> Iterator[str]:
    """A running Chromium; yields the address it is driven by."""
    with tempfile.TemporaryDirectory(prefix="midwatch-chromium-", ignore_cleanup_errors=True) as home:
        command = [program("chromium"), *_QUIET, f"--user-data-dir={home}", "--remote-debugging-port=0"]
        running = subprocess.Popen([*command, "about:blank"], stderr=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{_port_of(Path(home) / 'DevToolsActivePort', running)}"
        finally:
            running.terminate()
            running.wait(PATIENCE_S)


def _port_of(told: Path, running: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and running.poll() is None:
        # The first line is its port; the file is there a moment before it is written.
        if told.exists() and (lines := told.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.05)
    raise RuntimeError(f"Chromium did not start (exit {running.poll()})")


@contextlib.asynccontextmanager
async def window(address: str, size: tuple[int, int] = DESK, scheme: str = "light") -> AsyncIterator[Window]:
    """A new window of ``size`` (width, height); leaving it fails when something went wrong in it."""
    async with async_playwright() as driver:
        browser = await driver.chromium.connect_over_cdp(address, timeout=_PATIENCE_MS)
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=size == PHONE,
        )
        context.set_default_timeout(_PATIENCE_MS)
        try:
            opened = Window(page=await context.new_page())
            _listen(context, opened)
            yield opened
        finally:
            await context.close()
    assert not opened.troubles, "\n".join(opened.troubles)


def _listen(context: BrowserContext, opened: Window) -> None:
    def asked(address: str) -> None:
        if urlsplit(address).hostname not in {"127.0.0.1", "localhost", None}:
            opened.trouble(f"the page asked for {address}")

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            opened.trouble(f"console: {message.text}")

    opened.page.on("pageerror", lambda error: opened.trouble(f"a script failed: {error}"))
    opened.page.on("console", said)
    context.on("request", lambda request: asked(request.url))
