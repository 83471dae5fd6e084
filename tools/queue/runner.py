"""The loop that both queues share: claim, run the handler, tell the store how it went."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tools.queue.port import Handler, Job, Later, QueueUnavailable, WorkOptions

log = logging.getLogger(__name__)
RETRY_STORE_S = 0.5


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at one job. ``token`` is this attempt's alone; ``failures`` came before it."""

    job: Job
    token: str
    failures: int


class Store(Protocol):
    """What a queue must offer the loop, for one lane. Every call may raise QueueUnavailable."""

    keep_every_s: float

    async def claim(self) -> Claim | None:
        """Take the next due job nobody runs, or None."""

    async def finish(self, claim: Claim) -> bool:
        """Remove a job that is done; False when the attempt was no longer ours."""

    async def again(self, claim: Claim, delay_s: float, failures: int) -> bool:
        """Put a job back for later; False when the attempt was no longer ours."""

    async def keep(self, claims: Sequence[Claim]) -> Collection[str]:
        """Show that we live; returns the tokens that were lost meanwhile."""

    async def news(self) -> None:
        """Return when a look at the store may be worth it, at the latest after about a second."""


class Runner:
    """Runs one lane's jobs with one handler until told to stop."""

    def __init__(self, store: Store, handler: Handler, options: WorkOptions) -> None:
        self._store = store
        self._handler = handler
        self._options = options
        self._attempts: dict[asyncio.Task[None], Claim] = {}
        self._handlers: dict[str, asyncio.Future[None]] = {}
        self._lost: set[str] = set()
        self._ending = False

    async def run(self) -> None:
        """Work until ``stop`` is set, then let the running jobs end or put them back."""
        stopping = asyncio.create_task(self._options.stop.wait())
        keeping = asyncio.create_task(self._keep())
        try:
            while not stopping.done():
                await self._take()
                await self._wait(stopping)
            if self._attempts:
                await asyncio.wait(self._attempts, timeout=self._options.grace_s)
        finally:
            stopping.cancel()
            await self._drain()
            keeping.cancel()
            await asyncio.wait([keeping])

    async def _take(self) -> None:
        """Claim as many due jobs as there are free places."""
        while len(self._attempts) < self._options.concurrency and not self._options.stop.is_set():
            try:
                claim = await self._store.claim()
            except QueueUnavailable as error:
                log.warning("the queue cannot be read, trying again: %s", error)
                await self._pause()
                continue
            if claim is None:
                return
            if self._options.stop.is_set():
                # Told to stop while the store was asked: the job is for somebody else.
                await self._put_back(claim)
                return
            attempt = asyncio.create_task(self._attempt(claim))
            self._attempts[attempt] = claim
            attempt.add_done_callback(self._attempts.pop)

    async def _wait(self, stopping: asyncio.Task[Literal[True]]) -> None:
        """Sleep until there is news, a place becomes free, or it is time to stop."""
        full = len(self._attempts) >= self._options.concurrency
        waits: set[asyncio.Task[Literal[True]] | asyncio.Task[None]] = {stopping, *self._attempts}
        news = None if full else asyncio.create_task(self._store.news())
        if news is not None:
            waits.add(news)
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if news is not None:
                news.cancel()
                await asyncio.wait([news])

    async def _attempt(self, claim: Claim) -> None:
        """One attempt from start to the store's acknowledgement."""
        # A task of its own, so that the handler's failure is a value here and not an exception.
        handling = asyncio.ensure_future(self._handler(claim.job))
        self._handlers[claim.token] = handling
        if self._ending:
            handling.cancel()
        try:
            await asyncio.wait([handling])
        finally:
            self._handlers.pop(claim.token, None)
        if claim.token in self._lost:
            self._lost.discard(claim.token)
            log.warning("job %s was lost to another worker while it ran", claim.job.key)
            return
        if not await self._tell(self._verdict(claim, handling)):
            log.warning("job %s ended, but another worker has taken it over", claim.job.key)

    async def _put_back(self, claim: Claim) -> None:
        await self._tell(lambda: self._store.again(claim, 0.0, claim.failures))

    def _verdict(self, claim: Claim, handling: asyncio.Future[None]) -> Callable[[], Awaitable[bool]]:
        """What the store must be told about an attempt that has ended."""
        if handling.cancelled():
            return lambda: self._store.again(claim, 0.0, claim.failures)
        error = handling.exception()
        if error is None:
            return lambda: self._store.finish(claim)
        if isinstance(error, Later):
            seconds = error.seconds
            return lambda: self._store.again(claim, seconds, claim.failures)
        failures = claim.failures + 1
        delay_s = self._options.back_off(failures)
        log.error("job %s failed (%d in a row), next try in %.1f s", claim.job.key, failures, delay_s,
                  exc_info=error)  # fmt: skip
        return lambda: self._store.again(claim, delay_s, failures)

    async def _tell(self, verdict: Callable[[], Awaitable[bool]]) -> bool:
        """Tell the store, again and again: a job we neither finish nor give back stays locked."""
        while True:
            try:
                return await verdict()
            except QueueUnavailable as error:
                log.warning("the queue cannot be written, trying again: %s", error)
                if self._ending or self._options.stop.is_set():
                    # The lease runs out by itself, and whoever works next takes the job.
                    return True
                await self._pause()

    async def _keep(self) -> None:
        """Show at regular times that this worker lives, and cancel what it has lost."""
        while True:
            await asyncio.sleep(self._store.keep_every_s)
            try:
                lost = await self._store.keep(tuple(self._attempts.values()))
            except QueueUnavailable as error:
                log.warning("the queue cannot be told that this worker lives: %s", error)
                continue
            for token in lost:
                handling = self._handlers.get(token)
                if handling is not None:
                    self._lost.add(token)
                    handling.cancel()

    async def _pause(self) -> None:
        """A short wait before the store is asked again, cut short by ``stop``."""
        stopping = asyncio.create_task(self._options.stop.wait())
        await asyncio.wait([stopping], timeout=RETRY_STORE_S)
        stopping.cancel()

    async def _drain(self) -> None:
        """Cancel what still runs and wait until every job is put back."""
        self._ending = True
        for handling in self._handlers.values():
            handling.cancel()
        if self._attempts:
            await asyncio.wait(self._attempts)
