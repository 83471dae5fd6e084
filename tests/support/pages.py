"""The pages on a free loopback port over a ledger of some incidents, and a window that is logged in."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn

from agents.ledger.store import Ledger
from evals.bench.long_ledger import Size, write
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.wiring import ledger_of
from tests.support.browser import Window
from tests.support.ledgers import empty_ledger
from tests.support.patience import PATIENCE_S

TOKEN = "the-token-of-the-first-start"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the pages are, and what they read."""

    url: str
    ledger: Ledger
    windows: list[Window] = field(default_factory=list)

    async def enter(self, window: Window, path: str) -> None:
        """Log the window in and open a page."""
        self.windows.append(window)
        await window.page.goto(f"{self.url}/login?token={TOKEN}")
        await window.page.goto(f"{self.url}{path}")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """One page as a script gets it."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=PATIENCE_S) as client:
            return await client.get(path, headers=BEARER | headers)


def settings_in(folder: Path, **more: object) -> Settings:
    """An installation whose login token is known."""
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "keys" / "login.sha256").write_text(hashlib.sha256(TOKEN.encode()).hexdigest())
    return Settings(state_dir=folder, listen="127.0.0.1:0", **more)  # type: ignore[arg-type]


@asynccontextmanager
async def site(settings: Settings, ledger: Ledger) -> AsyncIterator[Site]:
    """The pages of this ledger while the block runs."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = application(settings.model_copy(update={"public_url": url}), ledger)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    opened = Site(url=url, ledger=ledger)
    try:
        yield opened
        for window in opened.windows:
            # A page that is still open would ask a server for news that is gone.
            if not window.page.is_closed():
                await window.page.goto("about:blank")
    finally:
        app.state.live.close()
        server.should_exit = True
        await serving


@asynccontextmanager
async def some_years(folder: Path, size: Size | None = None) -> AsyncIterator[Site]:
    """Sixty incidents, the newest five still open with plans that wait."""
    settings = settings_in(folder)
    empty_ledger(settings.state_dir / "midwatch.db")
    ledger = ledger_of(settings)
    try:
        write(ledger, size or Size(incidents=60, events=3000, open=5))
        async with site(settings, ledger) as opened:
            yield opened
    finally:
        ledger.close()
