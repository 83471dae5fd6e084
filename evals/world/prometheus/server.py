"""The Prometheus HTTP API on a loopback port, in a daemon thread of its own."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from evals.world.clock import Clock, RealClock
from evals.world.patience import linger
from evals.world.prometheus.api import Api, Parameters
from evals.world.prometheus.exposition import CONTENT_TYPE, exposition
from evals.world.prometheus.promql.engine import Engine
from evals.world.prometheus.promql.values import BadQuery, PromqlError, Value
from evals.world.prometheus.rules import AlertingRule, RuleBook
from evals.world.prometheus.samples import JsonObject
from evals.world.prometheus.tsdb import Tsdb, to_ms
from evals.world.wire import BackgroundServer, Listen, cut


@dataclass
class Faults:
    """What is wrong with the server; change the fields while it runs."""

    delay_seconds: float = 0.0
    unavailable: bool = False
    """Answer 503, as while Prometheus replays its log or its query queue is full."""
    reset: bool = False
    """Cut the connection instead of answering."""
    redirect_to: str = ""
    padding_bytes: int = 0
    """Blanks after the answer: still valid JSON, only too large."""
    not_json: bool = False
    """Answer 200 with a page, as a proxy's login form would."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PrometheusOptions:
    """Whose time it is, the bearer token asked for (none: anybody), the rules shown, and the port."""

    clock: Clock = field(default_factory=RealClock)
    token: str | None = None
    rules: Sequence[AlertingRule] = ()
    port: int = 0


class PrometheusServer:
    """Serves one database. ``start`` and ``stop`` once each; ``requests`` lists the paths asked for."""

    def __init__(self, tsdb: Tsdb, options: PrometheusOptions | None = None) -> None:
        self._options = options or PrometheusOptions()
        self.tsdb = tsdb
        self.engine = Engine(tsdb)
        self.faults = Faults()
        self.requests: list[str] = []
        self.busiest = 0
        """The most questions that were open at the same time."""
        self._open = 0
        self._api = Api(tsdb, self.engine, RuleBook(self.engine, self._options.rules), self._options.clock)
        self._server = BackgroundServer(self._application(), Listen(port=self._options.port))

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``; only after :meth:`start`."""
        return f"http://127.0.0.1:{self._server.port}"

    def start(self) -> None:
        """Listen, and return when requests are answered."""
        self._server.start()

    def stop(self) -> None:
        """Close every connection and the port."""
        self._server.stop()

    def query(self, expr: str, at: datetime) -> Value:
        """The same engine without HTTP. Raises PromqlError."""
        return self.engine.instant(expr, to_ms(at))

    def _application(self) -> Starlette:
        open_routes = [
            Route("/", lambda _: PlainTextResponse("Prometheus, pretended")),
            Route("/-/ready", lambda _: PlainTextResponse("Prometheus Server is Ready.\n")),
            Route("/-/healthy", lambda _: PlainTextResponse("Prometheus Server is Healthy.\n")),
        ]
        # Like a proxy in front of Prometheus, the token guards data but not the probes.
        guarded = [
            Route("/metrics", self._metrics),
            Route("/api/v1/{path:path}", self._answer, methods=["GET", "POST"]),
        ]
        return Starlette(routes=[*open_routes, *guarded])

    async def _metrics(self, request: Request) -> Response:
        if not self._admitted(request):
            return _denied()
        return PlainTextResponse(exposition(self.tsdb), headers={"Content-Type": CONTENT_TYPE})

    async def _answer(self, request: Request) -> Response:
        # Before any fault: a test asks what was tried, not what was answered.
        self.requests.append(request.url.path)
        self._open += 1
        self.busiest = max(self.busiest, self._open)
        try:
            return await self._answered(request)
        finally:
            self._open -= 1

    async def _answered(self, request: Request) -> Response:
        if not self._admitted(request):
            return _denied()
        fault = await self._fault(request)
        if fault is not None:
            return fault
        try:
            parameters = await _parameters(request)
            # A heavy query must not keep the health probe from being answered.
            data = await run_in_threadpool(self._api.answer, request.path_params["path"], parameters)
        except PromqlError as error:
            body = {"status": "error", "errorType": error.kind, "error": str(error)}
            return _json(body, status=error.status)
        if data is None:
            return PlainTextResponse("404 page not found\n", status_code=404)
        return self._success(data)

    def _success(self, data: object) -> Response:
        body: JsonObject = {"status": "success", "data": data}
        if self.faults.warnings:
            body["warnings"] = list(self.faults.warnings)
        return _json(body, padding=self.faults.padding_bytes)

    async def _fault(self, request: Request) -> Response | None:
        await linger(request, self.faults.delay_seconds)
        if self.faults.reset:
            await cut(dict(request.scope))
        if self.faults.redirect_to:
            return RedirectResponse(self.faults.redirect_to)
        if self.faults.not_json:
            return Response("<html>please log in</html>", media_type="text/html")
        if self.faults.unavailable:
            body = {"status": "error", "errorType": "unavailable", "error": "Service Unavailable"}
            return _json(body, status=503)
        return None

    def _admitted(self, request: Request) -> bool:
        if self._options.token is None:
            return True
        shown = request.headers.get("authorization", "")
        # Pretended or not, a token is compared in constant time: this code is read as an example.
        return hmac.compare_digest(shown.encode(), f"Bearer {self._options.token}".encode())


async def _parameters(request: Request) -> Parameters:
    """Query string and form together; an empty value counts as given, as in Go."""
    found: dict[str, list[str]] = {}
    body = await request.body() if request.method == "POST" else b""
    for text in (request.url.query, _decoded(body)):
        for name, values in parse_qs(text, keep_blank_values=True).items():
            found.setdefault(name, []).extend(values)
    return Parameters(found)


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadQuery(f"the form is not UTF-8: {error}") from error


def _denied() -> Response:
    return PlainTextResponse("Unauthorized\n", status_code=401)


def _json(body: Mapping[str, object], status: int = 200, padding: int = 0) -> Response:
    text = json.dumps(body, separators=(",", ":")) + " " * padding
    return Response(text, status_code=status, media_type="application/json")
