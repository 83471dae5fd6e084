"""The counter in front of the desk: slack-bolt, and a pre-filter in front of bolt in HTTP mode.

bolt by itself accepts replays for five minutes, answers malformed signatures with 500 and logs
unsigned bodies; so in HTTP mode nothing reaches it that is not signed, fresh and new.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp

from agents.gatekeeper import desk
from agents.gatekeeper.office import Office

WINDOW_S = 60
Handler = Callable[[Office, desk.Payload, str], Awaitable[str | None]]


def counter(office: Office, signing_secret: str) -> AsyncApp:
    """The bolt app; its listeners decide, then acknowledge, then explain."""
    app = AsyncApp(
        client=office.slack.client,
        # Socket Mode has no signatures; bolt only wants the word to be there.
        signing_secret=signing_secret or "unused in socket mode",
        process_before_response=True,
        logger=_quiet(),
    )
    app.action("approve")(_on_action(office, desk.approve))
    app.action("reject")(_on_action(office, desk.ask_why))

    async def on_reject(ack: Any, body: desk.Payload, context: Any) -> None:
        refused = await desk.reject(office, body, nonce_of(body, context))
        await (ack(response_action="errors", errors={"why": f"{refused}."}) if refused else ack())

    app.view("reject")(on_reject)
    return app


def _on_action(office: Office, handle: Handler) -> Callable[..., Awaitable[None]]:
    async def on_action(ack: Any, body: desk.Payload, context: Any) -> None:
        refused = await handle(office, body, nonce_of(body, context))
        await ack()
        if refused is not None:
            await desk.explain(office, body, refused)

    return on_action


def nonce_of(body: desk.Payload, context: Any) -> str:
    """What makes this one interaction unlike every other: its trigger and its action's time."""
    actions = body.get("actions") or [{}]
    user = (body.get("user") or {}).get("id", "")
    return "|".join((str(body.get("trigger_id", "")), str(actions[0].get("action_ts", "")), str(user)))


def genuine(secret: str, headers: dict[str, str], body: bytes, now: float | None = None) -> bool:
    """Whether an HTTP callback is signed with our secret and at most 60 seconds old.

    Source: Slack's request signing, version v0; threats T7 and T8. Malformed headers are just wrong.
    """
    stamp, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and given.isascii()):
        return False
    base = b"v0:" + stamp.encode() + b":" + body
    wanted = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    fresh = abs((time.time() if now is None else now) - int(stamp)) <= WINDOW_S
    return hmac.compare_digest(given.encode(), wanted.encode()) and fresh


def _quiet() -> logging.Logger:
    logger = logging.getLogger("midwatch.slack")
    # bolt's INFO and DEBUG lines carry bodies; ours say what matters (threat T27).
    logger.setLevel(logging.WARNING)
    return logger
