"""What an API server refuses, as one tree; each error knows the ``Status`` body a real server would send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from evals.world.kubernetes.objects import JsonObject


@dataclass(frozen=True, kw_only=True)
class FieldCause:
    """One entry of ``Status.details.causes``: which field is wrong and why."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


class ApiError(Exception):
    """The API server refused the request.

    ``reason`` is what clients branch on and ``code`` what proxies see; the message is for people only.
    """

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, details: JsonObject | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def status(self) -> JsonObject:
        """The ``v1.Status`` body for this error."""
        body: JsonObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details:
            body["details"] = self.details
        body["code"] = self.code
        return body


class BadRequest(ApiError):
    """The request makes no sense to the server."""

    code = 400
    reason = "BadRequest"


class Unauthorized(ApiError):
    """The request carries no credentials the server knows."""

    code = 401
    reason = "Unauthorized"


class Forbidden(ApiError):
    """The user is known and may not do this."""

    code = 403
    reason = "Forbidden"


class NotFound(ApiError):
    """The object, or the resource itself, does not exist."""

    code = 404
    reason = "NotFound"


class MethodNotAllowed(ApiError):
    """The resource exists and does not support this verb."""

    code = 405
    reason = "MethodNotAllowed"


class NotAcceptable(ApiError):
    """The client accepts none of the representations the server has."""

    code = 406
    reason = "NotAcceptable"


class AlreadyExists(ApiError):
    """An object of this name exists."""

    code = 409
    reason = "AlreadyExists"


class Conflict(ApiError):
    """The write was made against another version of the object than the one stored.

    Worth trying again, but only after a fresh read: the same bytes would lose once more.
    """

    code = 409
    reason = "Conflict"
    retryable = True


class Expired(ApiError):
    """The requested resourceVersion or continue token is older than the server's memory.

    A client must start over with a new list; going on from where it was would skip changes.
    """

    code = 410
    reason = "Expired"
    retryable = True


class TooLarge(ApiError):
    """The request is larger than somebody allows."""

    code = 413
    reason = "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    """The body's content type is not one the server reads."""

    code = 415
    reason = "UnsupportedMediaType"


class Invalid(ApiError):
    """The object is well-formed and breaks a rule of its kind."""

    code = 422
    reason = "Invalid"


class TooManyRequests(ApiError):
    """The server asks the client to come back later, for example because a disruption budget is used up."""

    code = 429
    reason = "TooManyRequests"
    retryable = True


class InternalError(ApiError):
    """The server itself failed."""

    code = 500
    reason = "InternalError"
    retryable = True


class ServiceUnavailable(ApiError):
    """The server is not ready to answer."""

    code = 503
    reason = "ServiceUnavailable"
    retryable = True


class Timeout(ApiError):
    """The server did not finish in time; whether it acted is unknown."""

    code = 504
    reason = "Timeout"
    retryable = True


def qualified(resource: str, group: str) -> str:
    """The resource as error messages name it: ``deployments.apps`` or ``pods``."""
    return f"{resource}.{group}" if group else resource


def details(name: str, group: str, kind: str) -> JsonObject:
    """``Status.details`` for an error about one object; ``kind`` is what the real server puts there."""
    found: JsonObject = {}
    if name:
        found["name"] = name
    if group:
        found["group"] = group
    if kind:
        found["kind"] = kind
    return found


def invalid(subject: tuple[str, str, str], causes: list[FieldCause]) -> Invalid:
    """A 422 for the object ``subject`` (Kind, group, name) with one or several field errors, worded as
    the real one.
    """
    kind, group, name = subject
    words = [f"{cause.field}: {cause.message}" for cause in causes]
    listed = words[0] if len(words) == 1 else "[" + ", ".join(words) + "]"
    body = details(name, group, kind)
    body["causes"] = [
        {"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes
    ]
    return Invalid(f'{qualified(kind, group)} "{name}" is invalid: {listed}', body)
