"""An ASGI application on a loopback port, served by a thread of its own, so that blocking clients can
talk to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TRANSPORT = "world.transport"


@dataclass(frozen=True, kw_only=True)
class Listen:
    """Where to listen; port 0 takes a free one. With certificate and key files the server speaks TLS."""

    host: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands the connection to the application so that it can be cut."""

    def on_message_begin(self) -> None:
        """A request begins: its scope carries the connection."""
        super().on_message_begin()
        self.scope["extensions"] = {_TRANSPORT: {"transport": self.transport}}


async def cut(scope: MutableMapping[str, Any]) -> None:
    """Reset the connection (TCP RST) a request came in on; the client sees neither answer nor goodbye."""
    transport = scope["extensions"][_TRANSPORT]["transport"]
    raw = transport.get_extra_info("socket")
    if raw is not None:
        # Lingering for zero seconds is what turns a close into a reset.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    # The protocol learns of the loss in the next turns of the loop; before, uvicorn would answer 500.
    for _ in range(3):
        await asyncio.sleep(0)


class BackgroundServer:
    """A uvicorn server in its own daemon thread with its own event loop."""

    def __init__(self, app: Any, listen: Listen) -> None:
        self._listen = listen
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._server = _QuickServer(
            uvicorn.Config(
                app,
                http=CuttableProtocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=60,
                timeout_graceful_shutdown=2,
                ssl_certfile=None if listen.certificate is None else str(listen.certificate),
                ssl_keyfile=None if listen.key is None else str(listen.key),
            ),
            self._ready,
        )

    @property
    def port(self) -> int:
        """The port it listens on; only after :meth:`start`."""
        if self._socket is None:
            raise RuntimeError("the server has not been started")
        return int(self._socket_port)

    def start(self) -> None:
        """Listen, and return when requests are answered; raises OSError when the port is taken."""
        # Named TCP because asyncio switches Nagle off (40 ms an answer) only for sockets that say so.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((self._listen.host, self._listen.port))
        except OSError:
            self._socket.close()
            raise
        self._socket_port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="world-server", daemon=True)
        self._thread.start()
        if not self._ready.wait(60):
            raise RuntimeError("the server did not come up within 60 s")

    def stop(self) -> None:
        """Cut every connection, stop listening and wait for the thread to end."""
        if self._thread is None or self._loop is None:
            return
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._server.leave)
        self._thread.join(60)
        self._thread = None

    def _run(self) -> None:
        # uvloop is left alone: one loop implementation for the pretend side keeps failures explainable.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            self._loop = runner.get_loop()
            runner.run(self._server.serve(sockets=[self._socket] if self._socket else None))
            # Whoever connected in the last moment is cut off as well: no socket outlives its loop.
            runner.run(self._server.cut())


class _QuickServer(uvicorn.Server):
    """A server that says when it is up and that stops without waiting for idle clients."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._up = ready
        self._leaving: asyncio.Event | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    async def main_loop(self) -> None:
        self._leaving = asyncio.Event()
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), 0.1)

    def leave(self) -> None:
        """Stop serving; called in the server's loop."""
        self.should_exit = True
        self._abort()
        if self._leaving is not None:
            self._leaving.set()

    async def cut(self) -> None:
        """End what is still connected, and let the loop close it."""
        self._abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _abort(self) -> None:
        # A TLS goodbye would wait for clients that idle in a connection pool.
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
