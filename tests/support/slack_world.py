"""What tests of the pretend Slack share: a realistic incident card, and bolt apps on either transport."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evals.world.slack import SlackServer
from evals.world.slack.wire import JsonObject


class Clock:
    """Unix seconds that stand still until a test moves them."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


PLACE = "prod-eu / shop / checkout · owner payments · fired 02:14 UTC · 3 alerts"
DIFF = """\
 apiVersion: apps/v1
 kind: Deployment
 metadata:
   name: checkout
   namespace: shop
 spec:
   template:
     spec:
       containers:
         - name: web
-          image: registry.shop/checkout:1.8.1-rc
+          image: registry.shop/checkout:1.8.0"""


def plain(text: str) -> JsonObject:
    return {"type": "plain_text", "text": text, "emoji": True}


def mrkdwn(text: str) -> JsonObject:
    return {"type": "mrkdwn", "text": text}


def rich(*elements: JsonObject, kind: str = "rich_text_section") -> JsonObject:
    return {"type": kind, "elements": list(elements)}


def words(text: str, **style: bool) -> JsonObject:
    return {"type": "text", "text": text} | ({"style": style} if style else {})


def approval_buttons(value: str = "plan-1.mac") -> JsonObject:
    confirm = {
        "title": plain("Approve this change?"),
        "text": plain("Set the image of shop/checkout back to checkout:1.8.0. Nothing else is changed."),
        "confirm": plain("Approve"),
        "deny": plain("Not yet"),
        "style": "primary",
    }
    return {
        "type": "actions",
        "block_id": "decision",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "style": "primary",
                "text": plain("Approve"),
                "value": value,
                "confirm": confirm,
            },
            {
                "type": "button",
                "action_id": "reject",
                "style": "danger",
                "text": plain("Reject"),
                "value": value,
            },
            {"type": "button", "action_id": "details", "text": plain("Details"), "value": value},
        ],
    }


def incident_card(value: str = "plan-1.mac") -> list[JsonObject]:
    """The card of one incident as an app of our kind would post it: nine blocks, three buttons."""
    return [
        {"type": "header", "text": plain("Critical: checkout cannot start its new pods")},
        {
            "type": "context",
            "elements": [plain(PLACE)],
        },
        {
            "type": "rich_text",
            "elements": [
                rich(
                    words("The image "),
                    words("checkout:1.8.1-rc", code=True),
                    words(" does not exist in the registry. "),
                ),
                rich(
                    rich(
                        words("Cause: "),
                        words("the tag was never pushed", bold=True),
                        words(" (high confidence)"),
                    ),
                    rich(words("0 of 4 new pods ready; 4 old pods still serve")),
                    kind="rich_text_list",
                )
                | {"style": "bullet"},
            ],
        },
        {
            "type": "section",
            "fields": [
                plain("Risk\nT1: reversible, one workload"),
                plain("Blast radius\n4 replicas, 1 Deployment"),
                plain("Undo\nset image checkout:1.8.1-rc"),
                plain("Approvals\n0 of 1, expires 02:44 UTC"),
            ],
        },
        {"type": "divider"},
        {"type": "rich_text", "elements": [rich(words(DIFF), kind="rich_text_preformatted")]},
        approval_buttons(value),
        {
            "type": "context",
            "elements": [plain("plan 7f3a c2d9 · rendered from the exact bytes that will be sent")],
        },
    ]


def reason_modal(metadata: str = "") -> JsonObject:
    return {
        "type": "modal",
        "callback_id": "reason",
        "private_metadata": metadata,
        "title": plain("Reject this change"),
        "submit": plain("Reject"),
        "close": plain("Back"),
        "notify_on_close": True,
        "blocks": [
            {"type": "section", "text": plain("Nothing will be changed. The reason goes into the ledger.")},
            {
                "type": "input",
                "block_id": "why",
                "label": plain("Reason"),
                "hint": plain("One sentence is enough."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": "text",
                    "multiline": True,
                    "min_length": 3,
                    "max_length": 500,
                    "placeholder": plain("Why not?"),
                },
            },
        ],
    }


def web_client(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient(token=slack.credentials.bot_token, base_url=slack.url)


def bolt_app(slack: SlackServer) -> AsyncApp:
    """The real bolt; ``process_before_response`` off, request verification on."""
    return AsyncApp(client=web_client(slack), signing_secret=slack.credentials.signing_secret)


@asynccontextmanager
async def over_socket(slack: SlackServer, app: AsyncApp, connections: int = 1) -> AsyncIterator[None]:
    """The app connected by Socket Mode, once or several times."""
    handlers = [AsyncSocketModeHandler(app, slack.credentials.app_token) for _ in range(connections)]
    for handler in handlers:
        await handler.connect_async()
    try:
        yield
    finally:
        for handler in handlers:
            await handler.close_async()
            await asyncio.gather(handler.client.message_processor, return_exceptions=True)


class _Announcing(uvicorn.Server):
    """Says when it serves, so that nobody has to ask again and again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()


@asynccontextmanager
async def over_http(slack: SlackServer, app: AsyncApp) -> AsyncIterator[str]:
    """The app behind signed HTTP callbacks; yields its request URL."""
    handler = AsyncSlackRequestHandler(app)
    async with listening(handler.handle) as url:
        slack.use("http", url)
        yield url


@asynccontextmanager
async def listening(answer: Callable[[Request], Awaitable[Response]]) -> AsyncIterator[str]:
    """Any request handler on a loopback port; yields the URL of ``/slack/events``."""
    web = Starlette(routes=[Route("/slack/events", answer, methods=["POST"])])
    server = _Announcing(uvicorn.Config(web, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.serving.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/slack/events"
        finally:
            server.should_exit = True
            await serving


@contextmanager
def silent_listener() -> Iterator[str]:
    """An address that takes connections and never answers; yields its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/slack/events"
