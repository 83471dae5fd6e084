"""Brings what happened in the workspace to the app, by whichever mode is on, and writes it down."""

import asyncio
import time
import uuid

from evals.world.slack.httpmode import HttpPoster
from evals.world.slack.journal import Delivery, Kind
from evals.world.slack.options import Mode
from evals.world.slack.payloads import event_callback
from evals.world.slack.people import Channel
from evals.world.slack.socketmode import SocketHub
from evals.world.slack.state import Workspace
from evals.world.slack.wire import JsonObject


class Courier:
    """The one way out of the workspace. Lives in the server's event loop."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.mode: Mode = workspace.options.mode
        self.request_url = workspace.options.request_url
        self.hub = SocketHub(workspace.options)
        self.poster = HttpPoster(workspace.options)
        self._running: set[asyncio.Task[Delivery]] = set()
        workspace.emit = self.emit

    async def deliver(self, kind: Kind, payload: JsonObject) -> Delivery:
        """Deliver now and wait for the outcome; never raises for what the app does wrong."""
        now = self.workspace.now()
        delivery = Delivery(kind=kind, payload=payload, envelope_id=str(uuid.uuid4()), at=now)
        # Written down before it is sent, so that an app that dies on it is still seen.
        self.workspace.journal.telling(delivery)
        started = time.monotonic()
        if self.mode == "socket":
            await self.hub.deliver(delivery)
        else:
            await self.poster.deliver(delivery, self.request_url)
        delivery.seconds = time.monotonic() - started if delivery.acknowledged else None
        self.workspace.journal.told(delivery)
        return delivery

    def emit(self, event: JsonObject, channel: Channel | None) -> None:
        """Send an event in the background, if the app would see it: its bot must be in the channel."""
        bot = self.workspace.credentials.bot_user_id
        if channel is not None and bot not in channel.members:
            return
        # What is said to the app in private it hears with the right to read direct messages only.
        if channel is not None and channel.partner and "im:history" not in self.workspace.options.scopes:
            return
        # Only the event names the kind of channel; the stored message does not.
        if channel is not None and event["type"] == "message":
            event = {**event, "channel_type": "im" if channel.partner else "channel"}
        shown = {key: value for key, value in event.items() if not key.startswith("_")}
        task = asyncio.create_task(self.deliver("events_api", event_callback(self.workspace, shown, channel)))
        # A task without a strong reference may be collected before it ends.
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Stop delivering: background events are dropped, websockets told to go, clients closed."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.hub.refresh("link_disabled")
        await self.poster.close()
