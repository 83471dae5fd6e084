"""Slowness on request, for servers that pretend to be slow: it ends as soon as the caller has gone."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import Request


async def linger(request: Request, seconds: float) -> None:
    """Wait, but no longer than somebody waits for the answer: a stopping server must not wait for us."""
    if seconds <= 0:
        return
    # Once the body has been read, the next message can only be the caller's leaving.
    await request.body()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(request.receive(), seconds)
