"""Many connections that post alert groups as fast as they are answered; knows HTTP/1.1 and nothing else.

Written on bare streams: a client that costs as much as the server would measure itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LENGTH = b"content-length:"


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where to post, with which token."""

    url: str
    token: str

    def request(self, body: bytes) -> bytes:
        """The whole POST of a body."""
        return self.head(f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n") + body

    def head(self, more: str) -> bytes:
        """What comes before the body; ``more`` are header lines, each with its end."""
        at = urlsplit(self.url)
        own = f"Host: {at.netloc}\r\nAuthorization: Bearer {self.token}\r\n"
        return f"POST /alertmanager HTTP/1.1\r\n{own}{more}\r\n".encode()


@dataclass(kw_only=True)
class Flood:
    """What came back: seconds of each answer, bodies of the 2xx ones, and how many were refused."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)
    refused: int = 0


async def flood(door: Door, bodies: Iterator[bytes], connections: int, seconds: float) -> Flood:
    """Post for that long over so many keep-alive connections, one request at a time on each."""
    found = Flood()
    began = time.perf_counter()
    end = began + seconds
    await asyncio.gather(*(_connection(door, bodies, found, end) for _ in range(connections)))
    # Until the last answer: what was begun in time is counted with the time it took.
    found.seconds = time.perf_counter() - began
    return found


async def _connection(door: Door, bodies: Iterator[bytes], found: Flood, end: float) -> None:
    at = urlsplit(door.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        while (began := time.perf_counter()) < end:
            writer.write(door.request(next(bodies)))
            status, body = await answer_of(reader)
            found.times.append(time.perf_counter() - began)
            if 200 <= status < 300:
                found.accepted.append(body)
            else:
                found.refused += 1
    finally:
        writer.close()
        await writer.wait_closed()


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The status and the body; our own server always says how long its body is."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next(int(line[len(_LENGTH) :]) for line in lines if line.lower().startswith(_LENGTH))
    return int(lines[0].split(b" ", 2)[1]), await reader.readexactly(length)
