"""What the queue promises over several processes: killed, put to sleep, competing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.support.patience import until
from tests.support.queue_fixtures import engine, postgresql, put, queue
from tests.support.queue_worker import UNANNOUNCED_S, Orders
from tools.queue import embedded, postgres, postgres_lane, watch
from tools.queue.port import Job, Queue

__all__ = ["engine", "postgresql", "queue"]

ROOT = Path(__file__).parent.parent.parent
Start = Callable[..., subprocess.Popen[bytes]]


class Journal:
    """What the worker processes wrote down, in order: (event, pid, incident, time)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self, event: str) -> list[tuple[int, int, float]]:
        if not self.path.exists():
            return []
        rows = [line.split() for line in self.path.read_text().splitlines()]
        return [(int(pid), int(n), float(at)) for said, pid, n, at in rows if said == event]

    def most_at_once(self, incident: int) -> int:
        """How many handlers of one incident ran at the same time, at most."""
        running = most = 0
        for line in self.path.read_text().splitlines():
            event, _, number, _ = line.split()
            if int(number) == incident:
                running += {"start": 1, "end": -1}.get(event, 0)
                most = max(most, running)
        return most


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def start(engine: Engine, queue: Queue, journal: Journal) -> Iterator[Start]:
    with contextlib.ExitStack() as stack:

        def started(**given: Any) -> subprocess.Popen[bytes]:
            url = engine.url.render_as_string(hide_password=False)
            orders = json.dumps(asdict(Orders(url=url, journal=str(journal.path), **given)))
            module = [sys.executable, "-m", "tests.support.queue_worker"]
            process = subprocess.Popen([*module, orders], cwd=ROOT)

            def end() -> None:
                process.kill()
                process.wait()

            stack.callback(end)
            return process

        yield started


async def test_a_killed_workers_job_is_taken_again(
    engine: Engine, queue: Queue, journal: Journal, start: Start
) -> None:
    first = start(until="never", mortal=True)
    put(engine, queue, Job("look", 1))
    await until(lambda: len(journal.lines("start")) == 1)
    first.kill()
    second = start(mortal=True)
    await until(lambda: len(journal.lines("end")) == 1)
    ((pid, incident, _),) = journal.lines("end")
    assert (pid, incident) == (second.pid, 1)


def test_what_a_killed_worker_held_is_free_within_the_promised_time() -> None:
    """5 s after a restart when embedded, 15 s on PostgreSQL, where every worker looks after the dead."""
    assert embedded.LEASE_S + watch.LOOK_ANYWAY_S <= 5
    assert postgres.STALL_S * 9 / 8 + postgres_lane.POLL_S <= 15


async def test_a_worker_that_slept_through_its_lease_can_finish_nothing(
    engine: Engine, queue: Queue, journal: Journal, start: Start, tmp_path: Path
) -> None:
    zombies, heirs = tmp_path / "zombies", tmp_path / "heirs"
    zombie = start(until=str(zombies), mortal=True)
    put(engine, queue, Job("look", 1))
    await until(lambda: len(journal.lines("start")) == 1)
    await put_to_sleep(engine, zombie)
    heir = start(until=str(heirs), mortal=True)
    await until(lambda: heir.pid in {pid for pid, *_ in journal.lines("start")})
    os.kill(zombie.pid, signal.SIGCONT)
    # Awake again, the zombie sees its handler through; were it believed, the row would be gone.
    zombies.touch()
    await until(lambda: len(journal.lines("end")) >= 1)
    put(engine, queue, Job("look", 1), Job("look", 2))
    # Whoever takes the second of the two has looked at the first.
    await until(lambda: 2 in {n for _, n, _ in journal.lines("start")})
    heirs.touch()
    await until(lambda: (heir.pid, 1) in {(pid, n) for pid, n, _ in journal.lines("end")})
    heirs_end = min(at for pid, n, at in journal.lines("end") if (pid, n) == (heir.pid, 1))
    starts = sorted(at for _, n, at in journal.lines("start") if n == 1)
    assert all(at >= heirs_end for at in starts[2:])


async def put_to_sleep(engine: Engine, process: subprocess.Popen[bytes]) -> None:
    """Stop a process, but not in the middle of a transaction: SQLite's one lock would sleep with it."""
    for _ in range(50):
        os.kill(process.pid, signal.SIGSTOP)
        if engine.dialect.name != "sqlite":
            return
        with contextlib.closing(sqlite3.connect(engine.url.database or "", timeout=0.0)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(process.pid, signal.SIGCONT)
                await asyncio.sleep(0.003)
            else:
                return
    pytest.fail("the process was never outside a transaction")


async def test_two_processes_share_the_work_and_never_an_incident(
    engine: Engine, queue: Queue, journal: Journal, start: Start
) -> None:
    workers = {start(hold_s=0.02).pid, start(hold_s=0.02).pid}
    await until(lambda: {pid for pid, *_ in journal.lines("ready")} == workers)
    for _ in range(10):
        put(engine, queue, *(Job("look", n) for n in range(1, 9)))
        await asyncio.sleep(0.02)
    put(engine, queue, Job("look", 99))
    await until(lambda: 99 in {n for _, n, _ in journal.lines("end")})
    await until(lambda: len(journal.lines("end")) == len(journal.lines("start")))
    assert {pid for pid, *_ in journal.lines("start")} == workers
    assert [journal.most_at_once(n) for n in range(1, 9)] == [1] * 8
    assert {n for _, n, _ in journal.lines("end")} == {*range(1, 9), 99}


async def test_a_job_from_another_process_is_announced_and_waits_for_no_regular_look(
    engine: Engine, queue: Queue, journal: Journal, start: Start
) -> None:
    start()
    put(engine, queue, Job("look", 1))
    await until(lambda: len(journal.lines("end")) == 1)
    latencies = []
    for number in range(2, 32):
        put(engine, queue, Job("look", number))
        committed = time.time()
        await until(lambda number=number: len(journal.lines("start")) == number)
        latencies.append(journal.lines("start")[-1][2] - committed)
    # Unannounced, it would wait for the regular look; the bench has the figure.
    assert statistics.median(latencies) < UNANNOUNCED_S / 3


async def test_an_asked_worker_stops_and_leaves_nothing_held(
    engine: Engine, queue: Queue, journal: Journal, start: Start
) -> None:
    first = start(until="never")
    put(engine, queue, Job("look", 1))
    await until(lambda: len(journal.lines("start")) == 1)
    first.terminate()
    await until(lambda: first.poll() is not None)
    assert first.returncode == 0
    start()
    await until(lambda: len(journal.lines("end")) == 1)
