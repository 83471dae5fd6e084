"""Alertmanager's API for the one thing that is asked of it: silences (API version 2).

As with a cluster, whoever calls must know whether something was sent once. What goes wrong is told in the
words of ``tools.kubernetes.errors``, because the actor answers both alike: was there an effect, and is it
worth trying again?
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import orjson
import urllib3

from tools.kubernetes.client import Request
from tools.kubernetes.errors import Unreadable, error_for
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.once import READ_S, Bounds, Sending, send_once

MOST_BYTES = 16 * 2**20
"""The largest answer that is read: tens of thousands of silences."""


@dataclass(frozen=True, kw_only=True)
class Alertmanager:
    """One Alertmanager by its base address, which holds no credential: the actor has none but its own.

    ``timeout_s`` bounds the wait for each part of an answer and, checked between the parts, the whole of
    it. Thread-safe; close it when done.
    """

    url: str
    timeout_s: float = READ_S
    pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def send(self, request: Request) -> JsonObject:
        """Send once; a list in the answer comes as ``items``. Raises the KubernetesError tree."""
        bounds = Bounds(timeout_s=self.timeout_s, most_bytes=MOST_BYTES, clock=self.clock)
        status, body = send_once(self.pool, self._sending(request), bounds)
        said = _said(body)
        if not 200 <= status < 300:
            # Alertmanager says why as a JSON string, and to a stranger as plain text.
            words = said if isinstance(said, str) else body[:500].decode("utf-8", "replace")
            raise error_for(status, {"message": words or f"Alertmanager answered {status}"})
        if isinstance(said, list):
            return {"items": said}
        if not isinstance(said, dict):
            raise Unreadable(f"{self.url} answered {request.path} with something else than JSON")
        return said

    def _sending(self, request: Request) -> Sending:
        headers = {"Accept": request.accept, "User-Agent": "midwatch"}
        if request.body:
            headers["Content-Type"] = request.content_type
        query = f"?{urlencode(request.query)}" if request.query else ""
        return Sending(
            server=self.url.rstrip("/"),
            rest=f"{request.path}{query}",
            method=request.method,
            headers=headers,
            body=request.body,
            changes=request.changes,
        )

    def close(self) -> None:
        """Give the sockets back."""
        self.pool.clear()


def _said(body: bytes) -> object:
    if not body:
        # The end of a silence is answered with nothing at all.
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
