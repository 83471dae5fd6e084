"""What crosses the wire: the JSON shape, the errors Slack answers with, and how arguments are read."""

import json
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.requests import Request

# The one place of this package that admits untyped JSON; everything else names this alias.
JsonObject = dict[str, Any]

# Arguments that slack_sdk sends as JSON text inside a form field.
_JSON_FIELDS: Final = frozenset({"blocks", "view", "metadata", "files", "attachments"})


class SlackError(Exception):
    """Slack refused the call: HTTP 200 with ``ok: false`` and an error code of the real service."""

    retryable = False

    def __init__(self, code: str, **extra: object) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def body(self) -> JsonObject:
        """The JSON answer, shaped as Slack shapes it."""
        return {"ok": False, "error": self.code, **self.extra}


class RateLimitedError(SlackError):
    """The channel or method was called too often: HTTP 429 with ``Retry-After`` in whole seconds."""

    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


def problems(code: str, messages: list[str]) -> SlackError:
    """A refusal that lists what is wrong, once plainly and once as ``response_metadata.messages``."""
    prefixed = [f"[ERROR] {message}" for message in messages]
    return SlackError(code, errors=messages, response_metadata={"messages": prefixed})


async def read_arguments(request: Request) -> JsonObject:
    """All arguments of a Web API call: query string, then form (urlencoded or multipart) or JSON body.

    Fields that carry JSON text (``blocks``, ``view``, …) arrive decoded; text that is not JSON raises
    ``SlackError("invalid_blocks_format")`` for blocks and ``invalid_arguments`` for the others.
    """
    found: JsonObject = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        found |= _json_body(await request.body())
    elif kind.startswith("multipart/form-data"):
        async with request.form() as form:
            found |= {key: value for key, value in form.items() if not isinstance(value, UploadFile)}
    else:
        found |= dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
    # Absent and null are the same to Slack.
    return {key: _decoded(key, value) for key, value in found.items() if value is not None}


def _json_body(raw: bytes) -> JsonObject:
    try:
        body = json.loads(raw or b"{}")
    except ValueError as err:
        raise SlackError("invalid_json") from err
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body


def _decoded(key: str, value: object) -> object:
    if key not in _JSON_FIELDS or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as err:
        raise SlackError("invalid_blocks_format" if key == "blocks" else "invalid_arguments") from err


def flag(arguments: JsonObject, name: str, *, default: bool = False) -> bool:
    """A boolean argument; slack_sdk sends ``1``/``0`` in forms and ``true``/``false`` in JSON."""
    value = arguments.get(name)
    if value is None:
        return default
    return str(value).lower() in {"1", "true"}


def whole(arguments: JsonObject, name: str, *, default: int) -> int:
    """A whole-number argument; anything else is ``invalid_arguments``."""
    try:
        return int(arguments.get(name, default))
    except (TypeError, ValueError) as err:
        raise SlackError("invalid_arguments") from err


def need(arguments: JsonObject, name: str, code: str = "invalid_arguments") -> str:
    """A required text argument; absent or empty raises ``SlackError(code)``."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise SlackError(code)
    return value
