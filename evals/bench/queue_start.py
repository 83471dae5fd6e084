"""The embedded queue: from the commit that makes a job due to the start of its handler."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from agents.ledger.store import Ledger
from evals.bench.figures import Figure, Result, Statistic, at_most
from tools.queue.port import Job, WorkOptions

START = Figure(title="queue: commit → handler started", unit="ms", bounds=(at_most(Statistic.P50, 20),))
JOBS, PAUSE_S, LANE = 200, 0.02, "bench"


def measure(folder: Path) -> list[Result]:
    """200 jobs one after the other on a SQLite ledger, each committed by another connection than reads."""
    ledger = Ledger(f"sqlite:///{folder / 'queue.db'}")
    try:
        ledger.queue.prepare(ledger.writer)
        times = asyncio.run(_run(ledger))
    finally:
        ledger.close()
    return [Result(figure=START, values=tuple(times))]


async def _run(ledger: Ledger) -> list[float]:
    stop = asyncio.Event()
    started: asyncio.Queue[float] = asyncio.Queue()

    async def look(_job: Job) -> None:
        started.put_nowait(time.perf_counter())

    working = asyncio.create_task(ledger.queue.work(LANE, look, WorkOptions(stop=stop)))
    times = []
    for number in range(1, JOBS + 1):
        committed = await asyncio.to_thread(_enqueue, ledger, number)
        times.append((await started.get() - committed) * 1000)
        # Long enough for the finished job to leave the queue: the next one meets it at rest.
        await asyncio.sleep(PAUSE_S)
    stop.set()
    await working
    return times


def _enqueue(ledger: Ledger, number: int) -> float:
    with ledger.writer.begin() as connection:
        ledger.queue.enqueue(connection, Job(lane=LANE, incident=number))
    return time.perf_counter()
