"""The queue as everybody else sees it: put a job in with your own transaction, run what is due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Engine

LANE_LENGTH = 64


class QueueError(Exception):
    """Something about the queue went wrong."""

    retryable = False


class QueueUnavailable(QueueError):
    """The queue's database could not be reached or did not answer in time."""

    retryable = True


class Later(Exception):
    """What a handler raises when it is too early: the job comes back, and nothing has failed."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Job:
    """A wish that somebody looks at one incident, in one lane, not before ``run_at``.

    ``run_at`` None means at once. Two jobs with the same lane and incident are the same wish.
    """

    lane: str
    incident: int
    run_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse an empty or over-long lane and a time without a zone."""
        if not 0 < len(self.lane) <= LANE_LENGTH:
            raise ValueError(f"a lane has 1 to {LANE_LENGTH} characters, not {self.lane!r}")
        if self.run_at is not None and self.run_at.tzinfo is None:
            raise ValueError("a job's time needs a zone")

    @property
    def key(self) -> str:
        """Lane and incident in one word: what waits once, and runs once at a time."""
        return f"{self.lane}/{self.incident}"


Handler = Callable[[Job], Awaitable[None]]


def doubling(failures: int) -> float:
    """Seconds to wait after the given number of failures in a row: 1, 2, 4 ... at most 60."""
    return float(min(60, 2 ** min(failures - 1, 6)))


@dataclass(frozen=True, slots=True)
class WorkOptions:
    """How one worker works: how many jobs at once, when to stop, how long to wait for the last.

    When ``stop`` is set no new job is taken; running ones get ``grace_s`` seconds and are then
    cancelled and put back. ``back_off`` gives the seconds before the next try.
    """

    stop: asyncio.Event
    concurrency: int = 4
    grace_s: float = 10.0
    back_off: Callable[[int], float] = doubling


class Queue(Protocol):
    """Durable jobs in the ledger's own database."""

    def prepare(self, engine: Engine) -> None:
        """Create what the queue keeps in the database; calling it again changes nothing."""

    def enqueue(self, connection: Connection, job: Job) -> None:
        """Put a job in, inside the caller's open transaction: it exists if and only if that commits.

        While one of the same lane and incident waits, the two become one with the earlier time.
        One that is running already does not count: the new one runs after it.
        """

    async def work(self, lane: str, handler: Handler, options: WorkOptions) -> None:
        """Run the lane's jobs until ``options.stop`` is set; never two of one incident at once.

        Holds over any number of workers and processes. A handler that raises is logged and its
        job tried again later; one that raises ``Later`` gets it back when it asked for. A killed
        worker's job is taken again by whoever works next. A worker that lost its job (it slept
        too long) cannot finish it any more, and its handler is cancelled.
        """
