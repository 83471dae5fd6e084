"""The pages over a real socket: nothing without a login, odd addresses are the asker's error, never ours."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn

from agents.auditor import export
from agents.ledger import consultations, investigations
from agents.ledger.breaker import Breaker
from agents.ledger.consultations import Asked, Ended
from agents.ledger.incidents import accept
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.wiring import ledger_of
from tests.support.ledgers import empty_ledger
from tests.support.patience import PATIENCE_S
from tests.support.plans import a_delivery, an_alert

TOKEN = "the-token-of-the-first-start"
ODD = "99999999999999999999999"


@pytest.fixture
async def pages(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An empty installation whose login token is known."""
    settings = Settings(state_dir=tmp_path, listen="127.0.0.1:0")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "login.sha256").write_text(hashlib.sha256(TOKEN.encode()).hexdigest())
    empty_ledger(tmp_path / "midwatch.db")
    ledger = ledger_of(settings)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(settings, ledger), log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=PATIENCE_S) as client:
        yield client
    server.should_exit = True
    await serving
    ledger.close()


@pytest.mark.parametrize("path", [f"/incidents/{ODD}", f"/incidents?before={ODD}", f"/ledger?before={ODD}"])
async def test_a_number_that_no_ledger_holds_is_a_wrong_address(pages: httpx.AsyncClient, path: str) -> None:
    found = await pages.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
    assert found.status_code == 422


async def test_no_path_method_or_host_opens_a_page_without_a_login(pages: httpx.AsyncClient) -> None:
    paths = ("/", "/incidents", "/incidents/1", "/ledger", "//ledger", "/docs", "/static")
    hosts = ("x", "x/login?", "x/static/", "x#/login")
    for path, host in itertools.product(paths, hosts):
        for method in ("GET", "HEAD", "POST", "OPTIONS", "TRACE"):
            found = await pages.request(method, path, headers={"Host": host})
            assert found.status_code == 401, (method, path, host)
            assert "default-src 'none'" in found.headers["content-security-policy"]


async def test_what_a_model_was_asked_and_what_it_cost_stands_on_both_pages(
    pages: httpx.AsyncClient, tmp_path: Path
) -> None:
    ledger = ledger_of(Settings(state_dir=tmp_path, listen="127.0.0.1:0"))
    now = datetime.now(UTC)
    accept(ledger, [a_delivery(now, an_alert(now))])
    lease = investigations.take(ledger, 1, "worker", 600)
    assert lease is not None
    for model, cost in (("priced", 1_234_500), ("<b>cheap</b>", None)):
        asked = Asked(
            turn=1, stage="opinion", key="k", prompt="opinion@abc", model=model, reserved=9, seconds=9
        )
        number = consultations.begin(ledger, lease, asked, Breaker())
        assert isinstance(number, int)
        ended = Ended(outcome="answered", input_tokens=700, output_tokens=77, cost=cost, claims=4, dropped=1)
        consultations.end(ledger, lease, number, ended)
    with ledger.read() as session:
        record = b"".join(export.lines(session, export.of_incident(session, 1), None)).decode()
    ledger.close()
    assert "investigator:model:hear" in record
    assert 'cost_millionths\\":1234500' in record
    for path in ("/incidents/1", "/installation/models"):
        found = (await pages.get(path, headers={"Authorization": f"Bearer {TOKEN}"})).text
        assert "cost 1.234500" in found, path
        assert "cost unknown" in found
        assert "777" in found
        assert "<b>cheap" not in found
    assert "1 (25.0 %)" in found
    assert "1554 of 500000 tokens" in found


@pytest.mark.parametrize(
    "path", ["/static/%2e%2e/app.py", "/static/..%2f..%2fweb/login.py", "/login/..%2fledger"]
)
async def test_an_open_path_leads_nowhere_else(pages: httpx.AsyncClient, path: str) -> None:
    assert (await pages.get(path)).status_code == 404
