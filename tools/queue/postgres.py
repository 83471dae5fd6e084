"""The queue on PostgreSQL: procrastinate's tables and functions behind our port.

Three of its habits shape this file. A failed insert ends the transaction, so the insert gets
a savepoint. Its finish and retry know a job by its id only, so a zombie could finish somebody
else's attempt: every attempt here is a row of its own, put back by delete and insert. And it
lists stalled jobs but never frees them: the sweep in ``postgres_lane.py`` does.
"""

from __future__ import annotations

from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, text

from tools.queue.port import Handler, Job, WorkOptions
from tools.queue.postgres_rows import put

STALL_S = 8.0
# Any number will do, so long as nobody else locks it: "midwatch" as a telephone would spell it.
_PREPARE_LOCK = 643_928_24


class PostgresQueue:
    """See :class:`tools.queue.port.Queue`. ``stall_s``: without a sign of life a worker is dead."""

    def __init__(self, engine: Engine, stall_s: float = STALL_S) -> None:
        self._engine = engine
        self._stall_s = stall_s

    def prepare(self, engine: Engine) -> None:
        """Apply procrastinate's schema once; processes that start together wait for each other."""
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _PREPARE_LOCK})
            if connection.scalar(text("SELECT to_regclass('procrastinate_jobs')")) is None:
                connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))

    def enqueue(self, connection: Connection, job: Job) -> None:
        """Defer the job through procrastinate, or replace the waiting one by the earlier of both."""
        put(connection, job, job.run_at, failures=0)

    async def work(self, lane: str, handler: Handler, options: WorkOptions) -> None:
        """Run the lane's jobs until told to stop."""
        from tools.queue.postgres_lane import work_lane

        await work_lane(self._engine, lane, self._stall_s, (handler, options))
