"""A queue worker as a process of its own: ``python -m tests.support.queue_worker ORDERS``, as JSON.

Each job appends ``start PID INCIDENT`` and ``end PID INCIDENT`` to the journal. Runs until it is killed or
told to stop by SIGTERM.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from agents.ledger.engine import open_writer
from tests.support.patience import PATIENCE_S
from tools.queue import postgres_lane, queue_for, watch
from tools.queue.embedded import EmbeddedQueue
from tools.queue.port import Job, Queue, WorkOptions
from tools.queue.postgres import PostgresQueue

UNANNOUNCED_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Where to work, and how. ``mortal``: with the product's own lease and pace."""

    url: str
    journal: str
    hold_s: float = 0.0
    """How long each job takes."""
    until: str = ""
    """A file without which no job ends."""
    mortal: bool = False


def queue_of(engine: Engine) -> Queue:
    """The queue of this database, whose workers are not taken for dead when the machine stands still."""
    kind = EmbeddedQueue if engine.dialect.name == "sqlite" else PostgresQueue
    return kind(engine, PATIENCE_S)


def rarely_looking() -> None:
    """Unless it is told to, a worker looks into the table so rarely that a test can tell the two apart."""
    watch.LOOK_ANYWAY_S = postgres_lane.POLL_S = UNANNOUNCED_S


async def main(orders: Orders) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    # One write of a short line to a file opened for appending is atomic.
    out = os.open(orders.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def handle(job: Job) -> None:
        os.write(out, f"start {os.getpid()} {job.incident} {time.time()}\n".encode())
        await asyncio.sleep(orders.hold_s)
        while orders.until and not Path(orders.until).exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.005)
        os.write(out, f"end {os.getpid()} {job.incident} {time.time()}\n".encode())

    engine = open_writer(orders.url)
    if not orders.mortal:
        rarely_looking()
    queue = queue_for(engine) if orders.mortal else queue_of(engine)
    os.write(out, f"ready {os.getpid()} 0 {time.time()}\n".encode())
    await queue.work("look", handle, WorkOptions(stop=stop, concurrency=4, grace_s=1.0))
    engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(Orders(**json.loads(sys.argv[1]))))
