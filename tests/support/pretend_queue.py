"""A queue that only remembers: for tests of the ledger, where nothing works the jobs off."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from tools.queue.port import Handler, Job, WorkOptions


class RememberingQueue:
    """Keeps what was enqueued, whatever becomes of the transaction."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def prepare(self, engine: Engine) -> None:
        """Nothing to prepare."""

    def enqueue(self, connection: Connection, job: Job) -> None:
        """Remember."""
        self.jobs.append(job)

    async def work(self, lane: str, handler: Handler, options: WorkOptions) -> None:
        """Nobody works here."""
        raise AssertionError(f"nobody works {lane} in this test")
