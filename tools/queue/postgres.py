"""The queue on PostgreSQL: procrastinate's tables and functions behind our port.

Three of its habits shape this file. A failed insert ends the transaction, so the insert gets
a savepoint. Its finish and retry know a job by its id only, so a zombie could finish somebody
else's attempt: every attempt here is a row of its own, put back by delete and insert. And it
lists stalled jobs but never frees them: the sweep in ``postgres_lane.py`` does.
"""

from __future__ import annotations

from datetime import datetime

from procrastinate.schema import SchemaManager
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from tools.queue.port import Handler, Job, WorkOptions

TASK = "midwatch.look"
STALL_S = 8.0
# Any number will do, so long as nobody else locks it: "midwatch" as a telephone would spell it.
_PREPARE_LOCK = 643_928_24

_DEFER = text("""
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
    :lane, :task, 0, :key, :key, CAST(:args AS jsonb), CAST(:run_at AS timestamptz)
)::procrastinate_job_to_defer_v1])
""")
_WAITING = text("""
SELECT id, scheduled_at, args FROM procrastinate_jobs
WHERE queueing_lock = :key AND status = 'todo' FOR UPDATE
""")
_CANCEL = text("SELECT procrastinate_cancel_job_v1(:id, false, true)")


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


def put(connection: Connection, job: Job, run_at: datetime | None, failures: int) -> None:
    """Make one job wait, at the earlier time if one waits already. ``run_at`` None is at once."""
    while not _defer(connection, job, run_at, failures):
        # The lock keeps workers off the waiting row until we commit. Without it one could take
        # the row now, read the ledger as it was before our change, and nobody would look again.
        waiting = connection.execute(_WAITING, {"key": job.key}).one_or_none()
        if waiting is None:
            continue
        at = None if run_at is None or waiting.scheduled_at is None else min(run_at, waiting.scheduled_at)
        run_at, failures = at, max(failures, waiting.args.get("failures", 0))
        connection.execute(_CANCEL, {"id": waiting.id})


def _defer(connection: Connection, job: Job, run_at: datetime | None, failures: int) -> bool:
    """Insert the job; False when one with the same queueing lock waits already."""
    args = Jsonb({"incident": job.incident, "failures": failures})
    values = {"lane": job.lane, "task": TASK, "key": job.key, "args": args, "run_at": run_at}
    try:
        with connection.begin_nested():
            connection.execute(_DEFER, values)
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation):
            return False
        raise
    return True
