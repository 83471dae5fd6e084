"""A small JSON-over-HTTP server on loopback for endpoints that need no framework."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What to answer: a JSON value, or plain text when `body` is a string."""

    body: object
    status: int = 200


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request; `query` holds every value of a name."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    body: bytes


Routes = Mapping[tuple[str, str], Callable[[], Reply]]
"""(method, path) → what answers it. The request's body is read and ignored."""

Rest = Callable[[Asked], Reply]
"""What answers everything else."""


def _no_such_path(_: Asked) -> Reply:
    return Reply(body={"error": "no such path"}, status=404)


class LoopbackServer:
    """Serves `routes` on 127.0.0.1 in a thread; port 0 takes a free one."""

    def __init__(self, routes: Routes, port: int = 0, rest: Rest = _no_such_path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(routes, rest))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the socket."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _handler(routes: Routes, rest: Rest) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            where = urlsplit(self.path)
            asked = Asked(method=self.command, path=where.path, query=parse_qs(where.query), body=sent)
            route = routes.get((asked.method, asked.path))
            reply = route() if route is not None else rest(asked)
            plain = isinstance(reply.body, str)
            body = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "text/plain" if plain else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the base class looks for these names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing: the standard error belongs to the program that runs the world."""

    return Handler
