"""Intake and ledger together: what was answered with 200 is there, whatever is killed or fails."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing.context import ForkServerProcess
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
from tests.support.intake_server import ROOT, forked
from tests.support.patience import PATIENCE_S
from tests.support.processes import forking
from tests.support.queue_fixtures import engine, postgresql
from tests.support.scale import lots

__all__ = ["engine", "postgresql"]

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


@pytest.mark.proof
@pytest.mark.parametrize(("lot", "kills"), lots("intake_kills", 40))
async def test_a_killed_intake_loses_nothing_it_acknowledged(lot: int, kills: int, tmp_path: Path) -> None:
    """Killed at a random moment, and started again on the database that it left."""
    chance = random.Random(lot)
    acknowledged: set[str] = set()
    for kill in range(kills):
        with killable(f"sqlite:///{tmp_path}/ledger.db") as (process, port):
            storm = Storm(url=f"http://127.0.0.1:{port}", name=f"{kill}", chance=chance, kill=process.kill)
            acknowledged |= await storm.rage()
            process.join()
        with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
            stored = {key for (key,) in database.execute("SELECT group_key FROM incident")}
        assert acknowledged <= stored, f"kill {kill} lost some"
    assert len(acknowledged) >= kills


@contextlib.contextmanager
def killable(url: str) -> Iterator[tuple[ForkServerProcess, int]]:
    hears, tells = forking().Pipe(duplex=False)
    process = forking().Process(target=forked, args=(url, tells))
    process.start()
    tells.close()
    try:
        yield process, hears.recv()
    finally:
        process.kill()
        process.join()
        process.close()
        hears.close()


@dataclass(kw_only=True)
class Storm:
    """Eight senders at once who post until the server is killed, soon after it gave some answers."""

    url: str
    name: str
    chance: random.Random
    kill: Callable[[], None]
    acknowledged: set[str] = field(default_factory=set)

    async def rage(self) -> set[str]:
        """The groups that were answered with 200."""
        answers = self.chance.randint(1, 30)
        async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
            await asyncio.gather(*(self._send(client, sender, answers) for sender in range(8)))
        return self.acknowledged

    async def _send(self, client: httpx.AsyncClient, sender: int, answers: int) -> None:
        body = orjson.loads((FIXTURES / "single_firing.json").read_bytes())
        for number in range(10_000):
            key = f"{self.name}-{sender}-{number}"
            alert = {**body["alerts"][0], "fingerprint": key}
            content = orjson.dumps({**body, "groupKey": key, "alerts": [alert]})
            try:
                response = await client.post(self.url + "/alertmanager", content=content)
            except httpx.TransportError:
                return
            if response.status_code == 200:
                self.acknowledged.add(key)
            if len(self.acknowledged) == answers:
                # Between two answers, in a commit or between two of its writes: wherever it is by then.
                asyncio.get_running_loop().call_later(self.chance.uniform(0, 0.03), self.kill)
