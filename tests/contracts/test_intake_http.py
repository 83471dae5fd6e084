"""The webhook over a real socket, into a real ledger."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import socket
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from agents.ledger.notification import Accepted, Delivery
from midwatch.intake.body import KEPT_OF_OVERSIZE, LARGE_BYTES, LARGE_IN_FLIGHT, BodyReader
from midwatch.intake.credential import Credential
from midwatch.intake.http import Answer, Intake, router
from midwatch.intake.writer import GroupCommit
from midwatch.settings import Settings
from tests.support.patience import PATIENCE_S

RECORDED = sorted((Path(__file__).parent.parent / "fixtures" / "alertmanager").glob("*.json"))
GOOD = (RECORDED[0].parent / "single_firing.json").read_bytes()
JSON = {"Content-Type": "application/json", "User-Agent": "Alertmanager/0.25.0"}


class Shelf:
    """A SQLite table behind ``accept``: what is in it was committed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failing: Exception | None = None
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute(
                "CREATE TABLE delivery (id INTEGER PRIMARY KEY, status TEXT, raw BLOB, source TEXT)"
            )

    def accept(self, batch: Sequence[Delivery]) -> list[Accepted]:
        if self.failing is not None:
            raise self.failing
        receipts = []
        with contextlib.closing(sqlite3.connect(self.path)) as database, database:
            for one in batch:
                row = (one.status.value, one.raw, one.source)
                cursor = database.execute("INSERT INTO delivery (status, raw, source) VALUES (?, ?, ?)", row)
                receipts.append(Accepted(delivery_id=cursor.lastrowid, disposition="new"))
        return receipts

    def rows(self) -> list[tuple[str, bytes, str]]:
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            return database.execute("SELECT status, raw, source FROM delivery ORDER BY id").fetchall()


class Webhook:
    """A running intake and a client for it."""

    def __init__(self, client: httpx.AsyncClient, shelf: Shelf, intake: Intake, port: int) -> None:
        self.client = client
        self.shelf = shelf
        self.counts = intake.counts
        self.reader = intake.reader
        self.port = port

    async def post(self, content: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
        return await self.client.post("/alertmanager", content=content, headers={**JSON, **headers})


Start = Callable[..., contextlib.AbstractAsyncContextManager[Webhook]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    @contextlib.asynccontextmanager
    async def started(within_s: float = PATIENCE_S, **given: object) -> AsyncIterator[Webhook]:
        settings = Settings(**{"cluster_name": "harbour", "intake_max_bytes": 4 * LARGE_BYTES, **given})
        shelf = Shelf(tmp_path / "shelf.db")
        async with GroupCommit(shelf.accept, settings.intake_queue_limit) as writer:
            reader = BodyReader(settings.intake_max_bytes, within_s)
            clock = lambda: datetime.now(UTC)  # noqa: E731
            app = FastAPI()
            intake = Intake(Credential.of(settings), reader, writer, clock, settings.cluster_name)
            app.include_router(router(intake))
            async with (
                served(app) as port,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client,
            ):
                yield Webhook(client, shelf, intake, port)

    return started


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        listening.close()


async def test_every_recorded_body_is_committed_as_it_came(start: Start) -> None:
    async with start() as webhook:
        for path in RECORDED:
            response = await webhook.post(path.read_bytes())
            assert response.status_code == 200, path.name
            assert response.json()["delivery"] == len(webhook.shelf.rows())
        assert [raw for _, raw, _ in webhook.shelf.rows()] == [path.read_bytes() for path in RECORDED]
        assert {source for *_, source in webhook.shelf.rows()} == {"harbour"}


async def test_a_database_that_fails_is_answered_with_503_until_it_works(start: Start) -> None:
    async with start() as webhook:
        webhook.shelf.failing = OSError("disk full")
        response = await webhook.post(GOOD)
        assert response.status_code == 503
        assert "disk full" not in response.text
        webhook.shelf.failing = None
        assert (await webhook.post(GOOD)).status_code == 200
        assert webhook.counts == {Answer.NOT_COMMITTED: 1, Answer.ACCEPTED: 1}


BASIC = "Basic " + base64.b64encode(b"am:pass:word").decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer right", 200),
        ("bearer right", 200),
        (BASIC, 200),
        ("Bearer wrong", 401),
        ("Bearer right2", 401),
        ("Bearer", 401),
        ("Basic right", 401),
        ("Basic " + base64.b64encode(b"am:").decode(), 401),
        ("Bearer \xe9", 401),
        ("right", 401),
        ("", 401),
    ],
)
async def test_only_the_right_credential_opens(start: Start, authorization: str, status: int) -> None:
    given = {"webhook_token": SecretStr("right"), "webhook_username": "am"}
    async with start(**given, webhook_password=SecretStr("pass:word")) as webhook:
        headers = {**JSON, "Authorization": authorization.encode("latin-1")}
        response = await webhook.client.post("/alertmanager", content=GOOD, headers=headers)
        assert response.status_code == status
        assert len(webhook.shelf.rows()) == (status == 200)


async def test_a_forged_request_is_refused_before_a_byte_of_its_body_is_read(start: Start) -> None:
    async with start(webhook_token=SecretStr("right")) as webhook:
        reader, writer = await asyncio.open_connection("127.0.0.1", webhook.port)
        writer.write(b"POST /alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        status = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        writer.close()
        await writer.wait_closed()
        assert b" 401 " in status
        assert webhook.counts == {Answer.UNAUTHORIZED: 1}


@pytest.mark.parametrize(
    ("content", "headers", "status", "answer"),
    [
        (b"{", {}, 400, Answer.NOT_JSON),
        (b"", {}, 400, Answer.NOT_JSON),
        (GOOD, {"Content-Encoding": "gzip"}, 415, Answer.ENCODED),
        (GOOD, {"Content-Encoding": "identity"}, 200, Answer.ACCEPTED),
        (b"[]", {}, 200, Answer.ACCEPTED),
        (b'{"alerts": 7}', {}, 200, Answer.ACCEPTED),
    ],
)
async def test_what_cannot_be_used_is_answered_once_for_all(
    start: Start, content: bytes, headers: dict[str, str], status: int, answer: Answer
) -> None:
    async with start() as webhook:
        assert (await webhook.post(content, **headers)).status_code == status
        assert webhook.counts == {answer: 1}
        assert (await webhook.post(GOOD)).status_code == 200


async def test_t31_a_giant_is_refused_after_its_beginning_was_kept(start: Start) -> None:
    async with start(webhook_token=SecretStr("right")) as webhook:
        giant = b'{"alerts": [' + b" " * (4 * LARGE_BYTES)
        response = await webhook.post(giant, Authorization="Bearer right")
        assert response.status_code == 413
        ((status, raw, _),) = webhook.shelf.rows()
        headers, _, beginning = raw.partition(b"\r\n\r\n")
        assert status == "oversize"
        assert beginning == giant[:KEPT_OF_OVERSIZE]
        assert b"user-agent: Alertmanager" in headers
        assert b"right" not in raw


async def test_t31_a_gzip_bomb_is_never_unpacked(start: Start) -> None:
    bomb = gzip.compress(b" " * 32 * LARGE_BYTES, compresslevel=1)
    async with start() as webhook:
        announced = await webhook.post(bomb, **{"Content-Encoding": "gzip"})
        hidden = await webhook.post(bomb)
        assert (announced.status_code, hidden.status_code) == (415, 400)
        assert not any(len(raw) > len(bomb) + 1000 for _, raw, _ in webhook.shelf.rows())
        assert (await webhook.post(GOOD)).status_code == 200


async def test_t31_an_endless_body_of_unknown_length_is_cut_at_the_deadline(start: Start) -> None:
    async with start(within_s=0.3) as webhook:
        reader, writer = await asyncio.open_connection("127.0.0.1", webhook.port)
        writer.write(b"POST /alertmanager HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = asyncio.create_task(reader.readline())
        with contextlib.suppress(ConnectionError):
            while not answer.done():
                writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
                await writer.drain()
        assert b" 413 " in await answer
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ((status, raw, _),) = webhook.shelf.rows()
        assert status == "oversize"
        assert len(raw) < KEPT_OF_OVERSIZE + 1000
        assert (await webhook.post(GOOD)).status_code == 200


async def test_a_giant_that_cannot_be_kept_is_asked_to_come_again(start: Start) -> None:
    async with start(intake_max_bytes=65536) as webhook:
        webhook.shelf.failing = OSError("disk full")
        assert (await webhook.post(b" " * 70000)).status_code == 503


async def test_t31_a_sender_that_dribbles_is_cut_off_with_503(start: Start) -> None:
    async with start(within_s=0.05) as webhook:
        reader, writer = await asyncio.open_connection("127.0.0.1", webhook.port)
        writer.write(b"POST /alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        assert b" 503 " in await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
        await writer.wait_closed()
        assert webhook.counts == {Answer.TOO_SLOW: 1}
        assert webhook.shelf.rows() == []


async def test_t31_no_more_than_four_large_bodies_are_in_flight(start: Start) -> None:
    release = asyncio.Event()

    async def large() -> AsyncIterator[bytes]:
        yield b"[" + b" " * LARGE_BYTES
        await release.wait()
        yield b"]"

    async with start() as webhook:
        senders = [asyncio.create_task(webhook.post(large())) for _ in range(LARGE_IN_FLIGHT)]
        while webhook.reader.large_in_flight < LARGE_IN_FLIGHT:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        assert (await webhook.post(b"[" + b" " * LARGE_BYTES + b"]")).status_code == 503
        assert (await webhook.post(GOOD)).status_code == 200
        release.set()
        assert [(await sender).status_code for sender in senders] == [200] * LARGE_IN_FLIGHT
        assert (await webhook.post(b"[" + b" " * LARGE_BYTES + b"]")).status_code == 200


async def test_a_full_queue_answers_503(start: Start) -> None:
    async with start(intake_queue_limit=1) as webhook:
        answers = await asyncio.gather(*(webhook.post(GOOD) for _ in range(20)))
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) == {200, 503}
        assert len(webhook.shelf.rows()) == statuses[200]


async def test_a_sender_that_hangs_up_leaves_the_webhook_working(start: Start) -> None:
    async with start() as webhook:
        _, writer = await asyncio.open_connection("127.0.0.1", webhook.port)
        writer.write(b"POST /alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await webhook.post(GOOD)).status_code == 200
