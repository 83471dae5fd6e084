"""The one table of the SQLite queue."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table

from tools.queue.port import LANE_LENGTH

# Its own metadata: the queue brings its table along, the ledger's migrations do not know it.
METADATA = MetaData()
ONE_WAITING = ["lane", "incident"]

JOBS = Table(
    "queue_job",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("lane", String(LANE_LENGTH), nullable=False),
    Column("incident", Integer, nullable=False),
    Column("run_at", Float, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("token", String(32), nullable=True),
    Column("lease_until", Float, nullable=True),
)
"""``token`` is NULL while a job waits; a running one has its attempt's token and a lease."""

_WAITING = JOBS.c.token.is_(None)
_RUNNING = JOBS.c.token.is_not(None)
Index("queue_job_one_waiting", JOBS.c.lane, JOBS.c.incident, unique=True, sqlite_where=_WAITING)
# The database itself refuses a second runner, whatever the code above it believes.
Index("queue_job_one_running", JOBS.c.lane, JOBS.c.incident, unique=True, sqlite_where=_RUNNING)
Index("queue_job_due", JOBS.c.lane, JOBS.c.run_at, sqlite_where=_WAITING)
Index("queue_job_lease", JOBS.c.lane, JOBS.c.lease_until, sqlite_where=_RUNNING)
Index("queue_job_token", JOBS.c.token, unique=True, sqlite_where=_RUNNING)
