"""Reading a request body that may be huge, slow or endless, within fixed bounds (threat T31)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import Request

READ_WITHIN_S = 10.0
LARGE_BYTES = 1024 * 1024
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
class _Place:
    """Whether one request holds one of the places for large bodies."""

    taken: bool = False


class BodyReader:
    """Reads bodies up to ``limit`` bytes, and no more than four large ones at a time.

    A body above one MiB is large, from that byte on until the request is done with.
    """

    def __init__(self, limit: int, within_s: float = READ_WITHIN_S) -> None:
        self._limit = limit
        self._within_s = within_s
        self._large = 0

    @asynccontextmanager
    async def reading(self, request: Request) -> AsyncIterator[Body]:
        """The body, or its beginning. Raises TooSlow, TooManyLarge or starlette's ClientDisconnect."""
        place = _Place()
        try:
            try:
                async with asyncio.timeout(self._within_s):
                    body = await self._read(request, place)
            except TimeoutError as error:
                raise TooSlow(f"the body did not arrive within {self._within_s:g} s") from error
            yield body
        finally:
            self._large -= place.taken

    async def _read(self, request: Request, place: _Place) -> Body:
        declared = request.headers.get("content-length", "")
        told_too_large = declared.isdecimal() and int(declared) > self._limit
        keep = KEPT_OF_OVERSIZE if told_too_large else self._limit
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > keep:
                return Body(bytes(content[:KEPT_OF_OVERSIZE]), oversize=True)
            if len(content) > LARGE_BYTES and not place.taken:
                self._take(place)
        return Body(bytes(content), oversize=told_too_large)

    def _take(self, place: _Place) -> None:
        if self._large >= LARGE_IN_FLIGHT:
            raise TooManyLarge(f"{LARGE_IN_FLIGHT} large bodies are being worked on already")
        self._large += 1
        place.taken = True
