"""The counter in front of the desk: slack-bolt, however the click came in.

bolt by itself accepts replays for five minutes, answers malformed signatures with 500 and logs
unsigned bodies; so in HTTP mode nothing reaches it that is not signed, fresh, new and readable
(``gate`` and ``payload``, and the route in ``midwatch.web.slack``).
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp
from slack_bolt.error import BoltUnhandledRequestError

from agents.gatekeeper import asides, asking, commands, desk, edits, forms, home
from agents.gatekeeper.office import Office
from agents.gatekeeper.payload import Payload, text
from agents.ledger.store import LedgerError
from tools.slack import AWAY, Slack, SlackError, SlackUnreachable, escaped

Handler = Callable[[Office, Payload, str], Awaitable[str | None]]


def counter(office: Office, signing_secret: str) -> AsyncApp:
    """The bolt app; its listeners decide, then acknowledge, then explain."""
    app = AsyncApp(
        client=office.slack.client,
        # Socket Mode has no signatures; bolt only wants the word to be there.
        signing_secret=signing_secret or "unused in socket mode",
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        logger=_quiet(),
    )
    app.error(_failed)
    app.action("approve")(_on_action(office, forms.approve))
    app.action("reject")(_on_action(office, forms.ask_why))
    app.action("edit")(_on_action(office, edits.ask))
    app.action("details")(_on_action(office, asides.details))
    app.action("snooze")(_on_action(office, asides.rest))
    app.action(re.compile(r"judge-[a-z]+"))(_on_action(office, asides.judge))
    app.view("approve")(_on_form(office, forms.confirm, "digits"))
    app.view("reject")(_on_form(office, forms.reject, "why"))

    async def on_edit(ack: Any, body: Payload) -> None:
        wrong = await edits.submit(office, body, nonce_of(body))
        # Slack keeps the form open and what was typed in it.
        await (ack(response_action="errors", errors=wrong) if wrong else ack())

    app.view("edit")(on_edit)
    pace = asking.Pace()

    async def on_message(body: Payload) -> None:
        await asking.hear(office, pace, body)

    async def on_home(body: Payload) -> None:
        await home.opened(office, body)

    app.event("message")(on_message)
    app.event("app_home_opened")(on_home)

    async def on_command(ack: Any, body: Payload) -> None:
        await ack(escaped(await commands.answer(office, body)))

    app.command(commands.NAME)(on_command)
    return app


def _on_form(office: Office, handle: Handler, block_id: str) -> Callable[..., Awaitable[None]]:
    async def on_form(ack: Any, body: Payload) -> None:
        refused = await handle(office, body, nonce_of(body))
        await (ack(response_action="errors", errors={block_id: refused}) if refused else ack())

    return on_form


def _on_action(office: Office, handle: Handler) -> Callable[..., Awaitable[None]]:
    async def on_action(ack: Any, body: Payload) -> None:
        refused = await handle(office, body, nonce_of(body))
        await ack()
        if refused is not None:
            await desk.explain(office, body, refused)

    return on_action


def nonce_of(body: Payload) -> str:
    """What makes this one interaction unlike every other: its trigger and its action's time."""
    parts = (text(body, "trigger_id"), text(body, "actions", 0, "action_ts"), text(body, "user", "id"))
    return "|".join(parts)


async def _failed(error: Exception) -> BoltResponse:
    """Answer what went wrong: what is not for us is no error, and what passes is a 503."""
    if isinstance(error, BoltUnhandledRequestError):
        # An event or a button nobody here listens to. Unacknowledged it would be sent again.
        return BoltResponse(status=200)
    logger = logging.getLogger("midwatch.slack")
    if isinstance(error, LedgerError | SlackError):
        logger.error("a click could not be handled: %s", error)
        return BoltResponse(status=503 if error.retryable else 500)
    # Where it broke, but not the message: it may repeat what the request said (threat T27).
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("a click could not be handled: %s\n%s", type(error).__name__, where)
    return BoltResponse(status=500)


def _quiet() -> logging.Logger:
    logger = logging.getLogger("midwatch.slack")
    # bolt's INFO and DEBUG lines carry bodies; ours say what matters (threat T27).
    logger.setLevel(logging.WARNING)
    return logger


async def listen(app: AsyncApp, app_token: str, slack: Slack) -> Callable[[], Awaitable[None]]:
    """Open Socket Mode, which reconnects by itself from then on; returns how to close it.

    Raises SlackUnreachable when it cannot be opened.
    """
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

    # Its annotations are incomplete: connecting and closing are untyped there.
    handler: Any = AsyncSocketModeHandler(app, app_token, web_client=slack.client)
    try:
        await handler.connect_async()
    except AWAY as problem:
        await handler.close_async()
        raise SlackUnreachable(f"Socket Mode: {problem}") from problem
    close: Callable[[], Awaitable[None]] = handler.close_async
    return close
