"""Prometheus, read through prometheus-api-client: no retries of its own, a timeout on every call.

The client is synchronous and retries 503 for seconds by default; both are set straight here, and
agents call it in threads. The address comes from the settings, never from an alert (threat T28).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

TIMEOUT_S = 10


class PrometheusError(Exception):
    """Prometheus did not answer the question."""

    retryable = False


class PrometheusUnreachable(PrometheusError):
    """Prometheus cannot be reached, or took too long."""

    retryable = True


class PrometheusRefused(PrometheusError):
    """Prometheus refused the query, or failed on it."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One series at one time: its labels and value."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, kw_only=True)
class QueryResult:
    """What an instant query returned; empty means that nothing matched."""

    query: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """One Prometheus. Close it when done."""

    connection: Any = field(repr=False)

    @classmethod
    def open(cls, url: str, token: str = "") -> Prometheus:
        """A client for the server at ``url``, with a bearer token if it wants one."""
        headers = {"Authorization": f"Bearer {token}"} if token else None
        return cls(
            connection=PrometheusConnect(
                url=url, headers=headers, retry=Retry(total=0, redirect=0), timeout=TIMEOUT_S
            )
        )

    def instant(self, query: str, at: datetime | None = None) -> QueryResult:
        """One instant query. Raises PrometheusError."""
        params = {"timeout": f"{TIMEOUT_S}s"} | ({"time": str(at.timestamp())} if at else {})
        try:
            found = self.connection.custom_query(query, params=params)
        except (requests.ConnectionError, requests.Timeout) as problem:
            raise PrometheusUnreachable(f"Prometheus did not answer: {problem}") from problem
        except (PrometheusApiClientException, requests.RequestException, KeyError, ValueError) as problem:
            raise PrometheusRefused(f"Prometheus refused {query!r}: {problem}") from problem
        samples = tuple(
            Sample(labels=dict(series["metric"]), value=float(series["value"][1])) for series in found
        )
        return QueryResult(query=query, samples=samples)

    def close(self) -> None:
        """Give the sockets back."""
        self.connection.close()
