"""The queue in the ledger's SQLite file: one table, leases, and a token for every attempt.

Expects an engine whose transactions begin IMMEDIATE, so that enqueue, claim and finish are
serialised by SQLite itself. Times are seconds since 1970 on the machine's clock: all workers
of one SQLite file run on one machine.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine, func, text, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.schema import CreateIndex, CreateTable

from tools.queue.embedded_table import JOBS, ONE_WAITING
from tools.queue.port import Handler, Job, QueueUnavailable, WorkOptions
from tools.queue.runner import Claim, Runner
from tools.queue.watch import Watch

LEASE_S = 4.0
Clock = Callable[[], float]
T = TypeVar("T")

_INSERT = insert(JOBS)
# Built once: every transaction of the ledger that makes something due runs it.
_PUT = _INSERT.on_conflict_do_update(
    index_elements=ONE_WAITING,
    index_where=JOBS.c.token.is_(None),
    set_={
        "run_at": func.min(JOBS.c.run_at, _INSERT.excluded.run_at),
        "failures": func.max(JOBS.c.failures, _INSERT.excluded.failures),
    },
)
# As text: every lane asks at each piece of news, and to compose such a question and to recognise it costs ten
# times what the database needs to answer.
_TAKE = text("""
UPDATE queue_job SET token = :token, lease_until = :until WHERE id = (
    SELECT id FROM queue_job AS waiting WHERE lane = :lane AND token IS NULL AND run_at <= :now
    AND NOT EXISTS (SELECT 1 FROM queue_job AS running WHERE running.lane = waiting.lane
                    AND running.incident = waiting.incident AND running.token IS NOT NULL)
    ORDER BY run_at, id LIMIT 1)
RETURNING incident, run_at, failures
""")
_FREED = text("DELETE FROM queue_job WHERE lane = :lane AND lease_until <= :now RETURNING incident, failures")
_DROP = text("DELETE FROM queue_job WHERE token = :token")


class EmbeddedQueue:
    """See :class:`tools.queue.port.Queue`. ``lease_s`` is how long a dead worker holds a job."""

    def __init__(self, engine: Engine, lease_s: float = LEASE_S, clock: Clock = time.time) -> None:
        if not engine.url.database or engine.url.database == ":memory:":
            raise ValueError("the queue needs a SQLite file; one in memory is not shared and not durable")
        self._engine = engine
        self._lease_s = lease_s
        self._clock = clock
        self._watch = Watch(engine.url.database, clock)

    def prepare(self, engine: Engine) -> None:
        """Create the table and its indexes where they are missing."""
        with engine.begin() as connection:
            connection.execute(CreateTable(JOBS, if_not_exists=True))
            for index in sorted(JOBS.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index, if_not_exists=True))

    def enqueue(self, connection: Connection, job: Job) -> None:
        """Insert the job, or move the waiting one forward."""
        due = self._clock() if job.run_at is None else job.run_at.timestamp()
        _put(connection, job, due, failures=0)

    async def work(self, lane: str, handler: Handler, options: WorkOptions) -> None:
        """Run the lane's jobs until told to stop."""
        async with self._watch.bell(lane) as bell:
            store = LaneStore(self._engine, lane, self._lease_s, self._clock)
            store.bell = bell
            await Runner(store, handler, options).run()


class LaneStore:
    """One worker's view of one lane of the table."""

    bell: asyncio.Event

    def __init__(self, engine: Engine, lane: str, lease_s: float, clock: Clock) -> None:
        self._engine = engine
        self._lane = lane
        self._lease_s = lease_s
        self._clock = clock
        self.keep_every_s = lease_s / 4

    async def claim(self) -> Claim | None:
        """Free what dead workers hold, then take the job that is due the longest."""
        # Cleared before looking: a job that arrives from here on rings again.
        self.bell.clear()
        return await self._transact(self._claim)

    async def finish(self, claim: Claim) -> bool:
        """Delete the row, if it still carries our token."""
        return await self._transact(lambda connection: _drop(connection, claim.token))

    async def again(self, claim: Claim, delay_s: float, failures: int) -> bool:
        """Replace the running row by a waiting one, if it still carries our token."""

        def put_back(connection: Connection) -> bool:
            if not _drop(connection, claim.token):
                return False
            _put(connection, claim.job, self._clock() + delay_s, failures)
            return True

        return await self._transact(put_back)

    async def keep(self, claims: Sequence[Claim]) -> Collection[str]:
        """Lengthen our leases; those whose row has gone or changed hands are lost."""
        tokens = {claim.token for claim in claims}
        if not tokens:
            return ()
        until = self._clock() + self._lease_s
        renew = update(JOBS).where(JOBS.c.token.in_(tokens)).values(lease_until=until).returning(JOBS.c.token)
        kept = await self._transact(lambda connection: set(connection.scalars(renew)))
        return tokens - kept

    async def news(self) -> None:
        """Wait for the watch to ring."""
        await self.bell.wait()

    async def _transact(self, what: Callable[[Connection], T]) -> T:
        """Run one write transaction on a thread: its commit waits for the disk."""

        def transaction() -> T:
            with self._engine.begin() as connection:
                return what(connection)

        try:
            return await asyncio.to_thread(transaction)
        except OperationalError as error:
            raise QueueUnavailable(f"the SQLite queue did not answer: {error.orig}") from error
        except NoConnection as error:
            raise QueueUnavailable("the SQLite queue did not answer: no connection became free") from error

    def _claim(self, connection: Connection) -> Claim | None:
        now = self._clock()
        self._free(connection, now)
        token = uuid.uuid4().hex
        row = connection.execute(
            _TAKE, {"lane": self._lane, "now": now, "token": token, "until": now + self._lease_s}
        ).one_or_none()
        if row is None:
            return None
        job = Job(self._lane, row.incident, datetime.fromtimestamp(row.run_at, UTC))
        return Claim(job, token, row.failures)

    def _free(self, connection: Connection, now: float) -> None:
        """Give back what dead workers hold; a new row, so that a zombie's token fits nothing."""
        for row in connection.execute(_FREED, {"lane": self._lane, "now": now}).all():
            _put(connection, Job(self._lane, row.incident), now, row.failures + 1)


def _drop(connection: Connection, token: str) -> bool:
    return connection.execute(_DROP, {"token": token}).rowcount == 1


def _put(connection: Connection, job: Job, due: float, failures: int) -> None:
    """Insert a waiting row, or give the one that waits the earlier time."""
    row = {"lane": job.lane, "incident": job.incident, "run_at": due, "failures": failures}
    connection.execute(_PUT, row)
