"""The durable queue: it says "look at this incident", and never what is to be done there.

One port (``port.py``), one loop that runs jobs (``runner.py``), two stores behind it: the
ledger's own SQLite file, or procrastinate on the ledger's PostgreSQL. A job carries a lane
and an incident's number, nothing else: what is due stands in the ledger, so a lost, doubled
or late job is harmless. No rule about incidents may enter here.
"""

from __future__ import annotations

from sqlalchemy import Engine

from tools.queue.port import Queue


def queue_for(engine: Engine) -> Queue:
    """The queue that lives in this engine's database; the engine must be one that writes."""
    # Imported where used: procrastinate costs 0.14 s that a SQLite install need not pay.
    if engine.dialect.name == "sqlite":
        from tools.queue.embedded import EmbeddedQueue

        return EmbeddedQueue(engine)
    from tools.queue.postgres import PostgresQueue

    return PostgresQueue(engine)
