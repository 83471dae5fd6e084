"""Whatever bytes arrive at the doors, nothing breaks, nothing counts and nothing is repeated in the log.

Both kinds of Slack request and the webhook, over raw sockets against the served application: true requests
cut, flipped, doubled and stuffed, signed or not, and plain noise (threats T1, T7, T32; properties P11, P13).
"""

from __future__ import annotations

import json
import logging
import random
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from sqlmodel import func, select

from agents.ledger.protocol import PlanState
from agents.ledger.tables import DeliveryRow
from agents.ledger.tags import Tag
from evals.world.slack.httpmode import FORM, signed
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.scale import PROVING, scale

ALERT = (Path(__file__).parent.parent / "fixtures" / "alertmanager" / "single_firing.json").read_bytes()
CANARY = b"canary-5e1d"
STUFFING = (
    b"\r\n",
    b"\n",
    b"\0",
    b"\xff\xfe",
    b"%",
    b"{",
    b"}",
    b'"',
    b"=",
    b"&",
    b"\r\nHost: x\r\n",
    CANARY,
)
WITHIN_S = 20.0
AT_ONCE, A_LOT = 8, 50


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDesk]:
    with front_desk(tmp_path_factory.mktemp("doors")) as made:
        yield made


def mangled(chance: random.Random, whole: bytes) -> bytes:
    """These bytes, hurt in one to four places."""
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(whole) + 1)
        to = min(len(whole), at + chance.randrange(1, 40))
        whole = chance.choice(
            (
                lambda w=whole, a=at: w[:a] + chance.choice(STUFFING) + w[a:],
                lambda w=whole, a=at, t=to: w[:a] + w[t:],
                lambda w=whole, a=at, t=to: w[:t] + w[a:],
                lambda w=whole, a=at, t=to: w[:a] + chance.randbytes(t - a) + w[t:],
                lambda w=whole, a=at: w[:a],
            )
        )()
    return whole


class Sender:
    """Somebody who knows how requests look. What it signs with the true secret is nonsense."""

    def __init__(self, desk: FrontDesk, seed: int) -> None:
        self.desk, self.chance = desk, random.Random(seed)
        self.at = urlsplit(desk.url)
        click = json.dumps(desk.click(value=f"{desk.plan.id}.{CANARY.decode()}"))
        event = json.dumps({"type": "event_callback", "event": {"type": "message", "text": CANARY.decode()}})
        self.interaction = urlencode({"payload": click}).encode()
        self.event = event.encode()

    def request(self) -> bytes:
        """One of: a forged interaction or event, a signed one with a hurt body, a webhook, noise."""
        chance = self.chance
        what = chance.randrange(6)
        if what == 0:
            return chance.randbytes(chance.randrange(1, 400)) + b"\r\n\r\n"
        if what == 1:
            return mangled(
                chance, self._http("/alertmanager", ALERT + CANARY, {"Authorization": "Bearer no"})
            )
        body, kind = chance.choice(((self.interaction, FORM), (self.event, "application/json")))
        if what in (2, 3):
            forged = signed(body, kind, "f" * 32, self._now())
            return mangled(chance, self._http("/slack/events", body, forged.headers))
        hurt = mangled(chance, body)
        genuine = signed(hurt, kind, self.desk.slack.credentials.signing_secret, self._now())
        return self._http("/slack/events", hurt, genuine.headers)

    def _now(self) -> int:
        return int(self.desk.slack.options.clock())

    def _http(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        lines = [f"POST {path} HTTP/1.1", f"Host: {self.at.netloc}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

    def send(self, request: bytes, patience_s: float = WITHIN_S) -> int:
        """The status of the first answer; 0 when there was none, however long the request was waited for."""
        # From everywhere: a source of too many wrong credentials is not listened to any more.
        source = (".".join(["127", *(str(self.chance.randrange(1, 255)) for _ in range(3))]), 0)
        door = (self.at.hostname or "", self.at.port or 0)
        with socket.create_connection(door, WITHIN_S, source_address=source) as line:
            try:
                line.sendall(request)
                line.settimeout(patience_s)
                head = line.makefile("rb").readline()
            except OSError:
                return 0
        return int(head.split()[1]) if head.startswith(b"HTTP/") else 0

    def lot(self, size: int) -> Counter[int]:
        """What was answered to so many requests."""
        # A request that promises more than it brings is waited for: it ends when we have lost patience.
        return Counter(self.send(self.request(), 0.2) for _ in range(size))


def deliveries(desk: FrontDesk) -> int:
    with desk.ledger.read() as session:
        return session.exec(select(func.count()).select_from(DeliveryRow)).one()


def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """No line of the log repeats the request or runs over lines; the lines are forgotten then."""
    for record in caplog.records:
        said = record.getMessage() + str(record.exc_text or "")
        assert CANARY.decode() not in said
        assert "\r" not in said
        assert "\n" not in said
    caplog.clear()


@pytest.mark.proof
@pytest.mark.timeout(7_200 if PROVING else 900)
def test_p11_no_bytes_at_any_door_break_anything_count_or_reach_the_log(
    desk: FrontDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    # As the product serves: an access log would repeat each path.
    caplog.set_level(logging.WARNING, "uvicorn.access")
    before, answers = deliveries(desk), Counter[int]()
    senders = [Sender(desk, seed) for seed in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(scale("raw_requests") // (AT_ONCE * A_LOT)):
            for lot in pool.map(lambda sender: sender.lot(A_LOT), senders):
                answers += lot
            quiet(caplog)
    assert [status for status in answers if status >= 500] == [], answers
    assert answers[200] + answers[400] + answers[401] > scale("raw_requests") // 2, answers
    assert desk.state() is PlanState.PENDING
    assert desk.decided() == []
    assert desk.said(Tag.PLAN_DECIDED) == []
    assert deliveries(desk) == before


def test_the_same_doors_are_open_to_what_is_whole_and_true(desk: FrontDesk) -> None:
    sender = Sender(desk, 6)
    body = urlencode({"payload": json.dumps(desk.click(action_id="approve"))}).encode()
    genuine = signed(body, FORM, desk.slack.credentials.signing_secret, sender._now())
    token = {"Authorization": "Bearer only Alertmanager knows this one"}
    before = deliveries(desk)
    assert sender.send(sender._http("/alertmanager", ALERT, token)) == 200
    assert deliveries(desk) == before + 1
    assert sender.send(sender._http("/slack/events", body, genuine.headers)) == 200
    assert desk.state() is PlanState.APPROVED
