"""``POST /alertmanager``: credential, bounds, words, commit, and only then an answer.

The answers follow what Alertmanager does with them: it repeats 5xx within seconds and drops
4xx until the next group interval. So what may pass by itself is 503, never 429 or 408, and
200 means committed. Sources: threats T1, T31, T32, T42, P13, P15, P16.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from agents.ledger.notification import Delivery, DeliveryStatus
from midwatch.intake.body import Body, BodyReader, TooManyLarge, TooSlow
from midwatch.intake.credential import Credential
from midwatch.intake.notification import NotJson, read_delivery
from midwatch.intake.sources import WrongTries
from midwatch.intake.writer import GroupCommit, NotCommitted, Overloaded

COMMIT_WITHIN_S = 9.0
PARSE_ELSEWHERE_BYTES = 64 * 1024
# Named one by one: the others, above all Authorization, must never reach the ledger.
_KEPT_HEADERS = ("host", "user-agent", "content-type", "content-length", "transfer-encoding")


class Answer(StrEnum):
    """How a request ended; ``counts`` has a number for each."""

    ACCEPTED = "accepted"
    UNAUTHORIZED = "unauthorized"
    SHUT_OUT = "shut_out"
    ENCODED = "encoded"
    NOT_JSON = "not_json"
    OVERSIZE = "oversize"
    TOO_SLOW = "too_slow"
    OVERLOADED = "overloaded"
    NOT_COMMITTED = "not_committed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Intake:
    """What the webhook needs. ``source`` is the cluster that the credential stands for."""

    credential: Credential
    reader: BodyReader
    writer: GroupCommit
    clock: Callable[[], datetime]
    source: str
    counts: Counter[Answer] = field(default_factory=Counter)
    wrong: WrongTries = field(default_factory=WrongTries)


def router(intake: Intake) -> APIRouter:
    """The one route of the webhook."""
    routes = APIRouter()

    @routes.post("/alertmanager", include_in_schema=False)
    async def alertmanager(request: Request) -> Response:
        """Take one notification of Alertmanager in (webhook version 4)."""
        answer, response = await receive(intake, request)
        intake.counts[answer] += 1
        return response

    return routes


async def receive(intake: Intake, request: Request) -> tuple[Answer, Response]:
    """Everything from the header to the commit, in the order of what it costs."""
    refusal = _stranger(intake, request) if intake.credential.digests else None
    if refusal is not None:
        return refusal
    if request.headers.get("content-encoding", "identity") != "identity":
        return Answer.ENCODED, _no(415, "send the body without Content-Encoding")
    try:
        async with intake.reader.reading(request) as body:
            return await _take_in(intake, request, body)
    except TooSlow as error:
        return Answer.TOO_SLOW, _hang_up(_no(503, str(error)))
    except TooManyLarge as error:
        return Answer.OVERLOADED, _no(503, str(error))
    except ClientDisconnect:
        return Answer.GONE, _no(503, "the sender went away")


def _stranger(intake: Intake, request: Request) -> tuple[Answer, Response] | None:
    """The answer to whoever lacks the credential, without a look at the body; None for Alertmanager."""
    address = request.client.host if request.client else ""
    seconds = math.ceil(intake.wrong.shut_out_for(address))
    if seconds:
        # Alertmanager may sit behind the same address: 503 it repeats, 429 it would drop.
        response = _no(503, "too many wrong credentials came from this address")
        response.headers["Retry-After"] = str(seconds)
        return Answer.SHUT_OUT, response
    if intake.credential.admits(request.headers.get("authorization", "")):
        return None
    intake.wrong.note(address)
    return Answer.UNAUTHORIZED, _no(401, "the credential is missing or wrong")


async def _take_in(intake: Intake, request: Request, body: Body) -> tuple[Answer, Response]:
    if body.oversize:
        delivery = _oversize(intake, request, body.content)
    else:
        try:
            delivery = await _read(intake, body.content)
        except NotJson as error:
            return Answer.NOT_JSON, _no(400, str(error))
    try:
        accepted = await asyncio.wait_for(intake.writer.submit(delivery), COMMIT_WITHIN_S)
    except Overloaded as error:
        return Answer.OVERLOADED, _no(503, str(error))
    except NotCommitted as error:
        return Answer.NOT_COMMITTED, _no(503, str(error))
    except TimeoutError:
        # It may still be committed; then the repetition is a duplicate, and known as one.
        return Answer.NOT_COMMITTED, _no(503, f"not committed within {COMMIT_WITHIN_S:g} s")
    if body.oversize:
        return Answer.OVERSIZE, _no(
            413, f"larger than this Midwatch reads; kept as delivery {accepted.delivery_id}"
        )
    content = {"delivery": accepted.delivery_id, "disposition": accepted.disposition.value}
    return Answer.ACCEPTED, JSONResponse(content)


async def _read(intake: Intake, content: bytes) -> Delivery:
    now = intake.clock()
    if len(content) < PARSE_ELSEWHERE_BYTES:
        return read_delivery(content, now, intake.source)
    # A body of megabytes takes a second to read; the health page answers meanwhile.
    return await asyncio.to_thread(read_delivery, content, now, intake.source)


def _oversize(intake: Intake, request: Request, beginning: bytes) -> Delivery:
    kept = [f"{name}: {request.headers[name]}" for name in _KEPT_HEADERS if name in request.headers]
    return Delivery(
        # Of the beginning only, so that the same giant at the next interval is known again.
        key=hashlib.sha256(beginning).hexdigest(),
        raw="\r\n".join([*kept, "", ""]).encode(errors="replace") + beginning,
        received_at=intake.clock(),
        source=intake.source,
        status=DeliveryStatus.OVERSIZE,
        problem="the notification was larger than intake_max_bytes; only its beginning is kept",
    )


def _no(status: int, reason: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": reason}, status, headers=headers)


def _hang_up(response: Response) -> Response:
    """Close the connection after the answer: more of the same body may be on its way, without end."""
    response.headers["Connection"] = "close"
    return response
