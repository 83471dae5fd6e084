"""Socket Mode: websocket connections of the app, envelopes out, acknowledgements in.

https://docs.slack.dev/apis/events-api/using-socket-mode. An envelope that one connection does not acknowledge
in time, or loses by closing, goes to another connection if there is one.
"""

import asyncio
import json
import secrets
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from evals.world.slack.journal import Delivery
from evals.world.slack.options import SlackOptions
from evals.world.slack.wire import JsonObject, SlackError

# An acknowledgement is the envelope's response payload, or the word for why none came.
Answer = JsonObject | str


@dataclass(eq=False)
class Connection:
    """One open websocket and the envelopes it has not answered yet."""

    socket: WebSocket
    number: int
    waiting: dict[str, "asyncio.Future[Answer]"] = field(default_factory=dict)

    async def ask(self, envelope: JsonObject, seconds: float) -> Answer:
        """Send an envelope; its acknowledgement payload, or ``timeout`` or ``disconnected``."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.waiting[envelope["envelope_id"]] = future
        try:
            await self.socket.send_text(json.dumps(envelope))
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return "timeout"
        except (WebSocketDisconnect, RuntimeError):
            # Starlette raises RuntimeError for a send after the close frame went out.
            return "disconnected"
        finally:
            self.waiting.pop(envelope["envelope_id"], None)

    def answer(self, raw: str) -> None:
        """Take a frame from the app; anything but a known envelope id is ignored, as Slack does."""
        try:
            frame = json.loads(raw)
        except ValueError:
            return
        future = self.waiting.get(str(frame.get("envelope_id"))) if isinstance(frame, dict) else None
        if future is not None and not future.done():
            future.set_result(frame.get("payload") or {})

    def lost(self) -> None:
        """The websocket is gone: nothing sent on it will be answered."""
        for future in self.waiting.values():
            if not future.done():
                future.set_result("disconnected")


class SocketHub:
    """All connections of the app."""

    def __init__(self, options: SlackOptions) -> None:
        self.options = options
        self.connections: list[Connection] = []
        self._tickets: set[str] = set()
        self._opened = 0
        self._turn = 0

    def ticket(self, base_url: str) -> str:
        """A one-time ``ws://`` address; ``too_many_websockets`` above the limit."""
        if len(self.connections) >= self.options.max_connections:
            raise SlackError("too_many_websockets")
        ticket = secrets.token_hex(8)
        self._tickets.add(ticket)
        app_id = self.options.credentials.app_id
        return f"{base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={app_id}"

    async def serve(self, socket: WebSocket) -> None:
        """Run one connection from handshake to close."""
        ticket = socket.query_params.get("ticket", "")
        # One use: a recorded address must not open a second socket.
        if ticket not in self._tickets:
            await socket.close(4001)
            return
        self._tickets.discard(ticket)
        await socket.accept()
        self._opened += 1
        connection = Connection(socket, self._opened)
        await socket.send_text(json.dumps(self._hello()))
        self.connections.append(connection)
        try:
            while True:
                connection.answer(await socket.receive_text())
        except WebSocketDisconnect:
            pass
        finally:
            if connection in self.connections:
                self.connections.remove(connection)
            connection.lost()

    def _hello(self) -> JsonObject:
        return {
            "type": "hello",
            "num_connections": len(self.connections) + 1,
            "debug_info": {
                "host": "applink-pretend",
                "build_number": 1,
                "approximate_connection_time": 18_060,
            },
            "connection_info": {"app_id": self.options.credentials.app_id},
        }

    async def deliver(self, delivery: Delivery) -> None:
        """Offer a delivery to one connection after another until one acknowledges it."""
        tried: set[int] = set()
        while connection := self._next(tried):
            tried.add(connection.number)
            answer = await connection.ask(_envelope(delivery), self.options.ack_timeout_s)
            if not isinstance(answer, str):
                delivery.response = answer
                delivery.attempts.append("acknowledged")
                return
            delivery.attempts.append(answer)
        if not tried:
            delivery.attempts.append("no_connection")

    def _next(self, tried: set[int]) -> Connection | None:
        fresh = [connection for connection in self.connections if connection.number not in tried]
        # Round robin, so that with several connections each gets traffic.
        self._turn += 1
        return fresh[self._turn % len(fresh)] if fresh else None

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Tell every connection to go and come back, then close it, as Slack does every few hours."""
        frame = json.dumps(
            {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-pretend"}}
        )
        for connection in list(self.connections):
            # Out of the list first, so that nothing new is sent on a connection that was told to go.
            self.connections.remove(connection)
            try:
                await connection.socket.send_text(frame)
                await connection.socket.close()
            except (WebSocketDisconnect, RuntimeError):
                connection.lost()


def _envelope(delivery: Delivery) -> JsonObject:
    envelope: JsonObject = {
        "envelope_id": delivery.envelope_id,
        "type": delivery.kind,
        "payload": delivery.payload,
        "accepts_response_payload": delivery.kind != "events_api",
    }
    if delivery.kind == "events_api":
        reason = delivery.attempts[-1] if delivery.attempts else ""
        envelope |= {"retry_attempt": len(delivery.attempts), "retry_reason": reason}
    return envelope
