"""The list of incidents over a real socket: filters, search, cursor; and the news that its readers hear."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from agents.ledger.incidents import accept
from midwatch.web.live import Live, head, news
from midwatch.wiring import ledger_of
from tests.support.pages import BEARER, Site, settings_in, site, some_years
from tests.support.patience import PATIENCE_S
from tests.support.plans import a_delivery, an_alert

HOSTILE = '"><img src=x onerror=alert(1)>\u202eevil'


@pytest.fixture
async def years(tmp_path: Path) -> AsyncIterator[Site]:
    async with some_years(tmp_path) as opened:
        yield opened


async def numbers(site_: Site, path: str) -> list[int]:
    found = await site_.get(path)
    assert found.status_code == 200, found.text
    return [int(number) for number in re.findall(r'<tr id="inc-(\d+)"', found.text)]


async def test_every_filter_shows_what_fits_and_nothing_else(years: Site) -> None:
    assert await numbers(years, "/incidents?state=open") == [60, 59, 58, 57, 56]
    assert all(n % 3 == 0 for n in await numbers(years, "/incidents?severity=critical"))
    assert len(await numbers(years, "/incidents?severity=critical")) == 20
    assert await numbers(years, "/incidents?plan=waiting") == [59, 58, 57]
    assert all(n % 4 == 0 for n in await numbers(years, "/incidents?plan=without"))
    assert all(n % 4 for n in await numbers(years, "/incidents?plan=with"))
    assert await numbers(years, "/incidents?hours=1") == [60, 59, 58, 57, 56]
    assert await numbers(years, "/incidents?namespace=shop") == [
        n for n in range(60, 0, -1) if n // 7 % 5 == 0
    ]
    assert await numbers(years, "/incidents?namespace=sh") == []


async def test_a_search_goes_by_number_title_and_label_and_takes_no_pattern(years: Site) -> None:
    assert await numbers(years, "/incidents?q=INC-7") == [7]
    assert await numbers(years, "/incidents?q=7") == [7]
    assert await numbers(years, "/incidents?q=service-13") == [13]
    assert await numbers(years, "/incidents?q=kubepodnotready&state=open") == [59]
    assert await numbers(years, "/incidents?q=%25") == []
    assert await numbers(years, "/incidents?q=_") == []


async def test_the_cursor_walks_through_all_of_them_once(years: Site) -> None:
    seen, path = [], "/incidents"
    while path:
        found = (await years.get(path)).text
        seen += [int(number) for number in re.findall(r'<tr id="inc-(\d+)"', found)]
        older = re.search(r'href="([^"]+)" rel="next"', found)
        path = older[1].replace("&amp;", "&") if older else ""
    assert seen == list(range(60, 0, -1))


async def test_a_query_that_cannot_be_read_is_told_in_words(years: Site) -> None:
    for query in ("before=x", "before=-1", "hours=-1", "state=strange", f"q={'a' * 300}"):
        found = await years.get(f"/incidents?{query}")
        assert found.status_code == 422
        assert query.partition("=")[0] in found.text
    page = await years.get("/incidents?before=x", Accept="text/html")
    assert page.status_code == 422
    assert "cannot be read" in page.text


async def test_words_of_strangers_stay_words(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    ledger, now = ledger_of(settings), datetime.now(UTC)
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2
    labels = {"alertname": HOSTILE, "namespace": secret, "severity": HOSTILE}
    accept(ledger, [a_delivery(now, an_alert(now, labels=labels))])
    async with site(settings, ledger) as opened:
        for path in ("/incidents", "/incidents/1", "/incidents/1/postmortem", "/incidents?q=evil"):
            found = await opened.get(path)
            assert found.status_code == 200
            assert "<img" not in found.text
            assert secret not in found.text
            assert "&lt;img" in found.text or path == "/incidents?q=evil"
    ledger.close()


async def test_what_happens_after_a_page_was_rendered_is_heard_by_its_reader(years: Site) -> None:
    since = int(re.search(r"/live\?since=(\d+)", (await years.get("/incidents")).text)[1])
    async with httpx.AsyncClient(base_url=years.url, trust_env=False, timeout=PATIENCE_S) as client:
        async with client.stream("GET", f"/live?since={since}", headers=BEARER) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 2000"
            now = datetime.now(UTC)
            accept(years.ledger, [a_delivery(now, an_alert(now))])
            assert await following(lines, "event") == "changed"
            heard = await following(lines, "id")
        # Whoever comes again says up to where it heard, and is not told twice.
        again = BEARER | {"Last-Event-ID": heard}
        async with client.stream("GET", f"/live?since={since}", headers=again) as stream:
            lines = stream.aiter_lines()
            accept(years.ledger, [a_delivery(now, an_alert(now, fingerprint="f2"), group_key="h")])
            assert int(await following(lines, "id")) > int(heard)


async def following(lines: AsyncIterator[str], name: str) -> str:
    async with asyncio.timeout(PATIENCE_S):
        async for line in lines:
            if line.startswith(f"{name}: "):
                return line.removeprefix(f"{name}: ")
    raise AssertionError(f"no {name} came")


async def test_a_page_of_one_incident_hears_of_that_one_alone(years: Site) -> None:
    with years.ledger.read() as session:
        since = head(session)
    now = datetime.now(UTC)
    (accepted,) = accept(years.ledger, [a_delivery(now, an_alert(now))])
    told = news(years.ledger, since)
    assert told.concerns(None, since)
    assert told.concerns(accepted.incident, since)
    assert not told.concerns(1, since)
    assert not told.concerns(None, told.seq), "what a page knows is no news to it"
    assert news(years.ledger, 0).concerns(None, 0)
    assert news(years.ledger, 2**62).concerns(None, 2**62), "a ledger that became shorter is news"


async def test_readers_share_one_look_are_bounded_and_end_with_the_server(years: Site) -> None:
    live = Live(years.ledger, look_s=0.01, most=2)
    first, second = live.follow(0, None), live.follow(0, None)
    assert (await anext(first)).startswith("retry")
    assert not live.full
    assert (await anext(second)).startswith("retry")
    assert live.full
    async with asyncio.timeout(PATIENCE_S):
        assert "event: changed" in await anext(first)
    live.close()
    async with asyncio.timeout(PATIENCE_S):
        assert [said async for said in first] == []
        await anext(second, None)
        assert [said async for said in second] == []
    assert live.readers == 0


async def test_nobody_follows_without_a_login(years: Site) -> None:
    async with httpx.AsyncClient(base_url=years.url, trust_env=False, timeout=PATIENCE_S) as client:
        assert (await client.get("/live?since=x", headers=BEARER)).status_code == 422
        assert (await client.get("/live?since=0")).status_code == 401


async def test_an_open_stream_does_not_keep_a_server_from_stopping(tmp_path: Path) -> None:
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        async with some_years(tmp_path) as years:
            client = httpx.AsyncClient(base_url=years.url, trust_env=False, timeout=PATIENCE_S)
            asked = (await stack.enter_async_context(client)).stream("GET", "/live?since=0", headers=BEARER)
            lines = (await stack.enter_async_context(asked)).aiter_lines()
            assert await anext(lines) == "retry: 2000"
        # The server is gone by now, and so is the stream.
        assert all(not line.startswith("retry") for line in [line async for line in lines])
