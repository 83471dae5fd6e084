"""The pretend workspace as something to start and stop: one thread, one event loop, one loopback port."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from evals.world.slack.api import WebApi
from evals.world.slack.api_openid import sign_in
from evals.world.slack.courier import Courier
from evals.world.slack.faults import Fault, Hold
from evals.world.slack.journal import Call, Delivery, Kind
from evals.world.slack.options import PATIENCE_S, Credentials, Mode, SlackOptions
from evals.world.slack.page import Page
from evals.world.slack.state import Workspace
from evals.world.slack.wire import JsonObject
from evals.world.wire import CuttableProtocol

T = TypeVar("T")


class _Stoppable(uvicorn.Server):
    """Says when it serves, and stops when told rather than when it next looks."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def main_loop(self) -> None:
        # uvicorn wakes ten times a second to look at a flag; an event costs an idle demo nothing.
        await self.on_tick(0)
        await self._stopping.wait()

    def stop(self) -> None:
        """Leave the main loop; call in the loop's own thread."""
        self._stopping.set()


class SlackServer:
    """``SlackServer(options).start()`` … ``stop()``, or ``with SlackServer() as slack:``.

    Properties and methods are safe from any thread. Methods that wait for the app must not be called from the
    event loop the app runs in: use ``asyncio.to_thread``.
    """

    def __init__(self, options: SlackOptions | None = None) -> None:
        self.options = options or SlackOptions()
        self.workspace = Workspace(self.options)
        self.issuer, self._sign_in = sign_in(self.workspace)
        self.courier: Courier | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._uvicorn: _Stoppable | None = None

    def start(self) -> "SlackServer":
        """Bind, serve, and return once requests are answered. Raises OSError for a taken port."""
        listener = socket.socket()
        # A demo restarted on its fixed port must not wait for old connections to fade.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self.options.port))
        except OSError:
            listener.close()
            raise
        self.workspace.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, ready)), name="pretend-slack", daemon=True
        )
        self._thread.start()
        if not ready.wait(PATIENCE_S):
            raise TimeoutError("the pretend workspace did not start")
        return self

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self.courier = Courier(self.workspace)
        config = uvicorn.Config(
            application(self.workspace, self.courier, self._sign_in),
            log_config=None,
            access_log=False,
            lifespan="off",
            # A line that can be cut in the middle of a call, for faults.
            http=CuttableProtocol,
            # The default variant uses names that the websockets library has deprecated.
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = _Stoppable(config, ready)
        with listener:
            await self._uvicorn.serve(sockets=[listener])

    def stop(self) -> None:
        """Close every connection, stop the loop and wait for the thread. Safe to call twice."""
        if self._thread is None or self._loop is None or self._uvicorn is None or self.courier is None:
            return
        asyncio.run_coroutine_threadsafe(self._drain(self.courier, self._uvicorn), self._loop).result(
            PATIENCE_S
        )
        self._thread.join(PATIENCE_S)
        self._thread = None

    async def _drain(self, courier: Courier, server: _Stoppable) -> None:
        # Streams and long polls end first; uvicorn would wait for them.
        self.workspace.closing = True
        self.workspace.changed()
        await courier.close()
        server.stop()

    def __enter__(self) -> "SlackServer":
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The API base for ``WebClient(base_url=…)``, with its trailing slash."""
        return f"{self.workspace.base_url}/api/"

    @property
    def page_url(self) -> str:
        """The address of the page."""
        return f"{self.workspace.base_url}/page"

    @property
    def credentials(self) -> Credentials:
        """Tokens, secret and ids of the installed app."""
        return self.options.credentials

    @property
    def calls(self) -> list[Call]:
        """Every Web API call so far, oldest first (a copy)."""
        return list(self.workspace.journal.calls)

    @property
    def deliveries(self) -> list[Delivery]:
        """Everything told to the app so far, oldest first (a copy)."""
        return list(self.workspace.journal.deliveries)

    def wait_for_call(self, method: str, timeout: float = PATIENCE_S) -> Call:
        """The newest call of this method, once there is one; TimeoutError when none comes."""
        return self.workspace.journal.wait_for(
            lambda: next((call for call in reversed(self.calls) if call.method == method), None), timeout
        )

    def wait_for_delivery(self, wanted: Callable[[Delivery], bool], timeout: float = PATIENCE_S) -> Delivery:
        """The newest thing told to the app that is ``wanted``, once it is known how that went."""
        return self.workspace.journal.wait_for(
            lambda: next((d for d in reversed(self.deliveries) if d.finished and wanted(d)), None), timeout
        )

    @property
    def connections(self) -> int:
        """Open Socket Mode connections."""
        return len(self._running().hub.connections)

    def _running(self) -> Courier:
        if self.courier is None:
            raise RuntimeError("the pretend workspace is not running")
        return self.courier

    def call(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the server's thread, where the workspace may be read and changed."""

        async def inside() -> T:
            return work()

        if self._loop is None:
            raise RuntimeError("the pretend workspace is not running")
        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(PATIENCE_S)

    def use(self, mode: Mode, request_url: str | None = None) -> None:
        """Switch how the app is told: ``socket``, or ``http`` to ``request_url``."""
        courier = self._running()
        courier.request_url = request_url
        courier.mode = mode

    def fail(self, fault: Fault) -> None:
        """Let something go wrong with the next calls of the app."""
        self.call(lambda: self.workspace.faults.rules.append(fault))

    @contextmanager
    def held(self, method: str) -> Iterator[Hold]:
        """Keep the next call of a method waiting until this block is left, whatever happens in it."""
        hold = Hold()
        self.fail(Fault(method=method, hold=hold))
        try:
            yield hold
        finally:
            hold.go.set()

    def recover(self) -> None:
        """Take all faults away."""
        self.call(self.workspace.faults.rules.clear)

    def refresh_connections(self) -> None:
        """Send every connection Slack's ``disconnect`` frame; a good client comes back by itself."""
        courier = self._running()
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(courier.hub.refresh(), self._loop).result(PATIENCE_S)

    def deliver(self, kind: Kind, payload: JsonObject) -> Delivery:
        """Tell the app exactly this, by the mode that is on, and wait for the outcome."""
        courier = self._running()
        if self._loop is None:
            raise RuntimeError("the pretend workspace is not running")
        return asyncio.run_coroutine_threadsafe(courier.deliver(kind, payload), self._loop).result()


def application(workspace: Workspace, courier: Courier, sign_in: list[Route]) -> Starlette:
    """The routes of the workspace."""
    api, page = WebApi(workspace, courier), Page(workspace, courier)
    # The fixed acts of the page come before the one with a name, or they would be taken for it.
    return Starlette(
        routes=[
            *sign_in,
            Route("/api/{method}", api.call, methods=["GET", "POST"]),
            Route("/upload/v1/{file_id}", api.upload, methods=["POST"]),
            Route("/files/{file_id}", api.download),
            Route("/actions/{team}/{token}", api.response_url, methods=["POST"]),
            Route("/commands/{team}/{token}", api.response_url, methods=["POST"]),
            Route("/archives/{channel}/{stamp}", page.permalink),
            WebSocketRoute("/link/", courier.hub.serve),
            Route("/", page.shell),
            Route("/page", page.shell),
            Route("/page/static/{name}", page.asset),
            Route("/page/api/state", page.state),
            Route("/page/api/events", page.events),
            Route("/page/api/{act}", page.act, methods=["POST"]),
        ]
    )
