"""What can go wrong between us and an API server, and whether trying again makes sense."""

from __future__ import annotations

from tools.kubernetes.objects import JsonObject


class KubernetesError(Exception):
    """A request to the API server did not succeed.

    ``retryable``: the same request may work later. ``no_effect``: certain that the cluster was
    not changed; where it is False, only reading the object tells. ``status`` is the HTTP status,
    if there was an answer.
    """

    retryable = False
    no_effect = True

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unconfigured(KubernetesError):
    """The kubeconfig, or the Pod's own account, cannot be used: nothing was sent."""


class Unreachable(KubernetesError):
    """No connection could be made: the request was never sent."""

    retryable = True


class Interrupted(KubernetesError):
    """The connection broke after the request may have been sent."""

    retryable = True
    no_effect = False


class TimedOut(Interrupted):
    """The request was sent and no whole answer came in time."""


class Unreadable(KubernetesError):
    """The server answered, but with something that is no JSON object or is too large."""

    no_effect = False


class Forbidden(KubernetesError):
    """This credential may not do that (401 or 403)."""


class NotFound(KubernetesError):
    """There is no such object, or no such kind in this cluster (404)."""


class Conflict(KubernetesError):
    """The object changed meanwhile (409)."""


class Expired(KubernetesError):
    """The version or page that was asked for is no longer kept (410)."""


class PreconditionFailed(KubernetesError):
    """A test inside the patch failed, or its path is gone: nothing was written (422)."""


class Throttled(KubernetesError):
    """Too many requests, or a disruption budget said no (429)."""

    retryable = True


class BudgetSpent(Throttled):
    """A disruption budget keeps the pod where it is: said to a person, and never worked around (P20)."""

    retryable = False


class Refused(KubernetesError):
    """The server refused the request for another reason (4xx, or a redirect)."""


class Invalid(Refused):
    """The object would break a rule of its kind; the message names the field (422)."""


class ServerFailed(KubernetesError):
    """The server failed (5xx); whether it did the work first cannot be known."""

    retryable = True
    no_effect = False


_BY_STATUS: dict[int, type[KubernetesError]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    429: Throttled,
}


def error_for(status: int, said: JsonObject) -> KubernetesError:
    """The error that a status other than 2xx stands for; ``said`` is the ``v1.Status`` body, if any."""
    message = str(said.get("message") or f"the API server answered {status}")
    details = said.get("details") or {}
    causes = details.get("causes") or []
    if status == 422:
        # A failed test says only "error in our request"; a validation names the fields it minds.
        return (Invalid if causes else PreconditionFailed)(message, status)
    spent = [cause.get("message") for cause in causes if cause.get("reason") == "DisruptionBudget"]
    # One that is still being worked out comes with a time to ask again, and is no answer yet.
    if status == 429 and spent and not details.get("retryAfterSeconds"):
        # The first sentence says only that a budget is in the way; the cause says which and by how much.
        return BudgetSpent(f"{message} {spent[0] or ''}".strip(), status)
    kind = _BY_STATUS.get(status, ServerFailed if status >= 500 else Refused)
    return kind(message, status)
