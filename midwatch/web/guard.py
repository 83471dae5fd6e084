"""In front of every page and of the webhook: who may pass, and the headers that every answer carries.

Plain ASGI: the framework's own middleware runs each request in a task group with queues of its own,
which costs the webhook as much as reading the notification does.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from midwatch.web.login import Door

# What must work without a login: the door itself, and callers that bring a credential of their own.
OPEN = ("/login", "/static/", "/alertmanager", "/slack/", "/-/ready")
# A page shows words of strangers: only our own files run or style it, and it talks to nobody but us.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Guard:
    """Lets through what is open or logged in, and sends the rest to the login."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; anything else than HTTP (the lifespan) passes untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # Also on refusals and errors: those are pages too.
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = None if scope["path"].startswith(OPEN) else self._refusal(Request(scope))
        await (answer or self._app)(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        if self._door.admits(request):
            return None
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/login", status_code=303)
        return PlainTextResponse("log in first", status_code=401)
