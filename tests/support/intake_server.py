"""The webhook over a real ledger as a process of its own.

``python -m tests.support.intake_server URL`` prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from datetime import UTC, datetime
from functools import partial

import uvicorn
from fastapi import FastAPI

from agents.ledger import incidents
from agents.ledger.migrate import upgrade
from agents.ledger.store import Ledger
from midwatch.intake.body import BodyReader
from midwatch.intake.credential import Credential
from midwatch.intake.http import Intake, router
from midwatch.intake.writer import GroupCommit


async def main(url: str) -> None:
    ledger = Ledger(url)
    upgrade(ledger.writer)
    ledger.queue.prepare(ledger.writer)
    async with GroupCommit(partial(incidents.accept, ledger), 1000) as writer:
        app = FastAPI()
        clock = partial(datetime.now, UTC)
        app.include_router(router(Intake(Credential(()), BodyReader(1 << 25), writer, clock, "test")))
        listening = socket.create_server(("127.0.0.1", 0))
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, lifespan="off", ws="none", log_level="warning")
        await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
