"""What is read out of a request of Slack's and what is refused whole, asked of the pure reader."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from agents.gatekeeper.payload import (
    DEEPEST,
    FORM,
    JSON,
    MOST_FIELDS,
    Unreadable,
    concerns_us,
    payload_of,
    text,
)

CLICK: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1"},
    "actions": [{"action_id": "approve", "value": "v"}],
}


def why(kind: str, body: bytes) -> str:
    """The words with which it is refused; they repeat nothing of it."""
    with pytest.raises(Unreadable) as refused:
        payload_of(kind, body)
    # What could not be read stands in the words of the inner error: a log line would repeat it.
    assert refused.value.__context__ is None or refused.value.__suppress_context__
    return str(refused.value)


def nested(levels: int) -> bytes:
    """An object of so many levels, itself the first."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize("kind", [JSON, "Application/JSON; charset=utf-8", " application/json ;q;r"])
def test_json_is_read_whatever_stands_beside_its_kind(kind: str) -> None:
    assert payload_of(kind, json.dumps(CLICK).encode()) == CLICK


def test_a_form_says_its_payload_or_its_fields() -> None:
    assert payload_of(FORM, urlencode({"payload": json.dumps(CLICK), "more": "1"}).encode()) == CLICK
    assert payload_of(FORM, b"command=%2Fmidwatch&text=") == {"command": "/midwatch", "text": ""}


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (JSON, b"\xff{}", "it is not UTF-8"),
        (FORM, b"a=\xff", "it is not UTF-8"),
        (FORM, b"a=%ff", "it is not a form"),
        ("text/plain", b"{}", "it is neither JSON nor a form"),
        (FORM, b'{"type": "block_actions"}', "it is neither JSON nor a form"),
        (FORM, b"", "it is empty"),
        (FORM, b"a", "it is not a form"),
        (FORM, b"&".join(b"f%d=1" % n for n in range(MOST_FIELDS + 1)), "it is not a form"),
        (FORM, b"a=1&a=1", "a key is there twice"),
        (FORM, b"payload=%5B%5D", "it is not a JSON object"),
        (JSON, b"[]", "it is not a JSON object"),
        (JSON, b' {"a": 1}', "it is not a JSON object"),
        (JSON, b'{"a": 1, "a": 1}', "a key is there twice"),
        (JSON, b'{"b": [{"a": 1, "a": 2}]}', "a key is there twice"),
        (JSON, b'{"a": NaN}', "it is not JSON"),
        (JSON, b'{"a": 1', "it is not JSON"),
        (JSON, nested(5_000), "it is not JSON"),
        (JSON, nested(DEEPEST + 1), f"it is nested deeper than {DEEPEST} levels"),
        (JSON, b'{"user": 7}', "its fields do not have the types that Slack's have"),
        (JSON, b'{"actions": []}', "its fields do not have the types that Slack's have"),
        (FORM, b"actions=1", "its fields do not have the types that Slack's have"),
        (FORM, b"payload=%7B%22type%22%3A7%7D", "its fields do not have the types that Slack's have"),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused_whole(kind: str, body: bytes, words: str) -> None:
    assert why(kind, body) == words


def test_as_many_fields_and_levels_as_slack_may_send_are_read() -> None:
    assert len(payload_of(FORM, b"&".join(b"f%d=1" % n for n in range(MOST_FIELDS)))) == MOST_FIELDS
    assert list(payload_of(JSON, nested(DEEPEST))) == ["a"]
    wide = {"a": [[], [1, 2]], "b": {"c": {}, "d": 2}}
    assert payload_of(JSON, json.dumps(wide).encode()) == wide


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("type",), "block_actions"),
        (("user", "id"), "U1"),
        (("actions", 0, "value"), "v"),
        (("actions", 1, "value"), ""),
        (("user",), ""),
        (("user", "id", "more"), ""),
        (("type", 0), ""),
        ((), ""),
    ],
)
def test_what_is_missing_or_of_a_wrong_type_is_nothing(path: tuple[str | int, ...], found: str) -> None:
    assert text(CLICK, *path) == found


def test_half_a_character_is_replaced() -> None:
    assert text({"a": "x\ud800é"}, "a") == "x?é"


@pytest.mark.parametrize(
    ("payload", "ours"),
    [
        ({}, True),
        ({"type": "view_closed"}, True),
        ({"type": "app_rate_limited"}, False),
        ({"type": None}, False),
    ],
)
def test_only_kinds_that_somebody_may_listen_to_concern_us(payload: dict[str, Any], ours: bool) -> None:
    assert concerns_us(payload) is ours
