"""``POST /slack/events``: bounds, signature, freshness, sense and novelty, and only then slack-bolt.

The answers follow what Slack does with them: interactions are never repeated, whatever is said,
so a refusal costs at most a click; events are repeated unless 2xx. Sources: threats T7, T8, T32,
property P11. Nothing of a body or a header is ever logged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message

from agents.gatekeeper.gate import Mark, mark_of
from agents.gatekeeper.payload import Unreadable, concerns_us, payload_of
from agents.ledger import decisions
from agents.ledger.store import Ledger, LedgerError
from midwatch.intake.body import Body, BodyReader, TooManyLarge, TooSlow

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

logger = logging.getLogger("midwatch.slack")
PATH = "/slack/events"
LARGEST_BYTES = 1024 * 1024
READ_WITHIN_S = 3.0
SPEND_WITHIN_S = 2.0
Dispatch = Callable[[Request], Awaitable[Response]]


class Answer(StrEnum):
    """How a request ended; ``counts`` has a number for each."""

    PASSED = "passed"
    UNSIGNED = "unsigned"
    OVERSIZE = "oversize"
    TOO_SLOW = "too_slow"
    UNREADABLE = "unreadable"
    NOT_OURS = "not_ours"
    REPLAYED = "replayed"
    LEDGER_AWAY = "ledger_away"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What the route needs; ``dispatch`` is slack-bolt behind it."""

    secret: str = field(repr=False)
    ledger: Ledger
    dispatch: Dispatch
    reader: BodyReader = field(default_factory=lambda: BodyReader(LARGEST_BYTES, READ_WITHIN_S))
    spend_within_s: float = SPEND_WITHIN_S
    clock: Callable[[], float] = time.time
    counts: Counter[Answer] = field(default_factory=Counter)

    @classmethod
    def before(cls, app: AsyncApp, secret: str, ledger: Ledger) -> Gate:
        """The gate in front of a bolt app."""
        return cls(secret=secret, ledger=ledger, dispatch=_behind(app))


def _behind(app: AsyncApp) -> Dispatch:
    """bolt's own adapter, in its two steps: what it cannot even read is the sender's fault and a 400."""
    from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response

    async def dispatch(request: Request) -> Response:
        body = await request.body()
        try:
            read = to_async_bolt_request(request, body)
        except (TypeError, AttributeError, LookupError, ValueError) as problem:
            # bolt looks deep into payloads for ids and trusts every type on the way.
            logger.warning("a signed Slack request could not be read by bolt: %s", type(problem).__name__)
            return _no(400, "it is not what Slack sends")
        return to_starlette_response(await app.async_dispatch(read))

    return dispatch


def router(gate: Gate) -> APIRouter:
    """The one route of HTTP mode."""
    routes = APIRouter()

    @routes.post(PATH, include_in_schema=False)
    async def slack_events(request: Request) -> Response:
        """Take one signed callback of Slack in (interactions, commands and events)."""
        answer, response = await receive(gate, request)
        gate.counts[answer] += 1
        return response

    return routes


async def receive(gate: Gate, request: Request) -> tuple[Answer, Response]:
    """Everything before bolt, in the order of what it costs us."""
    mark = mark_of(request.headers.items(), gate.clock())
    if mark is None:
        return Answer.UNSIGNED, _no(401, "not signed, or not lately")
    try:
        async with gate.reader.reading(request) as body:
            return await _judge(gate, request, mark, body)
    except TooSlow as error:
        return Answer.TOO_SLOW, _hang_up(_no(408, str(error)))
    except TooManyLarge:
        return Answer.OVERSIZE, _hang_up(_no(413, "too large"))
    except ClientDisconnect:
        return Answer.GONE, _no(400, "the sender went away")


async def _judge(gate: Gate, request: Request, mark: Mark, body: Body) -> tuple[Answer, Response]:
    if body.oversize:
        return Answer.OVERSIZE, _hang_up(_no(413, "too large"))
    if not mark.fits(gate.secret, body.content):
        return Answer.UNSIGNED, _no(401, "not signed by Slack")
    try:
        payload = payload_of(request.headers.get("content-type", ""), body.content)
    except Unreadable as error:
        logger.warning("a signed Slack request was not read: %s", error)
        return Answer.UNREADABLE, _no(400, str(error))
    if not concerns_us(payload):
        return Answer.NOT_OURS, Response()
    return await _once(gate, mark, _again(request, body.content))


async def _once(gate: Gate, mark: Mark, request: Request) -> tuple[Answer, Response]:
    try:
        new = await asyncio.wait_for(
            asyncio.to_thread(decisions.use_nonce, gate.ledger, mark.nonce), gate.spend_within_s
        )
    except (LedgerError, TimeoutError):
        # Unseen is not new: without the ledger nobody can tell a replay, so nothing passes.
        logger.warning("a Slack request was turned away: the ledger did not take its nonce")
        return Answer.LEDGER_AWAY, _no(503, "the ledger is away")
    if not new:
        logger.warning("a replayed Slack request was refused")
        return Answer.REPLAYED, Response()
    return Answer.PASSED, await gate.dispatch(request)


def _again(request: Request, content: bytes) -> Request:
    """The same request with the body that was judged, to be read once more."""

    async def receive_again() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return Request(request.scope, receive_again)


def _no(status: int, reason: str) -> Response:
    return PlainTextResponse(reason, status)


def _hang_up(response: Response) -> Response:
    """Close the connection after the answer: more of the same body may be on its way, without end."""
    response.headers["Connection"] = "close"
    return response
