"""The guard in front of the pages: who passes, and what every answer carries."""

from __future__ import annotations

import hashlib

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from midwatch.web.guard import HEADERS, Guard
from midwatch.web.login import COOKIE, Door

TOKEN = "let-me-in"


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Referrer-Policy": "same-origin"} if scope["path"] == "/static/own" else None
    await PlainTextResponse("behind the guard", headers=headers)(scope, receive, send)


async def get(path: str, **headers: str) -> httpx.Response:
    guard = Guard(page, Door(hashlib.sha256(TOKEN.encode()).hexdigest()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://here") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("path", ["/incidents", "/incidents/1", "/ledger", "/", "/static"])
async def test_a_stranger_reads_no_page(path: str) -> None:
    answer = await get(path)
    assert (answer.status_code, answer.text) == (401, "log in first")


async def test_a_stranger_with_a_browser_is_shown_the_login() -> None:
    answer = await get("/incidents", accept="text/html,application/xhtml+xml")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize(
    "path", ["/login", "/static/midwatch.css", "/alertmanager", "/slack/events", "/-/ready"]
)
async def test_what_has_a_guard_of_its_own_is_open(path: str) -> None:
    assert (await get(path)).text == "behind the guard"


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("authorization", f"Bearer {TOKEN}", 200),
        ("cookie", f"{COOKIE}={TOKEN}", 200),
        ("authorization", "Bearer wrong", 401),
        ("cookie", f"{COOKIE}=", 401),
    ],
)
async def test_only_the_token_opens(name: str, value: str, status: int) -> None:
    assert (await get("/incidents", **{name: value})).status_code == status


@pytest.mark.parametrize("path", ["/incidents", "/login", "/static/own"])
async def test_every_answer_carries_the_headers_and_keeps_its_own(path: str) -> None:
    answer = await get(path)
    for name, value in HEADERS.items():
        own = path == "/static/own" and name == "Referrer-Policy"
        assert answer.headers.get_list(name) == (["same-origin"] if own else [value])
