"""The workspace in memory: messages, ephemeral notes, views, files, trigger ids, and who is told of a change.

Only the server's own event-loop thread may touch a :class:`Workspace`; it takes no locks.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from evals.world.slack.faults import Faults
from evals.world.slack.journal import Journal
from evals.world.slack.options import Credentials, SlackOptions
from evals.world.slack.people import Channel, Directory, default_directory, direct_id, directs
from evals.world.slack.wire import JsonObject, SlackError

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"

# An app can have three modals on top of each other (views.push: ``push_limit_reached``).
MAX_STACK = 3


def new_id(prefix: str) -> str:
    """A fresh Slack-looking id, e.g. ``V0K3J…`` (11 characters)."""
    return prefix + "0" + "".join(secrets.choice(_ALPHABET) for _ in range(9))


@dataclass
class Trigger:
    """A trigger id: one person, one use, a few seconds."""

    user_id: str
    expires_at: float
    used: bool = False


@dataclass(frozen=True)
class ResponseTarget:
    """Where a ``response_url`` leads: a channel, the person who acted, and the message acted on, if any."""

    channel_id: str
    user_id: str
    ts: str


class Workspace:
    """All state of one workspace and the one app installed in it."""

    def __init__(self, options: SlackOptions) -> None:
        self.options = options
        self.credentials: Credentials = options.credentials
        self.directory: Directory = default_directory(options.credentials)
        self.journal = Journal()
        self.faults = Faults()
        self.base_url = ""
        self.messages: dict[str, dict[str, JsonObject]] = {key: {} for key in self.directory.channels}
        self.ephemerals: list[JsonObject] = []
        self.views: dict[str, JsonObject] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, JsonObject] = {}
        self.files: dict[str, JsonObject] = {}
        self.contents: dict[str, bytes] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_targets: dict[str, ResponseTarget] = {}
        # Set by the courier; without one the workspace is silent.
        self.emit: Callable[[JsonObject, Channel | None], None] = lambda _event, _channel: None
        self.version = 0
        self.closing = False
        self._last_micros = 0
        self._changed = asyncio.Event()

    def now(self) -> float:
        """Unix seconds by the workspace's clock."""
        return self.options.clock()

    def next_ts(self) -> str:
        """A message id ``seconds.micros``, unique and rising even when the clock stands still."""
        self._last_micros = max(self._last_micros + 1, int(self.now() * 1_000_000))
        return self.latest_ts

    @property
    def latest_ts(self) -> str:
        """The newest message id given out so far."""
        return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    def changed(self) -> None:
        """Tell every viewer that something they may see is different."""
        self.version += 1
        self._changed.set()
        # A new event for the next change: whoever waits on the old one is woken once.
        self._changed = asyncio.Event()

    async def wait_beyond(self, version: int, seconds: float) -> int:
        """Wait until the version exceeds ``version`` or ``seconds`` (wall) pass; returns the current one."""
        if self.version <= version:
            try:
                await asyncio.wait_for(self._changed.wait(), seconds)
            except TimeoutError:
                return self.version
        return self.version

    def channel(self, reference: str) -> Channel:
        """The channel by id, or by name with or without ``#``; a user id is their direct message.

        Raises ``channel_not_found``.
        """
        channels = self.directory.channels
        # An app may write to a person by their id; Slack opens the conversation for it.
        found = channels.get(reference) or channels.get(direct_id(reference))
        for candidate in channels.values():
            named = not candidate.partner and candidate.name == reference.lstrip("#")
            found = candidate if found is None and named else found
        if found is None:
            raise SlackError("channel_not_found")
        return found

    def add_channel(self, channel: Channel) -> None:
        """A channel more, empty; whoever is a member sees it at once."""
        self.directory.channels[channel.channel_id] = channel
        self.messages[channel.channel_id] = {}
        self.changed()

    def add_user(self, user: JsonObject) -> None:
        """A person more, made by :func:`~evals.world.slack.people.user`, and their direct message."""
        self.directory.users[user["id"]] = user
        for channel in directs(user, self.credentials.bot_user_id):
            self.add_channel(channel)

    def set_group(self, group: str, *members: str) -> None:
        """Who is in a user group from now on; one that is not there yet is made."""
        self.directory.groups[group] = list(members)
        self.changed()

    def user(self, user_id: str) -> JsonObject:
        """The full user object; else ``user_not_found``."""
        if user_id not in self.directory.users:
            raise SlackError("user_not_found")
        return self.directory.users[user_id]

    def message(self, channel_id: str, ts: str) -> JsonObject:
        """A message by its channel and id; else ``message_not_found``."""
        found = self.messages.get(channel_id, {}).get(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def post(self, channel: Channel, message: JsonObject) -> JsonObject:
        """Store a message under a new id, keep its thread's counters, tell viewers and the app."""
        message = {"type": "message", **message, "ts": self.next_ts(), "team": self.credentials.team_id}
        if parent := self.messages[channel.channel_id].get(message.get("thread_ts", "")):
            _count_reply(parent, message)
        self.messages[channel.channel_id][message["ts"]] = message
        self.changed()
        self.emit({**message, "channel": channel.channel_id, "event_ts": message["ts"]}, channel)
        return message

    def replies(self, channel_id: str, thread_ts: str) -> Iterator[JsonObject]:
        """The replies of a thread, oldest first, without its parent."""
        for message in self.messages[channel_id].values():
            if message.get("thread_ts") == thread_ts and message["ts"] != thread_ts:
                yield message

    def new_trigger(self, user_id: str) -> str:
        """A trigger id for this person, good for one view within ``trigger_ttl_s``."""
        trigger_id = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**13)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(user_id, self.now() + self.options.trigger_ttl_s)
        return trigger_id

    def use_trigger(self, trigger_id: str) -> str:
        """Spend a trigger id and name its person.

        Raises ``invalid_trigger_id``, ``exchanged_trigger_id`` (used before) or ``expired_trigger_id``.
        """
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.now() >= trigger.expires_at:
            raise SlackError("expired_trigger_id")
        # Spent even when the view fails later; Slack does not give it back.
        trigger.used = True
        return trigger.user_id


def _count_reply(parent: JsonObject, reply: JsonObject) -> None:
    # From its first reply on, a parent names itself as the thread.
    parent.setdefault("thread_ts", parent["ts"])
    parent["reply_count"] = parent.get("reply_count", 0) + 1
    users = parent.setdefault("reply_users", [])
    if reply.get("user") not in users:
        users.append(reply.get("user"))
    parent["reply_users_count"] = len(users)
    parent["latest_reply"] = reply["ts"]
