"""Requests that are not Slack's, not of this minute or not readable (threats T7, T32; P11)."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.gatekeeper.gate import mark_of
from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from evals.world.slack.httpmode import FORM, Signed, signed
from evals.world.slack.wire import JsonObject
from midwatch.web.slack import LARGEST_BYTES
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.patience import PATIENCE_S

CANARY = "canary-7d1f"
LONGEST_LINE = 512
LINE = st.binary(max_size=80).map(lambda line: line.translate(None, b"\r\n\0"))
BOUNDED = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDesk]:
    """One desk for everything that must leave no trace; a trace of one test fails the next as well."""
    with front_desk(tmp_path_factory.mktemp("steady")) as made:
        yield made


def untouched(desk: FrontDesk) -> bool:
    """Nothing reached bolt, nothing was decided, refused or spent."""
    return (
        desk.passed == []
        and desk.state() is PlanState.PENDING
        and desk.said(Tag.CLICK_REFUSED, Tag.PLAN_DECIDED, Tag.REPLAY_REFUSED) == []
    )


def sealed(desk: FrontDesk, body: bytes, kind: str = FORM, age_s: int = 0) -> Signed:
    at = int(desk.slack.options.clock()) - age_s
    return signed(body, kind, desk.slack.credentials.signing_secret, at)


def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """No line of the log repeats the request, runs over lines or is long."""
    for record in caplog.records:
        line = record.getMessage()
        assert CANARY not in line
        assert len(line) <= LONGEST_LINE
        assert "\n" not in line


@pytest.mark.parametrize(
    "wrong",
    [{"secret": "f" * 32}, {"age_s": 61}, {"age_s": -62}],
    ids=["another secret", "a minute old", "of the future"],
)
def test_t07_a_forged_click_gets_401_and_reaches_nothing(
    steady: FrontDesk, wrong: JsonObject, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    status, _ = steady.post(steady.forge.request(steady.click(value=CANARY), **wrong))
    assert status == 401
    assert untouched(steady)
    quiet(caplog)


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Slack_Signature": ""},
        {"X_Slack_Signature": "v0="},
        {"X_Slack_Signature": "v0=" + "é" * 64},
        {"X_Slack_Signature": "v1=" + "0" * 64},
        {"X_Slack_Signature": "v0=" + "0" * 100_000},
        {"X_Slack_Request_Timestamp": ""},
        {"X_Slack_Request_Timestamp": "soon"},
        {"X_Slack_Request_Timestamp": "²²²²"},
        {"X_Slack_Request_Timestamp": "-1"},
        {"X_Slack_Request_Timestamp": "1e9"},
        {"X_Slack_Request_Timestamp": "9" * 400},
    ],
)
def test_t07_headers_that_are_none_get_401(steady: FrontDesk, headers: dict[str, str]) -> None:
    status, _ = steady.post(steady.forge.request(steady.click()), **headers)
    # The server itself refuses a header of 100,000 characters before any of ours is asked.
    assert status in {400, 401, 431}
    assert untouched(steady)


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
@pytest.mark.parametrize("copies", [0, 2])
def test_t07_a_header_that_is_missing_or_doubled_gets_401(steady: FrontDesk, name: str, copies: int) -> None:
    request = steady.forge.request(steady.click())
    lines = [(key, value) for key, value in request.headers.items() if key != name]
    lines += [(name, request.headers[name])] * copies
    assert raw(steady, [(key.encode(), value.encode()) for key, value in lines], request.body) == 401
    assert untouched(steady)


def test_the_last_second_of_the_window_counts_and_the_next_does_not() -> None:
    headers = {"x-slack-request-timestamp": "1000", "x-slack-signature": "v0=" + "0" * 64}
    assert mark_of(headers.items(), 1060) is not None
    assert mark_of(headers.items(), 1060.5) is None
    assert mark_of(headers.items(), 939) is None


def test_t07_a_genuine_request_with_one_byte_changed_gets_401(steady: FrontDesk) -> None:
    request = steady.forge.request(steady.click())
    middle = len(request.body) // 2
    changed = request.body[:middle] + bytes([request.body[middle] ^ 1]) + request.body[middle + 1 :]
    assert steady.post(replace(request, body=changed))[0] == 401
    assert untouched(steady)


def raw(desk: FrontDesk, headers: list[tuple[bytes, bytes]], body: bytes, wait: bool = True) -> int:
    """Post with exactly these header lines; the status."""
    target = urlsplit(desk.url)
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (target.path.encode(), len(body))
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    with closing(socket.create_connection((str(target.hostname), int(target.port or 0)), PATIENCE_S)) as wire:
        wire.sendall(head + lines + b"\r\n" + (body if wait else body[:-1]))
        answer = wire.recv(4096)
    return int(answer.split(b" ", 2)[1])


@BOUNDED
@given(
    values=st.tuples(LINE, LINE, st.sampled_from([b"application/json", FORM.encode(), b"\xff\xfe", b""])),
    body=st.binary(max_size=400),
)
def test_t07_raw_bytes_never_get_5xx_and_never_reach_bolt(
    steady: FrontDesk, caplog: pytest.LogCaptureFixture, values: tuple[bytes, ...], body: bytes
) -> None:
    caplog.set_level(logging.DEBUG, "midwatch")
    names = (b"X-Slack-Request-Timestamp", b"X-Slack-Signature", b"Content-Type")
    status = raw(steady, list(zip(names, values, strict=True)), body + CANARY.encode())
    assert 400 <= status < 500
    assert steady.passed == []
    quiet(caplog)


def test_t07_the_fuzzed_desk_is_as_it_was(steady: FrontDesk) -> None:
    assert untouched(steady)


def test_a_body_of_two_mebibytes_gets_413_and_is_not_read_by_bolt(steady: FrontDesk) -> None:
    huge = sealed(steady, b"payload=" + b"x" * (2 * LARGEST_BYTES))
    assert steady.post(huge)[0] == 413
    assert steady.post(huge, X_Slack_Signature="v0=00")[0] == 401
    assert untouched(steady)


def test_a_body_that_does_not_arrive_is_not_waited_for(steady: FrontDesk) -> None:
    request = steady.forge.request(steady.click())
    lines = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    assert raw(steady, lines, request.body, wait=False) == 408
    assert untouched(steady)


GARBAGE = {
    "nothing": (FORM, b""),
    "no form": (FORM, b"\x00\xff\xfe"),
    "half an escape that is no text": (FORM, b"payload=%ff%fe"),
    "no JSON in the form": (FORM, b"payload=" + CANARY.encode()),
    "a list": (FORM, b"payload=[]"),
    "a number": ("application/json", b"7"),
    "JSON said to be a form": (FORM, b'{"type":"block_actions"}'),
    "no content type": ("", b'{"type":"block_actions"}'),
    "text": ("text/plain", b'{"type":"block_actions"}'),
    "NaN": ("application/json", b'{"a":NaN}'),
    "a number too long": ("application/json", b'{"a":%s}' % (b"1" * 5000)),
    "half a character": ("application/json", b'{"a":"\\ud800"}'),
    "no UTF-8": ("application/json", b'{"a":"\xff"}'),
    "bottomless": ("application/json", b'{"a":' + b"[" * 100_000),
    "deep": ("application/json", b'{"a":' + b"[" * 500 + b"]" * 500 + b"}"),
    "an event that is a number": ("application/json", b'{"type":"event_callback","event":5}'),
    "actions that are a word": (FORM, urlencode({"payload": '{"type":"x","actions":"x"}'}).encode()),
}  # fmt: skip


@pytest.mark.parametrize("what", GARBAGE)
def test_t32_signed_garbage_gets_400_and_never_reaches_bolt(
    steady: FrontDesk, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "midwatch")
    kind, body = GARBAGE[what]
    assert steady.post(sealed(steady, body, kind))[0] == 400
    assert untouched(steady)
    quiet(caplog)


def test_t32_a_key_that_is_there_twice_is_refused_however_deep(steady: FrontDesk) -> None:
    payload = json.dumps(steady.click())
    twice = payload.replace('"team": {', '"team": {"id": "T0FOREIGN01", ', 1)
    assert json.loads(twice) == json.loads(payload), "the usual reader takes the last one and sees nothing"
    for body in (
        urlencode({"payload": twice}),
        urlencode([("payload", payload), ("payload", payload)]),
        urlencode([("payload", payload), ("token", "a"), ("token", "b")]),
    ):
        assert steady.post(sealed(steady, body.encode()))[0] == 400
    assert untouched(steady)
