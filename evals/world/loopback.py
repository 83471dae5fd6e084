"""A small JSON-over-HTTP server on loopback for endpoints that need no framework."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What to answer: a JSON value, or plain text when `body` is a string."""

    body: object
    status: int = 200


Routes = Mapping[tuple[str, str], Callable[[], Reply]]
"""(method, path) → what answers it. The request's body is read and ignored."""


class LoopbackServer:
    """Serves `routes` on 127.0.0.1 in a thread; port 0 takes a free one."""

    def __init__(self, routes: Routes, port: int = 0) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(routes))
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


def _handler(routes: Routes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            route = routes.get((self.command, urlsplit(self.path).path))
            reply = route() if route is not None else Reply(body={"error": "no such path"}, status=404)
            plain = isinstance(reply.body, str)
            body = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "text/plain" if plain else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the base class looks for these names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing: the standard error belongs to the program that runs the world."""

    return Handler
