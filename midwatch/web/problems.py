"""What is answered to an address that cannot be read or is nobody's: a sentence that says what to do."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from agents.ledger.store import LedgerUnavailable
from midwatch.web.frame import Shown
from tools.redaction import redact

logger = logging.getLogger("midwatch.web")


def told(request: Request, shown: Shown, status: int, words: str) -> Response:
    """A page for a browser and one line for a script."""
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(redact(words), status_code=status)
    answer = shown(request, "problem.html", {"words": words, "status": status})
    answer.status_code = status
    return answer


def tell_problems(app: FastAPI, shown: Shown) -> None:
    """Answer for the whole application; what a route itself answers stays as it is."""

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, problem: RequestValidationError) -> Response:
        # The value itself is a stranger's and is not repeated.
        parts = [f"{one['loc'][-1]}: {str(one['msg']).lower()}" for one in problem.errors()[:5]]
        return told(request, shown, 422, f"This address cannot be read. {'; '.join(parts)}.")

    @app.exception_handler(LedgerUnavailable)
    def away(_request: Request, problem: LedgerUnavailable) -> Response:
        # In one line for everybody: the frame of a page reads the ledger as well.
        logger.warning("a page could not be shown: %s", problem)
        words = "The ledger cannot be read now. Load the page again in a moment."
        return PlainTextResponse(words, status_code=503, headers={"Retry-After": "5"})

    @app.exception_handler(404)
    def missing(request: Request, problem: HTTPException) -> Response:
        return told(request, shown, 404, "There is no such page.")
