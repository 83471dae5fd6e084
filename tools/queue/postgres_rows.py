"""Putting one job into procrastinate's table, so that one waits at most and the earliest time wins.

Both sides need it: whoever enqueues inside a transaction, and the lane that puts a job back.
"""

from __future__ import annotations

from datetime import datetime

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from tools.queue.port import Job

TASK = "midwatch.look"

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
