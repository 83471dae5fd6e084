"""One HTTP request that leaves once, and its whole answer or the reason why there is none.

No retries, no redirects, a deadline and a bound on the answer: whoever calls must know whether
something was sent once. What goes wrong is told in the words of ``tools.kubernetes.errors``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from tools.crash import crash
from tools.kubernetes.errors import Interrupted, TimedOut, Unreachable, Unreadable

CONNECT_S = 3.0
READ_S = 10.0
_CHUNK = 2**16


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What leaves: ``server`` begins its address and names it in complaints, ``rest`` follows.

    ``changes`` says whether the server may do something for good.
    """

    server: str
    rest: str
    method: str
    headers: Mapping[str, str]
    body: bytes
    changes: bool


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """``timeout_s`` bounds the wait for each part of an answer and, checked between the parts, the whole
    of it, so a call returns within twice that. ``clock`` never goes back.
    """

    timeout_s: float
    most_bytes: int
    clock: Callable[[], float]


def send_once(pool: urllib3.PoolManager, sending: Sending, bounds: Bounds) -> tuple[int, bytes]:
    """The status and the body of the answer, whatever the status. Raises the KubernetesError tree."""
    try:
        answer = _asked(pool, sending, bounds)
        if sending.changes:
            crash("c5")
        try:
            return answer.status, _body(answer, sending.server, bounds)
        finally:
            # Read to its end it goes back to the pool; given up on, its socket must not.
            answer.close()
    except (NewConnectionError, ConnectTimeoutError) as problem:
        raise Unreachable(f"{sending.server} cannot be reached: {problem}") from problem
    except ReadTimeoutError as problem:
        raise TimedOut(f"{sending.server} gave no answer within {bounds.timeout_s:g} s") from problem
    except HTTPError as problem:
        raise Interrupted(f"{sending.server} broke off: {problem}") from problem


def _asked(pool: urllib3.PoolManager, sending: Sending, bounds: Bounds) -> urllib3.BaseHTTPResponse:
    return pool.request(
        sending.method,
        f"{sending.server}{sending.rest}",
        headers=sending.headers,
        body=sending.body or None,
        timeout=urllib3.Timeout(connect=CONNECT_S, read=bounds.timeout_s),
        retries=False,
        redirect=False,
        preload_content=False,
    )


def _body(answer: urllib3.BaseHTTPResponse, server: str, bounds: Bounds) -> bytes:
    until = bounds.clock() + bounds.timeout_s
    parts: list[bytes] = []
    size = 0
    for part in answer.stream(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > bounds.most_bytes:
            raise Unreadable(f"{server} answers with more than {bounds.most_bytes} bytes")
        if bounds.clock() > until:
            # A server that drips byte by byte never trips the socket's own timeout.
            raise TimedOut(f"{server} gave no whole answer within {bounds.timeout_s:g} s")
    return b"".join(parts)
