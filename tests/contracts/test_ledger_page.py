"""The ledger's page says what the auditor found last, how old that is, and never "whole" without it."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from agents.auditor.verdicts import Kept, keep, kept_in
from agents.auditor.verify import Verdict
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.web.verdict import asking, sentences
from tests.support.record import Record, record_in, small_events, told_whole

NOW = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
FOUND = Verdict(
    events=7, plans=1, problems=(), checkpoints=2, anchored=5, remarks=("2 events are not anchored",)
)


class Visitor:
    """Somebody who is logged in, and the record behind the page."""

    def __init__(self, record: Record, client: httpx.AsyncClient) -> None:
        self.record, self.client = record, client

    async def reads(self) -> str:
        found = await self.client.get("/ledger")
        assert found.status_code == 200
        return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", found.text).split()))


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    with record_in(tmp_path) as record:
        told_whole(record.ledger)
        settings = Settings(state_dir=tmp_path, listen="127.0.0.1:0")
        app = application(settings, record.ledger, asking(record.auditor))
        token = tmp_path / "keys" / "login.sha256"
        assert token.exists()
        # The token was shown once and is not kept: another one in its place.
        token.write_text("2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", encoding="ascii")
        app = application(settings, record.ledger, asking(record.auditor))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            client.headers["Authorization"] = "Bearer foo"
            yield Visitor(record, client)


async def test_without_a_verdict_the_page_never_says_whole(visitor: Visitor) -> None:
    file = visitor.record.auditor.verdict_file
    odd = b'{"events": "7", "plans": 1, "problems": [], "checkpoints": 2, "anchored": 5, "remarks": []}'
    odd = b'{"at": "2026-11-27T01:00:00+00:00", "verdict": %b}' % odd
    for content in (
        None,
        b"",
        b"{}",
        odd,
        b'{"at": "2026-11-27T01:00:00", "verdict": {}}',
        b'{"verdict": 1}',
    ):
        if content is not None:
            file.write_bytes(content)
        assert kept_in(file) is None
        said = await visitor.reads()
        assert "Not yet verified" in said
        assert "hole" not in said


async def test_the_page_tells_the_last_verdict_and_what_came_after_it(visitor: Visitor) -> None:
    record = visitor.record
    assert record.auditor.look() == ()
    events = record.verify().events
    small_events(record.ledger, 3)
    said = await visitor.reads()
    assert f"Whole up to event {events}: all was recomputed" in said
    assert "3 events were written since and not looked at yet." in said
    assert "Not covered: " in said


async def test_a_bent_record_stays_bent_on_the_page_until_the_auditor_finds_it_mended(
    visitor: Visitor,
) -> None:
    record = visitor.record
    record.auditor.look()
    record.bend("UPDATE audit SET hash = prev_hash WHERE seq = 5")
    assert "Whole up to event" in await visitor.reads(), "a page recomputes nothing"
    record.auditor.ask()
    record.auditor.look()
    said = await visitor.reads()
    assert "The record was bent" in said
    assert "The first row that does not fit is 5." in said
    assert "Whole" not in said


async def test_what_the_auditor_saw_and_is_gone_is_on_the_page_before_all_is_recomputed(
    visitor: Visitor,
) -> None:
    visitor.record.auditor.look()
    visitor.record.bend("DELETE FROM audit WHERE seq > 6", "UPDATE chain_head SET seq = 6")
    assert "rows are gone" in await visitor.reads()
    visitor.record.auditor.look()
    assert "The first row that does not fit is 7." in await visitor.reads()


async def test_verify_now_is_asked_for_once_and_never_from_another_site(visitor: Visitor) -> None:
    auditor = visitor.record.auditor
    auditor.look()
    first = auditor.last_at
    auditor.look()
    assert auditor.last_at == first
    for site in ("cross-site", "same-site"):
        found = await visitor.client.post("/ledger/verify", headers={"Sec-Fetch-Site": site})
        assert found.status_code == 403
    auditor.look()
    assert auditor.last_at == first
    for _ in range(3):
        found = await visitor.client.post("/ledger/verify", headers={"Sec-Fetch-Site": "same-origin"})
        assert (found.status_code, found.headers["location"]) == (303, "/ledger?asked=1")
    auditor.look()
    again = auditor.last_at
    assert again is not None
    assert first is not None
    assert again > first
    auditor.look()
    assert auditor.last_at == again
    assert "was asked to recompute" in (await visitor.client.get("/ledger?asked=1")).text
    del visitor.client.headers["Authorization"]
    assert (await visitor.client.post("/ledger/verify")).status_code == 401


def said(kept: Kept | None, events: int, later: timedelta = timedelta(0)) -> str:
    return " ".join(one.text for one in sentences(kept, events, NOW + later))


def test_an_old_verdict_is_told_as_old() -> None:
    kept = Kept(at=NOW, verdict=FOUND)
    assert "less than a minute ago" in said(kept, 7)
    assert "15 min ago" in said(kept, 7, timedelta(minutes=15))
    assert "too long ago" not in said(kept, 7, timedelta(minutes=15))
    assert "too long ago" in said(kept, 7, timedelta(minutes=16))
    assert "3 h ago" in said(kept, 7, timedelta(hours=3, minutes=59))
    assert not any(one.bad for one in sentences(kept, 7, NOW))


def test_a_kept_verdict_is_read_back_whole_and_a_very_long_one_is_cut(tmp_path: Path) -> None:
    kept, file = Kept(at=NOW, verdict=FOUND), tmp_path / "state" / "verdict.json"
    keep(file, kept)
    assert kept_in(file) == kept
    bent = replace(FOUND, problems=tuple(f"row {n}" for n in range(1_000)), first_bad=3)
    keep(file, replace(kept, verdict=bent))
    found = kept_in(file)
    assert found is not None
    assert not found.verdict.ok
    assert found.verdict.problems == bent.problems[:50]
    assert [path.name for path in file.parent.iterdir()] == ["verdict.json"]
