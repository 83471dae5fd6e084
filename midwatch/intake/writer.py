"""Many waiting requests, one transaction: a commit costs a disk flush, so they share it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError

from agents.ledger.notification import Accepted, Delivery, DeliveryStatus

log = logging.getLogger(__name__)
Accept = Callable[[Sequence[Delivery]], Sequence[Accepted]]
# A larger batch would hold the write lock longer, and every agent waits for that lock.
BATCH = 100
GATHER_S = 0.005
MAX_WAITING_BYTES = 64 * 1024 * 1024
_DATA_AT_FAULT = (DataError, IntegrityError, NotSupportedError, ProgrammingError)


class IntakeError(Exception):
    """A delivery was not committed."""

    retryable = True


class Overloaded(IntakeError):
    """Too many deliveries wait for the database already."""


class NotCommitted(IntakeError):
    """The database did not take the delivery."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    delivery: Delivery
    answer: asyncio.Future[Accepted]


class GroupCommit:
    """One writer thread that commits up to a hundred deliveries at a time, in order of arrival.

    ``accept`` is one durable transaction: when it returns, the deliveries survive a power cut.
    ``limit`` bounds how many may wait, 64 MiB how much. Use as ``async with``; leaving it commits what waits.
    """

    def __init__(self, accept: Accept, limit: int) -> None:
        self._accept = accept
        self._limit = limit
        self._waiting: list[_Waiting] = []
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._closing = False
        # One thread, because SQLite has one writer; a second would only wait for its lock.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake-writer")
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> GroupCommit:
        """Start committing."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Commit what waits, then stop; later deliveries are refused."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            await asyncio.wait([self._task])
        self._thread.shutdown()

    async def submit(self, delivery: Delivery) -> Accepted:
        """Wait until the delivery is committed. Raises Overloaded at once, or NotCommitted."""
        if self._closing:
            raise Overloaded("Midwatch is stopping")
        if len(self._waiting) >= self._limit:
            raise Overloaded(f"{self._limit} deliveries wait for the database already")
        if self._bytes > MAX_WAITING_BYTES:
            raise Overloaded(f"{self._bytes >> 20} MiB wait for the database already")
        self._bytes += len(delivery.raw)
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(delivery, answer))
        self._arrived.set()
        return await answer

    async def _run(self) -> None:
        while not (self._closing and not self._waiting):
            await self._arrived.wait()
            self._arrived.clear()
            if len(self._waiting) < BATCH and not self._closing:
                await asyncio.sleep(GATHER_S)
            while self._waiting:
                # They count against the limit until they are answered: memory is what is bounded.
                batch = self._waiting[:BATCH]
                await self._commit(batch)
                del self._waiting[: len(batch)]
                self._bytes -= sum(len(one.delivery.raw) for one in batch)

    async def _commit(self, batch: list[_Waiting]) -> None:
        """Commit together; if the data is at fault, one by one, so that nobody suffers for a neighbour."""
        error = await self._store(batch)
        if error is None:
            return
        if _store_is_down(error):
            _fail(batch, error)
            return
        for place, one in enumerate(batch):
            error = await self._alone(one)
            if error is not None and _store_is_down(error):
                _fail(batch[place:], error)
                return
            if error is not None:
                _fail([one], error)

    async def _alone(self, one: _Waiting) -> BaseException | None:
        """Store one; what the ledger cannot digest is quarantined, or it would come back for ever."""
        error = await self._store([one])
        if error is None or _store_is_down(error):
            return error
        log.error("a delivery is quarantined, the ledger cannot take it in: %s", _in_short(error))
        problem = f"the ledger could not take it in: {type(error).__name__}"
        kept = one.delivery.model_copy(
            update={"status": DeliveryStatus.QUARANTINED, "problem": problem, "notification": None}
        )
        return await self._store([_Waiting(kept, one.answer)])

    async def _store(self, batch: list[_Waiting]) -> BaseException | None:
        """One transaction on the writer thread; answers everybody in it, or returns what went wrong."""
        deliveries = [one.delivery for one in batch]
        storing = asyncio.get_running_loop().run_in_executor(self._thread, self._accept, deliveries)
        # Waited for without raising: whatever went wrong is a value the caller decides on.
        await asyncio.wait([storing])
        error = storing.exception()
        if error is not None:
            return error
        accepted = storing.result()
        if len(accepted) != len(batch):
            return NotCommitted(f"the ledger answered {len(accepted)} of {len(batch)} deliveries")
        for one, receipt in zip(batch, accepted, strict=True):
            if not one.answer.done():
                one.answer.set_result(receipt)
        return None


def _store_is_down(error: BaseException) -> bool:
    """Whether the database is at fault (locked, full, gone) and not what was to be stored.

    The ledger wraps what its driver says, so the causes are asked, the outermost first.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _DATA_AT_FAULT):
            return False
        if isinstance(seen, DBAPIError | OSError | NotCommitted):
            return True
        seen = seen.__cause__
    return bool(getattr(error, "retryable", False))


def _fail(waiting: list[_Waiting], error: BaseException) -> None:
    log.error("%d deliveries were not committed and are refused: %s", len(waiting), _in_short(error))
    for one in waiting:
        if not one.answer.done():
            refusal = NotCommitted("the ledger's database did not commit")
            refusal.__cause__ = error
            one.answer.set_exception(refusal)


def _in_short(error: BaseException) -> str:
    """One line without a traceback: SQLAlchemy's other lines repeat the body of the request."""
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first[:200]}"
