"""``POST /v1/chat/completions`` and ``GET /v1/models`` on a loopback port, answered from a script."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from evals.world.model.script import JsonObject, Line, Manner, ModelRequest, Script
from evals.world.model.wire import BadRequest, completion, failure, read
from evals.world.patience import linger
from evals.world.wire import BackgroundServer, Listen, cut


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The key callers must show, the models offered (any other is refused), what is said, and the port."""

    api_key: str = "sk-pretend"
    models: tuple[str, ...] = ("pretend-1",)
    script: Script = field(default_factory=Script)
    port: int = 0


class ModelServer:
    """``start`` and ``stop`` once each. ``requests`` holds every call that showed the right key, in order."""

    def __init__(self, options: ModelOptions | None = None) -> None:
        self._options = options or ModelOptions()
        self.script = self._options.script
        self.requests: list[ModelRequest] = []
        self.denied = 0
        self.tokens = 0
        routes = [
            Route("/v1/chat/completions", self._complete, methods=["POST"]),
            Route("/v1/models", self._models),
        ]
        self._server = BackgroundServer(Starlette(routes=routes), Listen(port=self._options.port))

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port/v1``, which is what clients call ``base_url``."""
        return f"http://127.0.0.1:{self._server.port}/v1"

    def start(self) -> None:
        """Listen, and return when requests are answered."""
        self._server.start()

    def stop(self) -> None:
        """Close every connection and the port."""
        self._server.stop()

    async def _models(self, request: Request) -> Response:
        if not self._admitted(request):
            return self._deny()
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": "world"}
            for name in self._options.models
        ]
        return JSONResponse({"object": "list", "data": data})

    async def _complete(self, request: Request) -> Response:
        if not self._admitted(request):
            return self._deny()
        try:
            asked = read(await request.body(), self._options.models)
        except BadRequest as error:
            return JSONResponse(failure(str(error), "invalid_request_error"), status_code=400)
        # Recorded before anything can go wrong: tests count attempts, not answers.
        self.requests.append(asked)
        line = self.script.next(asked)
        if line is None:
            message = f"the script has no line left for this request (stage {asked.stage!r})"
            return JSONResponse(failure(message, "invalid_request_error", "no_line"), status_code=400)
        if line.manner is Manner.SLOW:
            await linger(request, line.seconds)
        if line.manner is Manner.DROPPED:
            await cut(dict(request.scope))
        return _broken(line) or self._said(asked, line)

    def _said(self, asked: ModelRequest, line: Line) -> Response:
        body = completion(asked, line, len(self.requests))
        self.tokens += body["usage"]["total_tokens"]
        if not line.counted:
            del body["usage"]
        return JSONResponse(body)

    def _deny(self) -> Response:
        self.denied += 1
        body = failure("Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
        return JSONResponse(body, status_code=401)

    def _admitted(self, request: Request) -> bool:
        shown = request.headers.get("authorization", "")
        return hmac.compare_digest(shown.encode(), f"Bearer {self._options.api_key}".encode())


def _broken(line: Line) -> Response | None:
    """The answer of a line whose failure lies in HTTP, not in what is said."""
    if line.manner is Manner.RATE_LIMITED:
        body: JsonObject = failure("Rate limit reached for requests", "requests", "rate_limit_exceeded")
        wait = {"Retry-After": f"{line.seconds:g}"} | dict(line.headers)
        return JSONResponse(body, status_code=429, headers=wait)
    if line.manner is Manner.SERVER_ERROR:
        return JSONResponse(failure("The server had an error", "server_error"), status_code=500)
    if line.manner is Manner.NOT_JSON:
        return Response("<html>please log in</html>", media_type="text/html")
    return None
