"""Reading a request body that may be huge, slow or endless, within fixed bounds (threat T31)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import Request

# The sender is a machine that has the body ready: slower is a broken line or an attack.
READ_WITHIN_S = 10.0
LARGE_BYTES = 1024 * 1024
# So many times `intake_max_bytes` is what large bodies may occupy of memory together.
LARGE_IN_FLIGHT = 4
KEPT_OF_OVERSIZE = 64 * 1024


class TooSlow(Exception):
    """The body did not arrive within ten seconds."""

    retryable = True


class TooManyLarge(Exception):
    """Enough large bodies are being read already."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Body:
    """What was read: everything, or the first 64 KiB of something too large."""

    content: bytes
    oversize: bool


@dataclass(slots=True)
class _Reading:
    """One request while it is read: what came so far, and what it occupies."""

    content: bytearray
    oversize: bool = False
    large: bool = False


class BodyReader:
    """Reads bodies up to ``limit`` bytes, and no more than four large ones at a time.

    A body above one MiB is large, from that byte on until the request is done with.
    """

    def __init__(self, limit: int, within_s: float = READ_WITHIN_S) -> None:
        self._limit = limit
        self._within_s = within_s
        self._large = 0

    @property
    def large_in_flight(self) -> int:
        """How many large bodies are being worked on."""
        return self._large

    @asynccontextmanager
    async def reading(self, request: Request) -> AsyncIterator[Body]:
        """The body, or its beginning. Raises TooSlow, TooManyLarge or starlette's ClientDisconnect."""
        reading = _Reading(bytearray())
        try:
            try:
                async with asyncio.timeout(self._within_s):
                    await self._read(request, reading)
            except TimeoutError as error:
                if not reading.oversize:
                    raise TooSlow(f"the body did not arrive within {self._within_s:g} s") from error
            yield Body(bytes(reading.content), reading.oversize)
        finally:
            self._large -= reading.large

    async def _read(self, request: Request, reading: _Reading) -> None:
        declared = request.headers.get("content-length", "")
        reading.oversize = declared.isdecimal() and int(declared) > self._limit
        async for chunk in request.stream():
            reading.content += chunk
            reading.oversize = reading.oversize or len(reading.content) > self._limit
            if reading.oversize:
                # Read on and forget: a sender cut off in mid-sentence never hears the answer.
                del reading.content[KEPT_OF_OVERSIZE:]
            if not reading.large and (reading.oversize or len(reading.content) > LARGE_BYTES):
                self._take(reading)

    def _take(self, reading: _Reading) -> None:
        if self._large >= LARGE_IN_FLIGHT:
            raise TooManyLarge(f"{LARGE_IN_FLIGHT} large bodies are being worked on already")
        self._large += 1
        reading.large = True
