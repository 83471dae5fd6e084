"""What the queue's tests share: both databases, and a worker as a block."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from agents.ledger.engine import open_writer
from tests.support import postgres
from tests.support.patience import PATIENCE_S
from tests.support.queue_worker import queue_of
from tools.queue.port import Handler, Job, Queue, WorkOptions


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.postgresql_server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path}/ledger.db"
        else:
            server = request.getfixturevalue("postgresql")
            url = stack.enter_context(postgres.database(server, f"q{uuid4().hex[:8]}"))
        engine = open_writer(url)
        stack.callback(engine.dispose)
        yield engine


@pytest.fixture
def queue(engine: Engine) -> Queue:
    queue = queue_of(engine)
    queue.prepare(engine)
    return queue


def put(engine: Engine, queue: Queue, *jobs: Job) -> None:
    with engine.begin() as connection:
        for job in jobs:
            queue.enqueue(connection, job)


@contextlib.asynccontextmanager
async def worker(
    queue: Queue, lane: str, handler: Handler, **options: object
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    work = asyncio.create_task(queue.work(lane, handler, WorkOptions(stop=stop, **options)))  # type: ignore[arg-type]
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(work, PATIENCE_S)
