"""Alertmanager's API for the one thing that is asked of it: silences (API version 2).

As with a cluster, whoever calls must know whether something was sent once: no retries, no redirects, a
deadline on every call. What goes wrong is told in the words of ``tools.kubernetes.errors``, because the
actor answers both alike: was there an effect, and is it worth trying again?
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import orjson
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from tools.crash import crash
from tools.kubernetes.client import Request
from tools.kubernetes.errors import Interrupted, TimedOut, Unreachable, Unreadable, error_for
from tools.kubernetes.objects import JsonObject

CONNECT_S = 3.0
READ_S = 10.0
MOST_BYTES = 16 * 2**20
"""The largest answer that is read: tens of thousands of silences."""

_CHUNK = 2**16


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
        try:
            answer = self._asked(request)
            if request.changes:
                crash("c5")
            try:
                body = self._body(answer)
            finally:
                # Read to its end it goes back to the pool; given up on, its socket must not.
                answer.close()
        except (NewConnectionError, ConnectTimeoutError) as problem:
            raise Unreachable(f"{self.url} cannot be reached: {problem}") from problem
        except ReadTimeoutError as problem:
            raise TimedOut(f"{self.url} gave no answer within {self.timeout_s:g} s") from problem
        except HTTPError as problem:
            raise Interrupted(f"{self.url} broke off: {problem}") from problem
        said = _said(body)
        if not 200 <= answer.status < 300:
            # Alertmanager says why as a JSON string, and to a stranger as plain text.
            words = said if isinstance(said, str) else body[:500].decode("utf-8", "replace")
            raise error_for(answer.status, {"message": words or f"Alertmanager answered {answer.status}"})
        if isinstance(said, list):
            return {"items": said}
        if not isinstance(said, dict):
            raise Unreadable(f"{self.url} answered {request.path} with something else than JSON")
        return said

    def _asked(self, request: Request) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": request.accept, "User-Agent": "midwatch"}
        if request.body:
            headers["Content-Type"] = request.content_type
        query = f"?{urlencode(request.query)}" if request.query else ""
        return self.pool.request(
            request.method,
            f"{self.url.rstrip('/')}{request.path}{query}",
            headers=headers,
            body=request.body or None,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=self.timeout_s),
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def _body(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        until = self.clock() + self.timeout_s
        parts: list[bytes] = []
        size = 0
        for part in answer.stream(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise Unreadable(f"{self.url} answers with more than {MOST_BYTES} bytes")
            if self.clock() > until:
                # A server that drips byte by byte never trips the socket's own timeout.
                raise TimedOut(f"{self.url} gave no whole answer within {self.timeout_s:g} s")
        return b"".join(parts)

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
