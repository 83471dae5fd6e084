"""A way to a server that breaks as real ones do: between the actor and the API server, or Alertmanager.

It reads HTTP/1.1, so that it can choose its moment: what only looks or rehearses goes through, and of the
requests for a change those whose body names a plan in trouble. With TLS it shows the server's own
certificate.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.patience import PATIENCE_S

_END = b"\r\n\r\n"
_TIMED_OUT = b"<html><body><h1>504 Gateway Time-out</h1></body></html>"


class Trouble(StrEnum):
    """What becomes of one request and of its answer."""

    RESET_BEFORE = "reset, and the server never hears of it"
    RESET_AFTER = "done, and then the line is reset"
    TIMED_OUT_AFTER = "done, and answered with 504"
    LATE = "held back, done when nobody waits any more"
    LATE_ANSWER = "done, and answered when nobody waits any more"
    NO_ANSWER = "taken, never passed on and never answered"
    HALF_ANSWER = "done, and half of the answer comes"


DONE = frozenset(Trouble) - {Trouble.RESET_BEFORE, Trouble.NO_ANSWER}
"""After these the change is made."""


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """Where the proxy leads; with certificates both its sides speak TLS."""

    url: str
    certificates: Path | None = None
    """A folder with ``ca.crt``, ``server.crt`` and ``server.key``."""


@dataclass(kw_only=True)
class FaultProxy:
    """Listens on loopback until stopped. ``delay_s`` is how late the late are, ``reads_take_s`` how long
    every look takes."""

    upstream: Upstream
    delay_s: float = 30.0
    reads_take_s: float = 0.0
    before: Callable[[bytes], object] = lambda _: None
    """Done before a request is passed on, while whoever asked waits."""
    met: set[str] = field(default_factory=set)
    """The plans that came into their trouble."""
    _held: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _troubles: dict[str, Trouble] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._thread = threading.Thread(target=self._accept, name="fault-proxy", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        scheme = urlsplit(self.upstream.url).scheme
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def trouble(self, plan_id: str, kind: Trouble) -> None:
        """Let this come over the one change of this plan."""
        self._troubles[plan_id] = kind

    def stop(self) -> None:
        """Stop listening; whoever is held back is let go."""
        self._stopped.set()
        # A thread in accept() does not notice that its socket was closed.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        # Whoever hangs up or was killed ends only its own connection.
        with raw, suppress(OSError), self._inner(raw) as client, connected(self.upstream) as server:
            while not self._stopped.is_set() and (request := message(client)):
                if not self._pass(request, client, server):
                    return

    def _inner(self, raw: socket.socket) -> socket.socket:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        folder = self.upstream.certificates
        if folder is None:
            return raw
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.crt", folder / "server.key")
        return context.wrap_socket(raw, server_side=True)

    def _pass(self, request: bytes, client: socket.socket, server: socket.socket) -> bool:
        """Whether the connection goes on after this request."""
        found = self._kind(request)
        if found is not None:
            with self._holding(found[0]):
                self._break(found[1], request, client, server)
            return False
        self.before(request)
        if request.startswith(b"GET "):
            self._stopped.wait(self.reads_take_s)
        server.sendall(request)
        client.sendall(message(server))
        return True

    @property
    def idle(self) -> bool:
        """Whether nothing is held back here that could still be done."""
        with self._lock:
            return self._held == 0

    @contextmanager
    def _holding(self, plan_id: str) -> Iterator[None]:
        with self._lock:
            self._held += 1
            self.met.add(plan_id)
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1

    def _break(self, kind: Trouble, request: bytes, client: socket.socket, server: socket.socket) -> None:
        if kind is Trouble.NO_ANSWER:
            self._stopped.wait(self.delay_s)
            return
        if kind is Trouble.LATE:
            self._stopped.wait(self.delay_s)
        if kind is not Trouble.RESET_BEFORE:
            server.sendall(request)
            self._answer(kind, client, message(server))
        if kind in (Trouble.RESET_BEFORE, Trouble.RESET_AFTER):
            # Lingering for zero seconds is what turns a close into a reset.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _answer(self, kind: Trouble, client: socket.socket, answer: bytes) -> None:
        if kind is Trouble.TIMED_OUT_AFTER:
            head = f"HTTP/1.1 504 Gateway Time-out\r\nContent-Length: {len(_TIMED_OUT)}\r\n\r\n"
            client.sendall(head.encode() + _TIMED_OUT)
        elif kind is Trouble.LATE_ANSWER:
            self._stopped.wait(self.delay_s)
            client.sendall(answer)
        elif kind is Trouble.HALF_ANSWER:
            client.sendall(answer[: len(answer) // 2])
            self._stopped.wait(self.delay_s)

    def _kind(self, request: bytes) -> tuple[str, Trouble] | None:
        line = request.partition(b"\r\n")[0]
        if line.startswith(b"GET ") or b"dryRun=All" in line:
            return None
        return next((found for found in self._troubles.items() if found[0].encode() in request), None)


def connected(upstream: Upstream) -> socket.socket:
    """A connection to the server itself."""
    where = urlsplit(upstream.url)
    raw = socket.create_connection((where.hostname or "", where.port or 0))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if upstream.certificates is None:
        return raw
    context = ssl.create_default_context(cafile=upstream.certificates / "ca.crt")
    return context.wrap_socket(raw, server_hostname=where.hostname)


def message(source: socket.socket) -> bytes:
    """One whole HTTP message, or nothing when the other side has hung up."""
    data = b""
    while _END not in data:
        part = source.recv(65_536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(_END)
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].partition(b":")[2]) - len(body) if lengths else 0
    while missing > 0:
        part = source.recv(min(missing, 65_536))
        if not part:
            return b""
        data += part
        missing -= len(part)
    return data
