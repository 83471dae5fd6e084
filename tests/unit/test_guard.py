"""The guard in front of the pages: who passes, and what every answer carries."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from agents.ledger import sessions
from agents.ledger.migrate import upgrade
from agents.ledger.store import Ledger
from midwatch.login.door import OPERATOR, Door
from midwatch.login.visits import Visits
from midwatch.settings import Settings
from midwatch.web.guard import HEADERS, Guard

TOKEN = "let-me-in"


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Referrer-Policy": "no-referrer"} if scope["path"] == "/static/own" else None
    await PlainTextResponse("behind the guard", headers=headers)(scope, receive, send)


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    folder: Path = tmp_path_factory.mktemp("guard")
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    upgrade(ledger.writer)
    door = Door(hashlib.sha256(TOKEN.encode()).hexdigest())
    visits = Visits.of(Settings(state_dir=folder), ledger, door)
    sessions.begin(ledger, "logged-in", OPERATOR, visits.limits)
    yield Guard(page, visits)
    ledger.close()


async def get(guard: Guard, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://here") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("path", ["/incidents", "/incidents/1", "/ledger", "/", "/static", "/logout"])
async def test_a_stranger_reads_no_page(guard: Guard, path: str) -> None:
    answer = await get(guard, path)
    assert (answer.status_code, answer.text) == (401, "log in first")


async def test_a_stranger_with_a_browser_is_shown_the_login(guard: Guard) -> None:
    answer = await get(guard, "/incidents?before=3", accept="text/html,application/xhtml+xml")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fincidents%3Fbefore%3D3")


@pytest.mark.parametrize(
    "path", ["/login", "/static/midwatch.css", "/alertmanager", "/slack/events", "/-/ready"]
)
async def test_what_has_a_guard_of_its_own_is_open(guard: Guard, path: str) -> None:
    assert (await get(guard, path)).text == "behind the guard"


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("authorization", f"Bearer {TOKEN}", 200),
        ("authorization", "Bearer wrong", 401),
        ("authorization", "Bearer logged-in", 401),
        ("cookie", "midwatch_session=logged-in", 200),
        ("cookie", f"midwatch_session={TOKEN}", 401),
        ("cookie", "midwatch_session=", 401),
    ],
)
async def test_a_login_or_the_token_as_a_bearer_opens(
    guard: Guard, name: str, value: str, status: int
) -> None:
    assert (await get(guard, "/incidents", **{name: value})).status_code == status


@pytest.mark.parametrize("path", ["/incidents", "/login", "/static/own"])
async def test_every_answer_carries_the_headers_and_keeps_its_own(guard: Guard, path: str) -> None:
    answer = await get(guard, path)
    for name, value in HEADERS.items():
        own = path == "/static/own" and name == "Referrer-Policy"
        assert answer.headers.get_list(name) == (["no-referrer"] if own else [value])
