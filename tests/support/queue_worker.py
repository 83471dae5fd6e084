"""A queue worker as a process of its own: ``python -m tests.support.queue_worker URL LANE JOURNAL HOLD``.

Each job appends ``start PID INCIDENT`` and ``end PID INCIDENT`` to the journal and takes HOLD
seconds. Runs until it is killed or told to stop by SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

from agents.ledger.engine import open_writer
from tools.queue import queue_for
from tools.queue.port import Job, WorkOptions


async def main(url: str, lane: str, journal: str, hold_s: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    # One write of a short line to a file opened for appending is atomic.
    out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def handle(job: Job) -> None:
        os.write(out, f"start {os.getpid()} {job.incident} {time.time()}\n".encode())
        await asyncio.sleep(hold_s)
        os.write(out, f"end {os.getpid()} {job.incident} {time.time()}\n".encode())

    engine = open_writer(url)
    os.write(out, f"ready {os.getpid()} 0 {time.time()}\n".encode())
    await queue_for(engine).work(lane, handle, WorkOptions(stop=stop, concurrency=4, grace_s=1.0))
    engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))
