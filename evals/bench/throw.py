"""One bomb on one connection: what is answered, and after how long."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from urllib.parse import urlsplit

from evals.bench.bombs import Bomb
from evals.bench.flood import Door, answer_of

PATIENCE_S = 60.0


async def throw(door: Door, bomb: Bomb) -> tuple[int, float]:
    """The status and the seconds from the first byte sent to the last one of the answer.

    Raises TimeoutError or IncompleteReadError when nothing is answered.
    """
    at = urlsplit(door.url)
    pieces = bomb.pieces()
    first = next(pieces)
    own = "Transfer-Encoding" in bomb.head or "Content-Length" in bomb.head
    framing = "" if own else f"Content-Length: {len(first)}\r\n"
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        began = time.perf_counter()
        answered = asyncio.create_task(answer_of(reader))
        writer.write(door.head(framing + bomb.head) + first)
        # The answer may come before everything is sent, and the connection may be gone then.
        with suppress(ConnectionError):
            await writer.drain()
            for piece in pieces:
                if answered.done():
                    break
                writer.write(piece)
                await writer.drain()
        status, _ = await asyncio.wait_for(answered, PATIENCE_S)
        return status, time.perf_counter() - began
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
