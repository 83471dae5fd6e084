"""Slack through its own SDK: what the gatekeeper may do there, and nothing else.

Untrusted text goes out as plain_text and rich_text elements only; unfurling is off. One error
tree, each class knowing whether trying again makes sense.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import aiohttp
from pydantic import BaseModel, ConfigDict
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tools.pacing import Urgency
from tools.slack_pace import Pace

Block = dict[str, Any]
"""One piece of Slack's JSON, as Block Kit defines it; Slack checks its shape."""

Blocks = list[Block]
METHODS: dict[str, str] = {
    "auth.test": "",
    "apps.connections.open": "",
    "bots.info": "users:read",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.info": "channels:read",
    "files.completeUploadExternal": "files:write",
    "files.getUploadURLExternal": "files:write",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "views.open": "",
    "views.publish": "",
}
"""Every method that is called here, and the bot token's scope it needs, if any."""
METADATA_EVENT = "midwatch_card"
AWAY = (SlackClientError, aiohttp.ClientError, OSError, TimeoutError)
"""What the SDK lets through when Slack is away: it wraps only some of what its HTTP client raises."""
PASSES = frozenset({"ratelimited", "service_unavailable", "internal_error", "fatal_error", "request_timeout"})
"""Errors that say something of Slack and nothing of what was asked. Most of an outage comes as one of these,
with 200 in front (Slack, "Errors" of each method)."""


class SlackError(Exception):
    """Slack did not do what was asked."""

    retryable = False


class SlackUnreachable(SlackError):
    """Slack could not be reached, or is rate limiting us."""

    retryable = True


class SlackRefused(SlackError):
    """Slack answered with an error: a missing scope, an unknown channel, invalid blocks."""

    @property
    def is_of_account(self) -> bool:
        """Whether it says that there is no such account; a token that was revoked says nothing of it."""
        return str(self).endswith((": user_not_found", ": user_not_visible"))

    @property
    def is_of_message(self) -> bool:
        """Whether it says that the message is not there any more."""
        return str(self).endswith(": message_not_found")


def escaped(text: str) -> str:
    """Text for a place that Slack reads as markup: beside the blocks, and in the answer to a command.

    What is left of a mention or a link is what it looked like (threat T25; Slack, "Escaping text").
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message: the blocks, the plain text for notifications, and a key to find it again."""

    blocks: Blocks
    text: str
    key: str = ""


class Upload(BaseModel):
    """A file to be shown in a thread: a name for saving it, a title for reading, and its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """A file that Slack has: its id, and its address there if Slack said one."""

    file_id: str
    link: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who we are, as ``auth.test`` says."""

    team_id: str
    bot_user_id: str
    bot_id: str
    enterprise_id: str | None


@dataclass(frozen=True, kw_only=True)
class Account:
    """The scopes of the token, and the time by Slack's clock as an HTTP date."""

    scopes: frozenset[str]
    date: str


@dataclass(frozen=True, kw_only=True)
class Slack:
    """The Web API with one bot token. ``base_url`` ends in ``/api/``."""

    client: AsyncWebClient = field(repr=False)
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def open(cls, token: str, base_url: str, pace: float = 1.0) -> Slack:
        """A client that honours Retry-After and otherwise never repeats a call by itself.

        It posts and changes messages as fast as Slack publishes, times ``pace``.
        """
        client = AsyncWebClient(token=token, base_url=base_url, timeout=10)
        client.retry_handlers = [AsyncRateLimitErrorRetryHandler(max_retry_count=2)]
        return cls(client=client, pace=Pace(factor=pace))

    async def identity(self) -> Identity:
        """Who we are. Raises SlackError."""
        said = await self._call("auth.test")
        return Identity(
            team_id=str(said["team_id"]),
            bot_user_id=str(said["user_id"]),
            bot_id=str(said.get("bot_id", "")),
            enterprise_id=said.get("enterprise_id"),
        )

    async def app_id(self, bot_id: str) -> str:
        """The id of the app behind our bot. Raises SlackError."""
        said = await self._call("bots.info", {"bot": bot_id})
        return str(said["bot"]["app_id"])

    async def may_connect(self, app_token: str) -> None:
        """Ask for a Socket Mode connection with the app-level token, and do not use it. Raises SlackError."""
        # The SDK takes a token out of the arguments and makes it the header of this one call.
        await self._call("apps.connections.open", {"token": app_token})

    async def post(
        self, channel: str, message: Message, thread_ts: str = "", urgency: Urgency = Urgency.NOW
    ) -> str:
        """Post when it is its turn, and return the message's ts."""
        await self.pace.post(channel, urgency)
        body: dict[str, Any] = {"channel": channel, "text": escaped(message.text), "blocks": message.blocks}
        body |= {"unfurl_links": False, "unfurl_media": False}
        if thread_ts:
            body["thread_ts"] = thread_ts
        if message.key:
            body["metadata"] = {"event_type": METADATA_EVENT, "event_payload": {"key": message.key}}
        said = await self._call("chat.postMessage", body)
        return str(said["ts"])

    async def update(self, channel: str, ts: str, message: Message, urgency: Urgency = Urgency.NOW) -> None:
        """Replace a message in place when it is its turn."""
        await self.pace.update(channel, urgency)
        body = {"channel": channel, "ts": ts, "text": escaped(message.text), "blocks": message.blocks}
        await self._call("chat.update", body)

    async def whisper(self, channel: str, user: str, text: str, blocks: Blocks | None = None) -> None:
        """Tell one person something in the channel; plain text without markup, or these blocks."""
        block = {"type": "section", "text": {"type": "plain_text", "text": text[:3000], "emoji": False}}
        await self._call(
            "chat.postEphemeral",
            {"channel": channel, "user": user, "text": escaped(text), "blocks": blocks or [block]},
        )

    async def upload(self, channel: str, thread_ts: str, upload: Upload) -> Uploaded:
        """Share a file in a thread. Raises SlackError."""
        try:
            # The three calls that Slack's version 2 consists of; the SDK makes them one after the other.
            said = await self.client.files_upload_v2(
                channel=channel,
                thread_ts=thread_ts,
                filename=upload.name,
                title=upload.title,
                file=upload.content,
            )
        except SlackApiError as refused:
            raise _refusal("files.upload", refused) from refused
        except AWAY as problem:
            raise SlackUnreachable(f"files.upload: {problem}") from problem
        file: dict[str, Any] = said.get("files", [{}])[0]
        return Uploaded(file_id=str(file.get("id", "")), link=str(file.get("permalink", "")))

    async def publish_home(self, user_id: str, view: dict[str, Any]) -> None:
        """Show this person their App Home."""
        await self._call("views.publish", {"user_id": user_id, "view": view})

    async def open_view(self, trigger_id: str, view: dict[str, Any]) -> None:
        """Open a modal within three seconds of the click that asked for it."""
        await self._call("views.open", {"trigger_id": trigger_id, "view": view})

    async def account(self) -> Account:
        """What the token may do, and what time it is there, as Slack's headers say. Raises SlackError."""
        headers: dict[str, str] = {}
        await self._call("auth.test", into=headers)
        said = headers.get("x-oauth-scopes", "")
        scopes = frozenset(part.strip() for part in said.split(",") if part.strip())
        return Account(scopes=scopes, date=headers.get("date", ""))

    async def channel(self, channel_id: str) -> dict[str, Any]:
        """A channel as ``conversations.info`` tells it."""
        said = await self._call("conversations.info", {"channel": channel_id})
        found: dict[str, Any] = said["channel"]
        return found

    async def user(self, user_id: str) -> dict[str, Any]:
        """An account as ``users.info`` tells it."""
        said = await self._call("users.info", {"user": user_id})
        account: dict[str, Any] = said["user"]
        return account

    async def groups(self) -> list[dict[str, Any]]:
        """The user groups of the workspace as ``usergroups.list`` tells them, the disabled ones too."""
        said = await self._call("usergroups.list", {"include_disabled": True})
        return [one for one in said.get("usergroups") or [] if isinstance(one, dict)]

    async def members(self, group: str) -> frozenset[str]:
        """The user ids of those in a user group. Slack tells all at once: the method knows no pages."""
        said = await self._call("usergroups.users.list", {"usergroup": group})
        return frozenset(str(one) for one in said.get("users") or [] if one)

    async def find(self, channel: str, key: str) -> str | None:
        """The ts of our recent message with that key: was it posted before we died?"""
        body = {"channel": channel, "limit": 100, "include_all_metadata": True}
        said = await self._call("conversations.history", body)
        for message in said.get("messages", []):
            payload = message.get("metadata", {}).get("event_payload", {})
            if payload.get("key") == key:
                return str(message["ts"])
        return None

    async def _call(
        self, method: str, body: dict[str, Any] | None = None, into: dict[str, str] | None = None
    ) -> dict[str, Any]:
        if method not in METHODS:
            # One place says what the app calls; its manifest and the check of its scopes are made from there.
            raise KeyError(method)
        try:
            answer = await self.client.api_call(method, json=body or {})
        except SlackApiError as refused:
            raise _refusal(method, refused) from refused
        except AWAY as problem:
            raise SlackUnreachable(f"{method}: {problem}") from problem
        if into is not None:
            into |= {name.lower(): value for name, value in answer.headers.items()}
        said: dict[str, Any] = dict(answer.data) if isinstance(answer.data, dict) else {}
        return said


def _refusal(method: str, refused: SlackApiError) -> SlackError:
    answer = refused.response
    if answer.status_code >= 500:
        # From something in front of Slack as well, whose page is no JSON.
        return SlackUnreachable(f"{method}: HTTP {answer.status_code}")
    reason = str(answer.data.get("error", "unknown")) if isinstance(answer.data, dict) else "unknown"
    kind = SlackUnreachable if reason in PASSES else SlackRefused
    return kind(f"{method}: {reason}")
