"""The graph's durable memory: SQLite or PostgreSQL by the database's URL, strict, fenced by lease."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url


class LeaseOver(Exception):
    """The run's lease has passed: this worker may be a zombie, so its checkpoint is refused."""


@dataclass
class Fence:
    """When (monotonic clock) a run may write no more checkpoints; it moves with the lease."""

    deadline: float


@asynccontextmanager
async def checkpointer(database_url: str) -> AsyncIterator[Any]:
    """The saver beside the ledger: its own SQLite file, or tables in the same PostgreSQL."""
    url = make_url(database_url)
    if url.drivername.startswith("sqlite"):
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        path = Path(url.database or "ledger.db").with_suffix(".checkpoints.db")
        async with _fenced(AsyncSqliteSaver).from_conn_string(str(path)) as saver:
            await saver.setup()
            yield saver
        return
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with _fenced(AsyncPostgresSaver).from_conn_string(plain) as saver:
        await saver.setup()
        yield saver


def _fenced(saver: Any) -> Any:
    """The saver class, strict in what it reads, with its writes refused once the run's lease is over."""

    async def aput(self: Any, config: Any, *rest: Any) -> Any:
        _still_leased(config)
        return await saver.aput(self, config, *rest)

    async def aput_writes(self: Any, config: Any, *rest: Any) -> Any:
        _still_leased(config)
        return await saver.aput_writes(self, config, *rest)

    return type(
        f"Fenced{saver.__name__}", (saver,), {"aput": aput, "aput_writes": aput_writes, "serde": _strict()}
    )


def _strict() -> Any:
    """Reads plain data and langgraph's own few types; what names anything else is not imported (P26, T45)."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    class Strict(JsonPlusSerializer):
        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            # The form before msgpack, which can name classes as well, and which nothing of ours ever wrote.
            if data[0] == "json":
                raise ValueError("a checkpoint of a form that was never written here")
            return super().loads_typed(data)

    # Said here and not by LANGGRAPH_STRICT_MSGPACK: langgraph reads that once, when it is first imported,
    # and the graph imports it before there is a saver.
    return Strict(allowed_msgpack_modules=None)


def _still_leased(config: Any) -> None:
    # The clock is this process's own: a worker that was paused notices it here, without asking anybody.
    fence = config["configurable"].get("fence")
    if fence is not None and time.monotonic() > fence.deadline:
        raise LeaseOver("the lease on this incident is over")
