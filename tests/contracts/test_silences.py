"""Silences, by the production client against the pretend Alertmanager and the real one: the same promises."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from evals.world.clock import RealClock
from evals.world.loopback import LoopbackServer, Reply
from evals.world.silences import Silences
from tests.support.patience import PATIENCE_S
from tests.support.real_servers import real_alertmanager
from tools.alertmanager import Alertmanager
from tools.kubernetes.actions.catalogue import CATALOGUE, is_applied
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, matches
from tools.kubernetes.client import Request
from tools.kubernetes.errors import (
    Interrupted,
    KubernetesError,
    NotFound,
    Refused,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
)
from tools.kubernetes.objects import JsonObject

VERB = CATALOGUE["silence"]
ROUTE = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
NO_ID = "00000000-0000-4000-8000-000000000000"
LIST = Request(method="GET", path="/api/v2/silences")


@pytest.fixture(scope="module", params=["pretend", pytest.param("real", marks=pytest.mark.alertmanager)])
def alertmanager(request: pytest.FixtureRequest) -> Iterator[Alertmanager]:
    if request.param == "real":
        with real_alertmanager(ROUTE) as server:
            client = Alertmanager(url=server.url)
            yield client
            client.close()
        return
    server = LoopbackServer({}, rest=Silences(RealClock()).answer)
    server.start()
    client = Alertmanager(url=f"{server.url}/")
    yield client
    client.close()
    server.stop()


def drafted(incident: str, alert: str = "KubePodNotReady") -> Step:
    now = datetime.now(UTC)
    params = {
        "incident": incident,
        "namespace": "shop",
        "matchers": {"alertname": alert, "namespace": "shop", "text": 'with "quotes", = and ünïcode'},
        "link": "http://127.0.0.1:8480/incidents/7",
        "starts_at": (now - timedelta(minutes=5)).isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
    }
    step = VERB.draft({}, params, Context())
    assert isinstance(step, Step), step
    return step


def live(alertmanager: Alertmanager, step: Step) -> JsonObject | None:
    try:
        return VERB.found(step, alertmanager.send(VERB.look(step)))
    except NotFound:
        return None


@pytest.mark.parametrize(("incident", "alert"), [("INC-1", "KubePodNotReady"), ("INC-2", 'Odd "name" {x}')])
def test_a_silence_is_made_found_and_ended(alertmanager: Alertmanager, incident: str, alert: str) -> None:
    step = drafted(incident, alert)
    assert matches(step, live(alertmanager, step)) == ()
    answer = alertmanager.send(VERB.request(step, "p1"))
    found = live(alertmanager, step)
    assert found is not None
    assert found["metadata"]["uid"] == answer["silenceID"]
    assert is_applied(step, "p1", found)
    assert not is_applied(step, "p2", found)
    assert matches(step, found), "a second one for the same incident is in the way of itself"
    undo = VERB.inverse(step, found)
    assert isinstance(undo, Step)
    assert matches(undo, live(alertmanager, undo)) == ()
    assert not is_applied(undo, "p2", live(alertmanager, undo))
    assert alertmanager.send(VERB.request(undo, "p2")) == {}
    assert is_applied(undo, "p2", live(alertmanager, undo))
    assert matches(step, live(alertmanager, step)) == (), "what ended is in nobody's way"


def test_what_alertmanager_refuses_has_no_effect_and_says_why(alertmanager: Alertmanager) -> None:
    step = drafted("INC-3")
    body = step.set[""] | {"endsAt": "2020-01-01T00:00:00Z", "startsAt": "2019-01-01T00:00:00Z"}
    with pytest.raises(Refused, match="past") as refused:
        alertmanager.send(VERB.request(step.model_copy(update={"set": {"": body}}), "p1"))
    assert (refused.value.no_effect, refused.value.retryable, refused.value.status) == (True, False, 400)
    assert live(alertmanager, step) is None
    with pytest.raises(NotFound):
        alertmanager.send(Request(method="GET", path=f"/api/v2/silence/{NO_ID}"))
    # Alertmanager 0.25 calls this its own failure; the actor then reads, and finds that nothing is there.
    with pytest.raises((NotFound, ServerFailed)):
        alertmanager.send(Request(method="DELETE", path=f"/api/v2/silence/{NO_ID}"))


class Odd:
    """A server that answers each connection with the same bytes and counts them; it may then say no more."""

    def __init__(self, answer: bytes, *, hold: bool = False) -> None:
        self.asked = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._answer, self._hold = answer, hold
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.asked += 1
            line.recv(65536)
            line.sendall(self._answer)
            if self._hold:
                self._held.append(line)
            else:
                line.close()

    def close(self) -> None:
        for line in self._held:
            line.close()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(PATIENCE_S)


def http(status: str, body: bytes = b"", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "error", "no_effect"),
    [
        (http("307 Temporary Redirect", more="Location: http://127.0.0.1:9/\r\n"), Refused, True),
        (http("503 Service Unavailable"), ServerFailed, False),
        (http("200 OK", b"<html>"), Unreadable, False),
        (http("200 OK", b'"ok"'), Unreadable, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", Interrupted, False),
        (b"", Interrupted, False),
    ],
)
def test_whatever_is_answered_it_was_asked_once(
    answer: bytes, error: type[KubernetesError], no_effect: bool
) -> None:
    odd = Odd(answer)
    client = Alertmanager(url=odd.url)
    try:
        with pytest.raises(error) as raised:
            client.send(VERB.request(drafted("INC-9"), "p1"))
    finally:
        client.close()
        odd.close()
    assert raised.value.no_effect is no_effect
    assert odd.asked == 1


def test_silence_on_the_line_ends_at_the_deadline() -> None:
    odd = Odd(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", hold=True)
    client = Alertmanager(url=odd.url, timeout_s=0.2)
    try:
        with pytest.raises(TimedOut) as raised:
            client.send(LIST)
    finally:
        client.close()
        odd.close()
    assert not raised.value.no_effect
    assert odd.asked == 1


def test_nobody_there_is_known_to_have_had_no_effect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = Alertmanager(url=f"http://127.0.0.1:{port}")
    with pytest.raises(Unreachable) as raised:
        client.send(VERB.request(drafted("INC-9"), "p1"))
    client.close()
    assert raised.value.no_effect


def test_a_plain_reply_is_no_silence() -> None:
    server = LoopbackServer({("GET", "/api/v2/silences"): lambda: Reply(body=[])})
    server.start()
    client = Alertmanager(url=server.url)
    assert client.send(LIST) == {"items": []}
    client.close()
    server.stop()
