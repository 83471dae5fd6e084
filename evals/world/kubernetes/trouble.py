"""Error answers made on request, worded like the real server's own."""

from __future__ import annotations

from evals.world.kubernetes.errors import (
    ApiError,
    InternalError,
    ServiceUnavailable,
    Timeout,
    TooManyRequests,
)


def injected(code: int) -> ApiError:
    """The error a fault with this status code answers with; other codes become a 500 that says so."""
    if code == TooManyRequests.code:
        return TooManyRequests("Too many requests, please try again later.", {"retryAfterSeconds": 1})
    if code == ServiceUnavailable.code:
        return ServiceUnavailable("apiserver is shutting down", {})
    if code == Timeout.code:
        message = "Timeout: request did not complete within requested timeout - context deadline exceeded"
        return Timeout(message, {})
    return InternalError("Internal error occurred: etcdserver: request timed out", {})
