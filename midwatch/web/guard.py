"""In front of every page and of the webhook: who may pass, and the headers that every answer carries.

Plain ASGI: the framework's own middleware runs each request in a task group with queues of its own,
which costs the webhook as much as reading the notification does.
"""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.ledger.store import LedgerUnavailable
from midwatch.login.needs import SAFE
from midwatch.login.visits import Visits

logger = logging.getLogger("midwatch.web")
# What must work without a login: the door itself, and callers that bring a credential of their own.
OPEN = ("/login", "/static/", "/alertmanager", "/slack/", "/decide", "/-/ready")
# A page shows words of strangers: only our own files run or style it, and it talks to nobody but us.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    # Our own pages are told, so that a form's Origin is not withheld; nobody else is.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
# What somebody read must not come back from a shared machine's memory after they logged out.
PRIVATE = {"Cache-Control": "no-store"}


class Guard:
    """Lets through what is open or logged in, and sends the rest to the login."""

    def __init__(self, app: ASGIApp, visits: Visits) -> None:
        self._app = app
        self._visits = visits
        self._always = HEADERS | (OVER_TLS if visits.https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; anything else than HTTP (the lifespan) passes untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_open = scope["path"].startswith(OPEN)
        carried = self._always if is_open else self._always | PRIVATE

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # Also on refusals and errors: those are pages too.
                for name, value in carried.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = None if is_open else await self._refusal(Request(scope))
        await (answer or self._app)(scope, receive, with_headers)

    async def _refusal(self, request: Request) -> Response | None:
        try:
            visit = await asyncio.to_thread(self._visits.visit, request)
        except LedgerUnavailable as problem:
            logger.warning("nobody could be let in: %s", problem)
            return PlainTextResponse("the ledger is away: try again in a moment", status_code=503)
        if visit is None:
            return _to_login(request)
        if request.method not in SAFE and self._from_elsewhere(request):
            return PlainTextResponse("ask from the page itself", status_code=403)
        request.scope["midwatch.visit"] = visit
        return None

    def _from_elsewhere(self, request: Request) -> bool:
        """Whether a browser says that another site's page sent this."""
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return True
        origin = request.headers.get("origin")
        public = urlsplit(self._visits.settings.public_url)
        ours = {f"{public.scheme}://{public.netloc}", f"{public.scheme}://{request.headers.get('host', '')}"}
        return origin is not None and origin not in ours


def _to_login(request: Request) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse("log in first", status_code=401)
    wanted = request.scope["path"] + (f"?{query}" if (query := request.url.query) else "")
    again = f"?next={quote(wanted, safe='')}" if request.method == "GET" and wanted != "/" else ""
    return RedirectResponse(f"/login{again}", status_code=303)
