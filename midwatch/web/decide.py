"""``POST /decide`` and ``POST /decide/look``: where ``midwatch decide`` hands in what it signed.

No login stands before them, for the signature is the credential. What is not signed by a key of the
roster is answered and forgotten; a source that keeps trying waits. Nothing of a body is ever logged.
Sources: threats T31, T32 and T39.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from agents.gatekeeper.signed import Heard, SigningDesk
from agents.ledger.statements import Envelope
from agents.ledger.store import LedgerError
from midwatch.intake.body import BodyReader, TooManyLarge, TooSlow
from midwatch.login.throttle import Throttle

logger = logging.getLogger("midwatch.web")
PATH = "/decide"
LOOK = "/decide/look"
LARGEST_BYTES = 16 * 1024
READ_WITHIN_S = 5.0
_STATUS = {
    Heard.COUNTED: HTTPStatus.OK,
    Heard.REFUSED: HTTPStatus.CONFLICT,
    Heard.NOT_SIGNED: HTTPStatus.UNAUTHORIZED,
}
Answer = Callable[[Envelope], Awaitable[Response]]


def router(desk: SigningDesk) -> APIRouter:
    """The two routes over one desk."""
    routes = APIRouter()
    door = _Door()

    async def decide(handed: Envelope) -> Response:
        reply = await desk.decide(handed)
        return _said(_STATUS[reply.heard], reply.words)

    async def look(asked: Envelope) -> Response:
        found = await desk.show(asked)
        if found is None:
            return _said(HTTPStatus.UNAUTHORIZED, "no key of the roster signed this within the last minute")
        return JSONResponse({"plans": [one.model_dump(mode="json") for one in found]})

    @routes.post(PATH, include_in_schema=False)
    async def decided(request: Request) -> Response:
        return await door.answer(request, decide)

    @routes.post(LOOK, include_in_schema=False)
    async def looked(request: Request) -> Response:
        return await door.answer(request, look)

    return routes


class _Door:
    """What stands before both: how often, how large, how slow, and whether it is an envelope at all."""

    def __init__(self) -> None:
        self._throttle = Throttle()
        self._reader = BodyReader(LARGEST_BYTES, READ_WITHIN_S)

    async def answer(self, request: Request, answer: Answer) -> Response:
        """The answer to one request; whatever does not count is one more failure of its source."""
        source = request.client.host if request.client else "nowhere"
        seconds = self._throttle.wait(source)
        if seconds:
            held = _said(HTTPStatus.TOO_MANY_REQUESTS, "too many tries from this address: wait a minute")
            held.headers["Retry-After"] = str(int(seconds) + 1)
            return held
        response = await self._heard(request, answer)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            logger.warning("something came to %s that no key of the roster signed", request.url.path)
        if HTTPStatus.BAD_REQUEST <= response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._throttle.failed(source)
        return response

    async def _heard(self, request: Request, answer: Answer) -> Response:
        handed = await self._read(request)
        if isinstance(handed, Response):
            return handed
        try:
            return await answer(handed)
        except LedgerError as problem:
            # Not written is not counted: whoever signed must hear it, and can sign again.
            logger.warning("a signed decision was not taken: %s", problem)
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, "the ledger is away: nothing was counted")

    async def _read(self, request: Request) -> Envelope | Response:
        try:
            async with self._reader.reading(request) as body:
                if body.oversize:
                    return _hang_up(_said(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large"))
                handed = _envelope(body.content)
        except (TooSlow, TooManyLarge) as problem:
            return _hang_up(_said(HTTPStatus.REQUEST_TIMEOUT, str(problem)))
        except ClientDisconnect:
            handed = None
        return handed or _said(HTTPStatus.BAD_REQUEST, "this is not what midwatch decide sends")


def _envelope(body: bytes) -> Envelope | None:
    try:
        # pydantic takes the last of two equal keys; what says two things is not heard at all.
        json.loads(body, object_pairs_hook=_once)
        return Envelope.model_validate_json(body, strict=True)
    except (ValueError, RecursionError, ValidationError):
        return None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _said(status: HTTPStatus, words: str) -> Response:
    return JSONResponse({"counted": status is HTTPStatus.OK, "says": words}, status_code=status)


def _hang_up(response: Response) -> Response:
    """Close the connection after the answer: more of the same body may be on its way, without end."""
    response.headers["Connection"] = "close"
    return response
