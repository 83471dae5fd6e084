"""Intake and ledger together: what was answered with 200 is there, whatever is killed or fails."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import orjson
import pytest
from sqlalchemy import Engine, text

from agents.ledger import incidents
from agents.ledger.migrate import upgrade
from agents.ledger.notification import Delivery, Disposition
from agents.ledger.store import Ledger
from midwatch.intake.notification import read_delivery
from midwatch.intake.writer import GroupCommit, NotCommitted
from tests.support.queue_fixtures import engine, postgresql

__all__ = ["engine", "postgresql"]

ROOT = Path(__file__).parent.parent.parent
FIXTURES = ROOT / "tests" / "fixtures" / "alertmanager"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@contextlib.contextmanager
def opened(url: str) -> Iterator[Ledger]:
    ledger = Ledger(url)
    try:
        upgrade(ledger.writer)
        ledger.queue.prepare(ledger.writer)
        yield ledger
    finally:
        ledger.writer.dispose()
        ledger.reader.dispose()


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with opened(engine.url.render_as_string(hide_password=False)) as ledger:
        yield ledger


def recorded(name: str) -> Delivery:
    return read_delivery((FIXTURES / f"{name}.json").read_bytes(), NOW, "test")


def rows(ledger: Ledger) -> list[tuple[str, bytes]]:
    with ledger.read() as session:
        found = session.connection().execute(text("SELECT status, raw FROM delivery ORDER BY id"))
        return [(status, bytes(raw)) for status, raw in found]


async def test_every_recorded_body_and_every_poison_is_taken_in(ledger: Ledger) -> None:
    poisons = [rb"\u0000", rb"\ud800", rb"\udfff\u0000"]
    good = (FIXTURES / "single_firing.json").read_bytes()
    bodies = [path.read_bytes() for path in sorted(FIXTURES.glob("*.json"))]
    bodies += [good.replace(b"KubePodCrashLooping", b"Poison" + poison) for poison in poisons]
    async with GroupCommit(partial(incidents.accept, ledger), 1000) as writer:
        sent = [read_delivery(raw, NOW, "test") for raw in bodies]
        await asyncio.gather(*(writer.submit(one) for one in sent))
    assert rows(ledger) == [("usable", raw) for raw in bodies]


async def test_the_same_notification_from_two_alertmanagers_is_one_incident(ledger: Ledger) -> None:
    async with GroupCommit(partial(incidents.accept, ledger), 1000) as writer:
        names = ["ha_duplicate_a", "ha_duplicate_b", "ha_duplicate_a"]
        accepted = [await writer.submit(recorded(name)) for name in names]
    assert accepted[0].disposition is Disposition.NEW
    assert len({one.incident for one in accepted}) == 1


async def test_a_ledger_that_cannot_write_refuses_and_quarantines_nothing(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        async with GroupCommit(partial(incidents.accept, ledger), 1000) as writer:
            with ledger.writer.begin() as connection:
                connection.execute(text("ALTER TABLE incident RENAME TO elsewhere"))
            with pytest.raises(NotCommitted):
                await writer.submit(recorded("single_firing"))
            assert rows(ledger) == []
            with ledger.writer.begin() as connection:
                connection.execute(text("ALTER TABLE elsewhere RENAME TO incident"))
            await writer.submit(recorded("single_firing"))
        assert [status for status, _ in rows(ledger)] == ["usable"]


@pytest.mark.parametrize("run", range(5))
async def test_a_killed_intake_loses_nothing_it_acknowledged(run: int, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    command = [sys.executable, "-m", "tests.support.intake_server", url]
    server = await asyncio.to_thread(subprocess.Popen, command, cwd=ROOT, stdout=subprocess.PIPE)
    with contextlib.ExitStack() as stack:
        stack.callback(server.wait)
        stack.callback(server.kill)
        assert server.stdout is not None
        stack.callback(server.stdout.close)
        port = int(await asyncio.to_thread(server.stdout.readline))
        acknowledged = await _storm(f"http://127.0.0.1:{port}", 10 + 7 * run, server.kill)
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        stored = {key for (key,) in database.execute("SELECT group_key FROM incident")}
    assert len(acknowledged) >= 10 + 7 * run
    assert acknowledged <= stored


async def _storm(url: str, answers: int, kill: Callable[[], None]) -> set[str]:
    """Post from eight senders at once, kill the server after some answers; returns what got 200."""
    body = orjson.loads((FIXTURES / "single_firing.json").read_bytes())
    acknowledged: set[str] = set()

    async def send(client: httpx.AsyncClient, sender: int) -> None:
        for number in range(10_000):
            key = f"{sender}-{number}"
            alert = {**body["alerts"][0], "fingerprint": key}
            content = orjson.dumps({**body, "groupKey": key, "alerts": [alert]})
            try:
                response = await client.post(url + "/alertmanager", content=content)
            except httpx.TransportError:
                return
            if response.status_code == 200:
                acknowledged.add(key)
            if len(acknowledged) == answers:
                kill()

    async with httpx.AsyncClient(timeout=10) as client:
        await asyncio.gather(*(send(client, sender) for sender in range(8)))
    return acknowledged
