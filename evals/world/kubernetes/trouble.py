"""Error answers made on request, worded like the real server's own."""

from __future__ import annotations

from evals.world.kubernetes.errors import (
    ApiError,
    BadRequest,
    Forbidden,
    InternalError,
    ServiceUnavailable,
    Timeout,
    TooManyRequests,
)


def injected(code: int) -> ApiError:
    """The error a fault with this status code answers with; other codes become a 500 that says so.

    400 and 403 are an admission webhook's: one with side effects and no ``sideEffects: NoneOnDryRun``
    makes the API server refuse every dry-run that would reach it; one that denies is quoted.
    """
    if code == BadRequest.code:
        return BadRequest('admission webhook "mesh.example.com" does not support dry run')
    if code == Forbidden.code:
        return Forbidden('admission webhook "policy.example.com" denied the request: not this one', {})
    if code == TooManyRequests.code:
        return TooManyRequests("Too many requests, please try again later.", {"retryAfterSeconds": 1})
    if code == ServiceUnavailable.code:
        return ServiceUnavailable("apiserver is shutting down", {})
    if code == Timeout.code:
        message = "Timeout: request did not complete within requested timeout - context deadline exceeded"
        return Timeout(message, {})
    return InternalError("Internal error occurred: etcdserver: request timed out", {})
