"""Reading what Slack sends: strictly where it comes in over HTTP, and never trusting a shape. Pure.

Over HTTP the request is refused whole when its meaning depends on who reads it: a key that is
there twice, text that is not UTF-8, a number that is none. Source: threat T32.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Payload = dict[str, Any]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
# A slash command is a form without a type.
KINDS = frozenset(
    {"", "block_actions", "view_submission", "view_closed", "event_callback", "url_verification"}
)
DEEPEST = 64
MOST_FIELDS = 100


class Unreadable(ValueError):
    """The request cannot be taken for anything Slack sends; the words repeat nothing of it."""

    retryable = False


def text(payload: object, *path: str | int) -> str:
    """The string at a path. Missing and of a wrong type are the same: nothing."""
    for step in path:
        if isinstance(step, str):
            payload = payload.get(step) if isinstance(payload, dict) else None
        else:
            payload = payload[step] if isinstance(payload, list) and len(payload) > step else None
    # A lone surrogate fits in no database and in no digest.
    return payload.encode(errors="replace").decode() if isinstance(payload, str) else ""


def payload_of(content_type: str, body: bytes) -> Payload:
    """What a request over HTTP says: JSON, ``payload=`` or flat fields. Raises Unreadable."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        written = body.decode()
        if kind == JSON:
            return _checked(_object(written))
        if kind == FORM and not written.startswith("{"):
            fields = _fields(written)
            return _checked(_object(fields["payload"]) if "payload" in fields else fields)
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8") from None
    raise Unreadable("it is neither JSON nor a form")


def _fields(written: str) -> Payload:
    try:
        # Nothing is replaced on the way: what bolt reads afterwards is what was judged here.
        pairs = parse_qsl(
            written, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise Unreadable("it is not a form") from None
    if not pairs:
        raise Unreadable("it is empty")
    return _once(pairs)


def _object(written: str) -> Payload:
    # bolt takes for JSON what begins with a brace; anything else it would read in another way.
    if not written.startswith("{"):
        raise Unreadable("it is not a JSON object")
    try:
        # orjson refuses NaN, lone surrogates and bottomless nesting; only json shows a key's second coming.
        orjson.loads(written)
        found: Payload = json.loads(written, object_pairs_hook=_once)
    except Unreadable:
        raise
    except (ValueError, RecursionError):
        raise Unreadable("it is not JSON") from None
    if not _shallow(found, DEEPEST):
        raise Unreadable(f"it is nested deeper than {DEEPEST} levels")
    return found


def _once(pairs: list[tuple[str, Any]]) -> Payload:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a key is there twice")
    return found


def _shallow(value: object, left: int) -> bool:
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list):
        return True
    return left > 0 and all(_shallow(one, left - 1) for one in inner)


_Named = str | dict[str, Any] | None


class _Loose(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    type: str = ""
    team: _Named = None
    user: _Named = None
    channel: _Named = None
    enterprise: _Named = None
    authorizations: list[dict[str, Any]] | None = None
    message: dict[str, Any] | None = None
    previous_message: dict[str, Any] | None = None
    callback_id: str | None = None
    action_id: str | None = None


class _Action(_Loose):
    action_id: str
    block_id: str = ""


class _Shape(_Loose):
    """The types of the fields that bolt looks into before anything of ours is asked."""

    event: _Loose = _Loose()
    view: _Loose = _Loose()
    container: dict[str, Any] = {}
    actions: list[_Action] = Field(default=[], min_length=1)
    response_urls: list[dict[str, Any]] = []
    response_url: str | None = None
    command: str | None = None


def _checked(payload: Payload) -> Payload:
    try:
        _Shape.model_validate(payload)
    except ValidationError:
        raise Unreadable("its fields do not have the types that Slack's have") from None
    return payload


def concerns_us(payload: Payload) -> bool:
    """Whether it is of a kind that somebody here may listen to; the others are for no ears at all."""
    return payload.get("type", "") in KINDS
