"""A browser without a screen at the door of the pages: it follows redirects one by one and keeps cookies."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import FastAPI
from sqlmodel import col, select

from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow
from evals.world.openid import OpenIdServer
from evals.world.slack import SlackServer
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.wiring import ledger_of
from tests.support.ledgers import empty_ledger
from tests.support.patience import PATIENCE_S

HTML = {"Accept": "text/html"}


@dataclass(kw_only=True)
class Visitor:
    """Somebody at the pages, and the installation behind them."""

    client: httpx.AsyncClient
    ledger: Ledger
    settings: Settings
    app: FastAPI

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={**HTML, **headers})

    async def to_provider(self, way: str, then: str = "/incidents") -> str:
        """Begin at our door; the address that the provider is asked at."""
        begun = await self.client.get(f"/login/{way}", params={"next": then})
        assert begun.status_code == 303, begun.text
        return begun.headers["location"]

    async def from_provider(self, address: str, who: str) -> str:
        """Be this person at the provider; the path and query it sends the browser back to."""
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as outside:
            picked = await outside.get(f"{address}&as={who}")
        assert picked.status_code == 302, picked.text
        back = urlsplit(picked.headers["location"])
        return f"{back.path}?{back.query}"

    async def log_in(self, way: str, who: str, then: str = "/incidents") -> httpx.Response:
        """The whole way there and back; what the callback answered."""
        address = await self.to_provider(way, then)
        return await self.client.get(await self.from_provider(address, who))

    async def csrf(self, path: str = "/incidents") -> str:
        """The key that the forms of a page carry."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', (await self.get(path)).text)
        assert found, "no form of the page carries a key"
        return found.group(1)

    def events(self, tag: str) -> list[str]:
        """The bodies of the events with this tag, oldest first."""
        with self.ledger.read() as session:
            query = select(AuditRow).where(AuditRow.tag == tag).order_by(col(AuditRow.seq))
            return [row.body.decode() for row in session.exec(query)]


@asynccontextmanager
async def visitor(folder: Path, host: str = "127.0.0.1", **given: Any) -> AsyncIterator[Visitor]:
    """Somebody who is not logged in, coming from ``host``."""
    settings = Settings(state_dir=folder, **{"public_url": "http://pages.test", **given})
    empty_ledger(settings.state_dir / "midwatch.db")
    ledger = ledger_of(settings)
    try:
        app = application(settings, ledger)
        transport = httpx.ASGITransport(app, client=(host, 4711))
        async with httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client:
            yield Visitor(client=client, ledger=ledger, settings=settings, app=app)
    finally:
        ledger.close()


def by_oidc(provider: OpenIdServer, **more: Any) -> dict[str, Any]:
    """Settings for the pretend provider; Ada's group reads."""
    return {
        "login_oidc_issuer": provider.url,
        "login_oidc_client_id": provider.issuer.client_id,
        "login_oidc_client_secret": provider.issuer.client_secret,
        "login_viewers": ("group:sre",),
        **more,
    }


def by_slack(slack: SlackServer, **more: Any) -> dict[str, Any]:
    """Settings for Sign in with Slack at the pretend workspace."""
    return {
        "login_slack_issuer": slack.workspace.base_url,
        "login_slack_client_id": slack.credentials.client_id,
        "login_slack_client_secret": slack.credentials.client_secret,
        "login_slack_team": slack.credentials.team_id,
        **more,
    }


def query_of(address: str) -> dict[str, str]:
    """The query of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
