"""One worker on PostgreSQL: LISTEN for news, fetch, show signs of life, free what the dead hold."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Notification
from procrastinate.manager import JobManager
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from tools.queue.port import Handler, Job, QueueUnavailable, WorkOptions
from tools.queue.postgres_rows import put
from tools.queue.runner import Claim, Runner

log = logging.getLogger(__name__)
POLL_S = 0.5
RECONNECT_S = 1.0
FORGET_WORKERS_S = 60.0
T = TypeVar("T")

_DROP = text("DELETE FROM procrastinate_jobs WHERE id = :id AND status = 'doing' RETURNING args")
_BEAT = text("UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = :worker RETURNING id")
_HELD = text("SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = :worker")
_NOW = text("SELECT now()")


async def work_lane(engine: Engine, lane: str, stall_s: float, work: tuple[Handler, WorkOptions]) -> None:
    """Run a lane's jobs; when the database goes away, come back when it does."""
    handler, options = work
    while not options.stop.is_set():
        try:
            async with _opened(engine) as manager:
                store = LaneStore(engine, manager, lane, stall_s)
                async with store.listening():
                    await Runner(store, handler, options).run()
        except (QueueUnavailable, ConnectorException, psycopg.Error, OperationalError) as error:
            log.warning("lane %s cannot reach the queue, trying again: %s", lane, error.__cause__ or error)
            stopping = asyncio.create_task(options.stop.wait())
            await asyncio.wait([stopping], timeout=RECONNECT_S)
            stopping.cancel()


@contextlib.asynccontextmanager
async def _opened(engine: Engine) -> AsyncIterator[JobManager]:
    """Procrastinate's job manager on connections of its own to the engine's database."""
    _, arguments = engine.dialect.create_connect_args(engine.url)
    known: dict[str, Any] = {key: value for key, value in arguments.items() if key != "context"}

    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        # A fetch that commits by itself never holds a row lock while it waits for this event loop,
        # so a caller that enqueues on the loop's own thread cannot lock itself out.
        await connection.set_autocommit(True)

    connector = PsycopgConnector(
        conninfo=make_conninfo(**known), min_size=1, max_size=2, timeout=5.0, configure=configure
    )
    async with App(connector=connector).open_async() as app:
        yield app.job_manager


class LaneStore:
    """One registered worker's view of one lane."""

    def __init__(self, engine: Engine, manager: JobManager, lane: str, stall_s: float) -> None:
        self._engine = engine
        self._manager = manager
        self._lane = lane
        self._stall_s = stall_s
        self._bell = asyncio.Event()
        self._worker = 0
        self._forgotten: set[str] = set()
        self.keep_every_s = stall_s / 8

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Be a registered worker that hears about new jobs, until the block ends."""
        await self._manager.prune_stalled_workers(FORGET_WORKERS_S)
        self._worker = await self._manager.register_worker()
        ear = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            # A cancellation that meets a notification is swallowed by the listener: ask until it hears.
            while not ear.done():
                ear.cancel()
                await asyncio.wait([ear], timeout=0.1)
            # Without the database there is nothing to sign off from; the row is forgotten by itself.
            with contextlib.suppress(ConnectorException):
                await self._manager.unregister_worker(self._worker)

    async def claim(self) -> Claim | None:
        """Fetch the next job through procrastinate."""
        # Cleared before looking: a job that arrives from here on rings again.
        self._bell.clear()
        try:
            fetched = await self._manager.fetch_job(queues=[self._lane], worker_id=self._worker)
        except UniqueViolation:
            # Another worker took a job of the same incident in this very moment: ours waits.
            return None
        except ConnectorException as error:
            raise QueueUnavailable("PostgreSQL did not answer when asked for a job") from error
        if fetched is None:
            return None
        arguments: dict[str, Any] = fetched.task_kwargs
        job = Job(self._lane, int(arguments["incident"]), fetched.scheduled_at)
        return Claim(job, str(fetched.id), int(arguments["failures"]))

    async def finish(self, claim: Claim) -> bool:
        """Delete the row; it exists under this id only while the attempt is ours."""
        return await self._transact(lambda connection: _drop(connection, claim.token))

    async def again(self, claim: Claim, delay_s: float, failures: int) -> bool:
        """Replace the running row by a waiting one, timed by the database's clock."""

        def put_back(connection: Connection) -> bool:
            if not _drop(connection, claim.token):
                return False
            now = connection.execute(_NOW).scalar_one()
            put(connection, claim.job, now + timedelta(seconds=delay_s), failures)
            return True

        return await self._transact(put_back)

    async def keep(self, claims: Sequence[Claim]) -> Collection[str]:
        """Show a sign of life, free what dead workers hold, and say what we have lost."""
        if not await self._transact(self._beat):
            self._worker = await self._manager.register_worker()
        held = await self._transact(self._held)
        ours = {claim.token for claim in claims}
        # A fetch whose answer got lost leaves a row that nobody runs. One look is not enough to
        # tell: the answer may be on its way.
        forgotten = held - ours
        for token in forgotten & self._forgotten:
            await self._free(int(token))
        self._forgotten = forgotten
        await self._sweep()
        return ours - held

    async def news(self) -> None:
        """Wait for a notification, but not for long: a job that falls due sends none."""
        waiting = asyncio.create_task(self._bell.wait())
        try:
            await asyncio.wait([waiting], timeout=POLL_S)
        finally:
            waiting.cancel()

    async def _listen(self) -> None:
        async def ring(*, channel: str, notification: Notification) -> None:
            self._bell.set()

        while True:
            try:
                await self._manager.listen_for_jobs(on_notification=ring, queues=[self._lane])
            except (ConnectorException, psycopg.Error, OSError):
                log.warning("lane %s hears no notifications and polls instead", self._lane)
            await asyncio.sleep(RECONNECT_S)

    async def _sweep(self) -> None:
        """Give back the jobs of this lane whose worker has shown no life for ``stall_s``."""
        try:
            stalled = await self._manager.get_stalled_jobs(
                queue=self._lane, seconds_since_heartbeat=self._stall_s
            )
        except ConnectorException as error:
            raise QueueUnavailable("PostgreSQL did not answer when asked for stalled jobs") from error
        for job in stalled:
            if job.id is not None:
                await self._free(job.id)

    async def _free(self, row_id: int) -> None:
        """Put a held job back as a new row, so that its old holder can finish nothing."""

        def replace(connection: Connection) -> None:
            row = connection.execute(_DROP, {"id": row_id}).one_or_none()
            if row is not None:
                job = Job(self._lane, int(row.args["incident"]))
                put(connection, job, None, int(row.args["failures"]) + 1)
                log.warning("job %s is taken back from a worker that died", job.key)

        await self._transact(replace)

    def _beat(self, connection: Connection) -> bool:
        return connection.execute(_BEAT, {"worker": self._worker}).one_or_none() is not None

    def _held(self, connection: Connection) -> set[str]:
        return {str(row_id) for row_id in connection.scalars(_HELD, {"worker": self._worker})}

    async def _transact(self, what: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with self._engine.begin() as connection:
                return what(connection)

        try:
            return await asyncio.to_thread(transaction)
        except OperationalError as error:
            raise QueueUnavailable(f"PostgreSQL did not answer: {error.orig}") from error


def _drop(connection: Connection, token: str) -> bool:
    return connection.execute(_DROP, {"id": int(token)}).one_or_none() is not None
