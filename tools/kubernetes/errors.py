"""What can go wrong between us and an API server, and whether trying again makes sense."""

from __future__ import annotations


class KubernetesError(Exception):
    """A request to the API server did not succeed.

    ``retryable``: the same request may work later. ``no_effect``: certain that the cluster was
    not changed; where it is False, only reading the object tells.
    """

    retryable = False
    no_effect = True

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(KubernetesError):
    """No connection could be made: the request was never sent."""

    retryable = True


class Interrupted(KubernetesError):
    """The connection broke or timed out after the request may have been sent."""

    retryable = True
    no_effect = False


class Forbidden(KubernetesError):
    """This credential may not do that (401 or 403)."""


class NotFound(KubernetesError):
    """There is no such object (404)."""


class Conflict(KubernetesError):
    """The object changed meanwhile (409)."""


class PreconditionFailed(KubernetesError):
    """A test inside the patch failed, or the result was invalid: nothing was written (422)."""


class Throttled(KubernetesError):
    """Too many requests, or a disruption budget said no (429)."""

    retryable = True


class Refused(KubernetesError):
    """The server refused the request for another reason (4xx, or a redirect)."""


class ServerFailed(KubernetesError):
    """The server failed (5xx); whether it did the work first cannot be known."""

    retryable = True
    no_effect = False


_BY_STATUS: dict[int, type[KubernetesError]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: PreconditionFailed,
    429: Throttled,
}


def error_for(status: int, message: str) -> KubernetesError:
    """The error that a status other than 2xx stands for."""
    kind = _BY_STATUS.get(status, ServerFailed if status >= 500 else Refused)
    return kind(message, status)
