"""Noticing within milliseconds that somebody committed to the SQLite file, whichever process.

``PRAGMA data_version`` changes when any other connection commits. Asking takes microseconds
and no lock, so one poller per process asks every ten milliseconds and looks into the table
only after a change, or when the next job falls due.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

TICK_S = 0.01
LOOK_ANYWAY_S = 1.0

_DUE = """
SELECT EXISTS (SELECT 1 FROM queue_job AS waiting
               WHERE lane = :lane AND token IS NULL AND run_at <= :now AND NOT EXISTS (
                   SELECT 1 FROM queue_job AS running WHERE running.lane = waiting.lane
                   AND running.incident = waiting.incident AND running.token IS NOT NULL))
       OR EXISTS (SELECT 1 FROM queue_job WHERE lane = :lane AND token IS NOT NULL AND lease_until <= :now),
       (SELECT min(run_at) FROM queue_job WHERE lane = :lane AND token IS NULL AND run_at > :now),
       (SELECT min(lease_until) FROM queue_job
        WHERE lane = :lane AND token IS NOT NULL AND lease_until > :now)
"""


class Watch:
    """Rings a bell for each lane that has something due. Runs only while somebody listens."""

    def __init__(self, path: str, clock: Callable[[], float]) -> None:
        self._uri = f"{Path(path).absolute().as_uri()}?mode=rw"
        self._clock = clock
        self._bells: dict[asyncio.Event, str] = {}
        self._poller: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def bell(self, lane: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever the lane may have a job to take."""
        bell = asyncio.Event()
        bell.set()
        self._bells[bell] = lane
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        try:
            yield bell
        finally:
            del self._bells[bell]
            if not self._bells:
                poller, self._poller = self._poller, None
                poller.cancel()
                await asyncio.wait([poller])

    async def _poll(self) -> None:
        while True:
            try:
                # A tenth of a second at most: this runs on the event loop, and the next tick asks again.
                with closing(
                    sqlite3.connect(self._uri, uri=True, isolation_level=None, timeout=0.1)
                ) as database:
                    await self._poll_file(database)
            except sqlite3.OperationalError:
                # Locked, full or gone: the workers will meet the same when they look, and report it.
                for bell in self._bells:
                    bell.set()
                await asyncio.sleep(LOOK_ANYWAY_S)

    async def _poll_file(self, database: sqlite3.Connection) -> None:
        seen, look_at = -1, 0.0
        while True:
            (version,) = database.execute("PRAGMA data_version").fetchone()
            now = self._clock()
            if version != seen or now >= look_at:
                look_at = self._look(database, now)
                seen = version
            await asyncio.sleep(TICK_S)

    def _look(self, database: sqlite3.Connection, now: float) -> float:
        """Ring for every lane with something due; returns when the next thing falls due."""
        earliest = now + LOOK_ANYWAY_S
        for bell, lane in self._bells.items():
            due, *times = database.execute(_DUE, {"lane": lane, "now": now}).fetchone()
            if due:
                bell.set()
            earliest = min([earliest, *(at for at in times if at is not None)])
        return earliest
