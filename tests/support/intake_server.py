"""The webhook over a real ledger as a process of its own.

``python -m tests.support.intake_server URL SECONDS`` prints the port it listens on. SECONDS is how long
a body may take, where a test cannot wait for as long as the product would.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from agents.ledger import incidents
from agents.ledger.migrate import upgrade
from agents.ledger.store import Ledger
from midwatch.intake.body import READ_WITHIN_S, BodyReader
from midwatch.intake.credential import Credential
from midwatch.intake.http import Intake, router
from midwatch.intake.writer import GroupCommit

ROOT = Path(__file__).parent.parent.parent
LIMIT = 1 << 25


async def main(url: str, within_s: float, told: Callable[[int], None]) -> None:
    ledger = Ledger(url)
    upgrade(ledger.writer)
    ledger.queue.prepare(ledger.writer)
    async with GroupCommit(partial(incidents.accept, ledger), 1000) as writer:
        app = FastAPI()
        clock = partial(datetime.now, UTC)
        intake = Intake(Credential(()), BodyReader(LIMIT, within_s), writer, clock, "test")
        app.include_router(router(intake))
        listening = socket.create_server(("127.0.0.1", 0))
        told(listening.getsockname()[1])
        config = uvicorn.Config(app, lifespan="off", ws="none", log_level="warning")
        await uvicorn.Server(config).serve(sockets=[listening])


def forked(url: str, told: Connection) -> None:
    """The same in a process that is forked when all is imported: for tests that start hundreds."""
    asyncio.run(main(url, READ_WITHIN_S, told.send))


@contextlib.contextmanager
def intake_process(
    url: str, within_s: float = READ_WITHIN_S, before: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start it as a command, under the command ``before`` if there is one; killed on exit."""
    command = [*before, sys.executable, "-m", "tests.support.intake_server", url, str(within_s)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        yield server, int(server.stdout.readline())
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


def _print(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), _print))
