"""The queue's port: the ledger says what is due, the queue only says "look".

A job carries no instruction, so a lost, doubled or late one is harmless: whoever takes it
reads the ledger. Two adapters keep the same promises (see the contract tests).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine


class Job(BaseModel):
    """Look at one incident: ``lane`` is who should, ``run_at`` when (None: now)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lane: str = Field(min_length=1)
    incident: int = Field(ge=1)
    run_at: AwareDatetime | None = None


class WorkOptions(BaseModel):
    """How to work a lane: how many jobs at once, and the event that ends it."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    concurrency: int = Field(default=4, ge=1)
    stop: asyncio.Event


Handler = Callable[[Job], Awaitable[None]]


class Queue(Protocol):
    """Durable jobs, enqueued inside the caller's transaction."""

    def prepare(self, engine: Engine) -> None:
        """Create what the adapter needs; idempotent."""

    def enqueue(self, connection: Connection, job: Job) -> None:
        """Add a job in the open transaction of ``connection``; one waiting job a lane and incident."""

    async def work(self, lane: str, handler: Handler, options: WorkOptions) -> None:
        """Run jobs of a lane until ``options.stop`` is set; never two of one incident at once."""
