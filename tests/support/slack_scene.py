"""A pretend Slack with the real bolt connected to it, listening as an approval app does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from evals.world.slack import Outcome, Person, SlackOptions, SlackServer
from evals.world.slack.people import INCIDENTS
from evals.world.slack.wire import JsonObject
from tests.support import patience
from tests.support.patience import PATIENCE_S
from tests.support.slack_world import Clock, bolt_app, incident_card, over_http, over_socket, reason_modal


@dataclass
class Scene:
    """A workspace with the real bolt connected, and what bolt's listeners were handed."""

    slack: SlackServer
    clock: Clock
    app: AsyncApp
    bodies: list[JsonObject] = field(default_factory=list)

    @property
    def client(self) -> AsyncWebClient:
        return self.app.client

    def person(self, user_id: str) -> Person:
        return Person(self.slack.page_url, user_id)

    async def post(self, **differs: object) -> str:
        posted = await self.client.chat_postMessage(
            channel=INCIDENTS, text="card", blocks=incident_card(), **differs
        )
        return str(posted["ts"])

    async def press(self, user_id: str, action_id: str) -> Outcome:
        person = self.person(user_id)
        button = await asyncio.to_thread(person.wait_for_button, action_id)
        return await asyncio.to_thread(person.click, button)


def listen(scene: Scene) -> None:
    """Listeners as an approval app has them."""
    app, bodies = scene.app, scene.bodies

    @app.action("approve")
    async def approve(ack: AsyncAck, body: JsonObject, client: AsyncWebClient) -> None:
        bodies.append(body)
        await ack()
        await client.chat_postEphemeral(
            channel=body["channel"]["id"], user=body["user"]["id"], text="counted"
        )

    @app.action("reject")
    async def reject(ack: AsyncAck, body: JsonObject, client: AsyncWebClient) -> None:
        bodies.append(body)
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=reason_modal(body["message"]["ts"]))

    @app.view("reason")
    async def reason(ack: AsyncAck, body: JsonObject) -> None:
        bodies.append(body)
        text = body["view"]["state"]["values"]["why"]["text"]["value"]
        if text == "because":
            await ack(response_action="errors", errors={"why": "Say why."})
        elif text == "go on":
            await ack(response_action="update", view=reason_modal() | {"callback_id": "second"})
        elif text == "push":
            await ack(response_action="push", view=reason_modal() | {"callback_id": "second"})
        elif text == "clear":
            await ack(response_action="clear")
        else:
            await ack()

    @app.view_closed("reason")
    async def closed(ack: AsyncAck, body: JsonObject) -> None:
        bodies.append(body)
        await ack()

    @app.command("/midwatch")
    async def command(ack: AsyncAck, body: JsonObject) -> None:
        bodies.append(body)
        await ack(f"you said {body['text']}")

    for name in ("message", "app_mention", "app_home_opened"):
        app.event(name)(_keeper(bodies))


def _keeper(bodies: list[JsonObject]) -> object:
    async def keep(body: JsonObject) -> None:
        bodies.append(body)

    return keep


async def until(scene: Scene, count: int) -> None:
    """Wait until bolt's listeners were handed this many bodies."""
    await patience.until(lambda: len(scene.bodies) >= count)


@asynccontextmanager
async def scene_over(transport: str, ack_timeout_s: float = PATIENCE_S) -> AsyncIterator[Scene]:
    """The scene, its app connected by ``socket`` or by ``http``; the standing clock keeps triggers fresh."""
    # The clock stands still at the real time, because bolt checks HTTP signatures against that.
    clock = Clock(time.time())
    with SlackServer(SlackOptions(clock=clock, ack_timeout_s=ack_timeout_s)) as slack:
        made = Scene(slack, clock, bolt_app(slack))
        listen(made)
        connected = over_http(slack, made.app) if transport == "http" else over_socket(slack, made.app)
        async with connected:
            yield made
