"""A person at the keyboard, for demos and tests: sees what the page shows, does what the page lets one do.

Synchronous on purpose. Next to an app in the same event loop, call it through ``asyncio.to_thread``.
"""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from evals.world.slack.blocks import elements_of
from evals.world.slack.options import PATIENCE_S
from evals.world.slack.wire import JsonObject

T = TypeVar("T")

# Longer than an app has, twice, because a delivery may be offered to a second connection; also where a
# workspace gives an app more than Slack's three seconds.
_ANSWER_S = 5 * PATIENCE_S


class PersonError(Exception):
    """The workspace did not let the person do this, as Slack's own client would not."""

    retryable = False

    def __init__(self, code: str, body: JsonObject | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.body = body or {}


class NothingAppearedError(PersonError):
    """What the person waited for did not appear in time."""

    retryable = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an act. ``errors`` are complaints about a form, by block id."""

    ok: bool
    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    response: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Button:
    """A button somebody can see: where it is, and what it would send."""

    channel: str
    ts: str
    action_id: str
    value: str | None
    message: JsonObject


class Person:
    """One user of the workspace. ``base_url`` is any address of the server, e.g. its ``page_url``."""

    def __init__(self, base_url: str, user_id: str) -> None:
        self._at = urlsplit(base_url).netloc
        self.user_id = user_id

    def state(self, after: int = -1, wait: float = 0.0) -> JsonObject:
        """All this person sees now, or once it is newer than ``after`` or ``wait`` seconds have passed."""
        query = urlencode({"user": self.user_id, "after": after, "wait": wait})
        return self._ask("GET", f"/page/api/state?{query}", None)

    def wait_for(self, find: Callable[[JsonObject], T | None], timeout: float = PATIENCE_S) -> T:
        """What ``find`` first makes of the state; :class:`NothingAppearedError` after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        # Asked to wait by version, the server answers at the moment of the change.
        state = self.state()
        while (found := find(state)) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise NothingAppearedError("nothing_appeared")
            state = self.state(state["version"], min(left, 5.0))
        return found

    def messages(self, channel: str | None = None) -> list[JsonObject]:
        """Messages, thread replies and own ephemeral notes, oldest first, each with its ``channel``."""
        return _messages(self.state(), channel)

    def wait_for_message(
        self, wanted: Callable[[JsonObject], bool], *, channel: str | None = None, timeout: float = PATIENCE_S
    ) -> JsonObject:
        """The newest message that is ``wanted``."""
        return self.wait_for(
            lambda s: next((m for m in reversed(_messages(s, channel)) if wanted(m)), None), timeout
        )

    def wait_for_button(
        self, action_id: str, *, channel: str | None = None, timeout: float = PATIENCE_S
    ) -> Button:
        """The newest visible button (or menu) with this action id."""
        return self.wait_for(lambda s: _button(_messages(s, channel), action_id), timeout)

    def click(self, button: Button, *, value: str | None = None, confirmed: bool = True) -> Outcome:
        """Click it. With a confirm dialog and ``confirmed=False``: ``PersonError("confirm_needed")``."""
        where = {"channel": button.channel, "ts": button.ts, "action_id": button.action_id}
        chosen = button.value if value is None else value
        return self._act("click", **where, value=chosen, confirmed=confirmed)

    def click_in_view(self, view_id: str, action_id: str, value: str | None = None) -> Outcome:
        """Click a button or choose from a menu inside a modal or the App Home."""
        return self._act("click", view_id=view_id, action_id=action_id, value=value, confirmed=True)

    def suggestions(self, view_id: str, action_id: str, typed: str) -> list[JsonObject]:
        """What the app offers in an external menu of a view once this is typed."""
        body = {"user": self.user_id, "view_id": view_id, "action_id": action_id, "value": typed}
        return list(self._ask("POST", "/page/api/suggest", body).get("options", []))

    def open_views(self) -> list[JsonObject]:
        """This person's modals, the topmost last."""
        return list(self.state()["views"])

    def wait_for_view(self, callback_id: str | None = None, timeout: float = PATIENCE_S) -> JsonObject:
        """The topmost modal, once there is one (with this callback id)."""
        return self.wait_for(lambda s: _view(s["views"], callback_id), timeout)

    def submit(self, view_id: str, values: JsonObject) -> Outcome:
        """Fill in and submit. ``values``: by action id, or by block id and then action id."""
        return self._act("submit", view_id=view_id, values=values)

    def close_view(self, view_id: str) -> Outcome:
        """Close a modal."""
        return self._act("close_view", view_id=view_id)

    def home(self) -> JsonObject | None:
        """This person's App Home as last published."""
        found = self.state()["home"]
        return dict(found) if found else None

    def open_home(self) -> Outcome:
        """Open the App Home tab, which tells the app."""
        return self._act("open_home")

    def ephemerals(self, channel: str | None = None) -> list[JsonObject]:
        """Notes only this person sees, oldest first."""
        return [message for message in self.messages(channel) if message.get("is_ephemeral")]

    def wait_for_ephemeral(self, text: str, timeout: float = PATIENCE_S) -> JsonObject:
        """The newest note to this person that contains ``text``, in its text or its blocks."""
        return self.wait_for_message(
            lambda m: bool(m.get("is_ephemeral")) and text in json.dumps(m), timeout=timeout
        )

    def say(self, channel: str, text: str, thread_ts: str | None = None) -> str:
        """Post a message, in a thread if named; returns its ts."""
        body = {"user": self.user_id, "channel": channel, "text": text, "thread_ts": thread_ts}
        return str(self._ask("POST", "/page/api/say", body)["ts"])

    def slash(self, channel: str, text: str) -> Outcome:
        """Type a slash command, e.g. ``/midwatch status``."""
        return self._act("slash", channel=channel, text=text)

    def _act(self, name: str, **arguments: object) -> Outcome:
        body = self._ask("POST", f"/page/api/{name}", {"user": self.user_id, **arguments})
        return Outcome(
            ok=body["ok"],
            error=body.get("error"),
            errors=body.get("errors", {}),
            response=body.get("response", {}),
        )

    def _ask(self, method: str, path: str, body: JsonObject | None) -> JsonObject:
        # A connection for each act: nothing stays open between two things a person does.
        connection = http.client.HTTPConnection(self._at, timeout=_ANSWER_S)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            found: JsonObject = json.loads(answer.read())
        finally:
            connection.close()
        # What the client would not allow is an error; what the app did is an outcome.
        if answer.status >= 400:
            raise PersonError(str(found.get("error")), found)
        return found


def _messages(state: JsonObject, channel: str | None) -> list[JsonObject]:
    found = [
        {**message, "channel": entry["id"]}
        for entry in [*state["channels"], *state["directs"]]
        if channel in {None, entry["id"], entry["name"]}
        for message in entry["messages"]
    ]
    return sorted(found, key=lambda message: float(message["ts"]))


def _button(messages: list[JsonObject], action_id: str) -> Button | None:
    # Newest first: an updated card is the same message, a second card is a newer one.
    for message in reversed(messages):
        for block in message.get("blocks", []):
            for element in elements_of(block):
                if element.get("action_id") == action_id:
                    return Button(
                        channel=message["channel"],
                        ts=message["ts"],
                        action_id=action_id,
                        value=element.get("value"),
                        message=message,
                    )
    return None


def _view(views: list[JsonObject], callback_id: str | None) -> JsonObject | None:
    top = views[-1] if views else None
    return top if top is None or callback_id in {None, top["callback_id"]} else None
