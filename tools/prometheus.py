"""Prometheus, read through prometheus-api-client: bounded in time and size, no retries, no redirects.

The client is synchronous, retries 503 for seconds and has no timeout by default; all three are set straight
here, and agents call it in threads. The address comes from the settings, never from an alert (threat T28).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson
import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util.retry import Retry

TIMEOUT_S = 10.0
MAX_BYTES = 5 * 1024 * 1024
MAX_POINTS = 11_000
AT_ONCE = 2
"""An incident must not be what makes a struggling Prometheus fall over (threat T29)."""
_CHUNK = 64 * 1024
_CONNECT_S = 3.0
_T = TypeVar("_T")


class PrometheusError(Exception):
    """Prometheus did not answer the question."""

    retryable = False


class PrometheusUnreachable(PrometheusError):
    """Prometheus cannot be reached, or says that it is not ready to answer."""

    retryable = True


class PrometheusTimedOut(PrometheusError):
    """Prometheus took longer than it was given."""

    retryable = True


class PrometheusRefused(PrometheusError):
    """Prometheus refused the query, the credentials, or failed on the query."""


class PrometheusTooLarge(PrometheusError):
    """The answer is larger than may be read, or would have too many points."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One series at one time: its labels and value."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, kw_only=True)
class QueryResult:
    """What an instant query returned; no samples: nothing matched. ``warnings`` are the server's."""

    query: str
    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Track:
    """One series over time: (seconds since the epoch, value), oldest first."""

    labels: dict[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class RangeResult:
    """What a range query returned."""

    query: str
    tracks: tuple[Track, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Window:
    """From when to when, both ends included."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window has aware moments")
        if self.end < self.start:
            raise ValueError("a window does not end before it starts")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How long one call may take in all and how much of an answer is read."""

    timeout_s: float = TIMEOUT_S
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """One Prometheus, asked at most ``AT_ONCE`` questions at a time from any number of threads."""

    url: str
    token: str = field(default="", repr=False)
    bounds: Bounds = Bounds()
    _turns: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(AT_ONCE), repr=False, compare=False
    )

    @classmethod
    def open(cls, url: str, token: str = "") -> Prometheus:
        """A client for the server at ``url``, with a bearer token if it wants one."""
        return cls(url=url.rstrip("/"), token=token)

    def instant(self, query: str, at: datetime | None = None) -> QueryResult:
        """One instant query, of a vector or a scalar. Raises PrometheusError."""
        params = {"timeout": self._timeout} | ({"time": str(at.timestamp())} if at else {})

        def ask(client: PrometheusConnect) -> tuple[Sample, ...]:
            return tuple(_samples(client.custom_query(query, params=params)))

        samples, warnings = self._ask(query, ask)
        return QueryResult(query=query, samples=samples, warnings=warnings)

    def range(self, query: str, window: Window, step: timedelta) -> RangeResult:
        """One range query. Raises PrometheusTooLarge unasked beyond 11 000 points, else PrometheusError."""
        if step <= timedelta(0) or (window.end - window.start) / step > MAX_POINTS:
            raise PrometheusTooLarge(f"more than {MAX_POINTS} points per series: {query!r}")
        # The client rounds both ends to whole seconds.
        times = (window.start, window.end, f"{step.total_seconds():g}")

        def ask(client: PrometheusConnect) -> tuple[Track, ...]:
            found = client.custom_query_range(query, *times, params={"timeout": self._timeout})
            return tuple(_track(series) for series in found)

        tracks, warnings = self._ask(query, ask)
        return RangeResult(query=query, tracks=tracks, warnings=warnings)

    def close(self) -> None:
        """Nothing is kept open between calls; here so that owners need not know."""

    @property
    def _timeout(self) -> str:
        return f"{self.bounds.timeout_s:g}s"

    def _ask(self, query: str, ask: Callable[[PrometheusConnect], _T]) -> tuple[_T, tuple[str, ...]]:
        if not self._turns.acquire(timeout=self.bounds.timeout_s):
            raise PrometheusTimedOut(f"no turn within {self._timeout}: {query!r}")
        try:
            return self._in_turn(query, ask)
        finally:
            self._turns.release()

    def _in_turn(self, query: str, ask: Callable[[PrometheusConnect], _T]) -> tuple[_T, tuple[str, ...]]:
        # A session per call: what it keeps (status, body, warnings) belongs to one answer.
        with closing(_BoundedSession(self.bounds)) as session:
            client = PrometheusConnect(
                url=self.url,
                auth=_Bearer(self.token),
                session=session,
                # read=False: else a slow answer is reported as a failed connection.
                retry=Retry(total=0, read=False, redirect=0),
                timeout=(min(_CONNECT_S, self.bounds.timeout_s), self.bounds.timeout_s),
            )
            try:
                return ask(client), session.warnings
            except requests.Timeout as problem:
                raise PrometheusTimedOut(f"no answer within {self._timeout}: {query!r}") from problem
            except PrometheusApiClientException as problem:
                raise _refusal(session.status, session.body, query) from problem
            except (requests.ConnectionError, HTTPError) as problem:
                raise PrometheusUnreachable(f"Prometheus did not answer: {problem}") from problem
            except (requests.RequestException, LookupError, TypeError, ValueError) as problem:
                raise PrometheusRefused(f"the answer to {query!r} is not Prometheus': {problem}") from problem


class _Bearer(AuthBase):
    """The token, or nothing. Its presence also keeps requests from taking a password out of a .netrc file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _BoundedSession(requests.Session):
    """A session that reads up to a size and a deadline, follows no redirect, and keeps what it got."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self._bounds = bounds
        self.status = 0
        self.body = b""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The ``warnings`` of the last answer, which the client drops."""
        try:
            body = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return ()
        found = body.get("warnings") if isinstance(body, dict) else None
        return tuple(str(one) for one in found) if isinstance(found, list) else ()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send, then read within the bounds. Raises PrometheusTooLarge or requests' Timeout."""
        deadline = time.monotonic() + self._bounds.timeout_s
        response = super().send(request, **{**kwargs, "stream": True, "allow_redirects": False})
        with closing(response):
            self.status, self.body = response.status_code, self._read(response, deadline)
        # The client reads the body again, from where requests keeps what has been read.
        response._content = self.body
        return response

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        try:
            # read1 returns what has arrived: a server that drips bytes must not hide from the deadline.
            while part := response.raw.read1(_CHUNK, decode_content=True):
                body += part
                if len(body) > self._bounds.max_bytes:
                    raise PrometheusTooLarge(f"the answer is larger than {self._bounds.max_bytes} bytes")
                if time.monotonic() > deadline:
                    raise requests.ReadTimeout("the answer did not end in time")
        except ReadTimeoutError as problem:
            raise requests.ReadTimeout("the answer stopped in the middle") from problem
        return bytes(body)


def _refusal(status: int, body: bytes, query: str) -> PrometheusError:
    """The error for an answer that is not 200, in Prometheus' own words where it gave any."""
    try:
        said = orjson.loads(body)["error"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        said = body[:200].decode(errors="replace").strip()
    message = f"HTTP {status} to {query!r}: {said}"
    # 422 is about the query; 429 and every 5xx are about the server's day.
    if status == 429 or status >= 500:
        return PrometheusUnreachable(message)
    if status == 422 and "timed out" in str(said):
        return PrometheusTimedOut(message)
    return PrometheusRefused(message)


def _samples(found: Any) -> Iterator[Sample]:
    """The members of a vector; a scalar, which comes as ``[time, value]``, is one without labels."""
    if len(found) == 2 and isinstance(found[1], str):
        yield Sample(labels={}, value=float(found[1]))
        return
    for series in found:
        yield Sample(labels=dict(series["metric"]), value=float(series["value"][1]))


def _track(series: Any) -> Track:
    points = tuple((float(when), float(value)) for when, value in series["values"])
    return Track(labels=dict(series["metric"]), points=points)
