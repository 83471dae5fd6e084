"""What no honest client sends: interactions with any field changed, foreign signatures, replays.

For adversary tests. A forged delivery goes through the ordinary courier, so it is on an authenticated socket
or properly signed; a forged *request* is posted by hand and may be signed badly or not at all.
"""

import http.client
import json
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from evals.world.slack import payloads
from evals.world.slack.blocks import elements_of
from evals.world.slack.forms import Values, fill
from evals.world.slack.httpmode import FORM, Signed, signed
from evals.world.slack.journal import Delivery, Kind
from evals.world.slack.options import PATIENCE_S
from evals.world.slack.server import SlackServer
from evals.world.slack.wire import JsonObject


@dataclass(frozen=True, kw_only=True)
class FalseClick:
    """A click to be made up. The message need not show such a button (any more); the user need not see it.

    ``changes`` is laid over the finished payload, objects deeply, e.g. ``{"team": {"id": "T0EVIL"}}``; None
    sets null.
    """

    user_id: str
    channel: str
    ts: str
    action_id: str
    value: str | None = None
    changes: JsonObject = field(default_factory=dict)


class Forge:
    """Makes up interactions and delivers them."""

    def __init__(self, server: SlackServer) -> None:
        self.server = server

    def click(self, false: FalseClick) -> JsonObject:
        """A ``block_actions`` payload as false as wanted and otherwise exactly like a real one."""
        return merged(self.server.call(lambda: self._click(false)), false.changes)

    def _click(self, false: FalseClick) -> JsonObject:
        workspace = self.server.workspace
        message = {**workspace.message(false.channel, false.ts), "channel": false.channel}
        block_id, element = _shown(message, false.action_id)
        # A copy, so that the message itself stays honest.
        if false.value is not None:
            element = {**element, "value": false.value}
        action = payloads.action_of(workspace, {"block_id": block_id}, element, None)
        return payloads.in_message(workspace, workspace.user(false.user_id), message, action)

    def submission(self, user_id: str, view_id: str, values: Values) -> JsonObject:
        """A ``view_submission`` of an existing view by anybody, without the client's checks."""

        def build() -> JsonObject:
            workspace = self.server.workspace
            view = workspace.views[view_id]
            state, _ = fill(view, values)
            filled = {**view, "state": {"values": state}}
            return payloads.submission(workspace, workspace.user(user_id), filled)

        return self.server.call(build)

    def deliver(self, payload: JsonObject, kind: Kind = "interactive") -> Delivery:
        """Deliver as Slack would, by the mode that is on; waits for the outcome."""
        return self.server.deliver(kind, payload)

    def request(self, payload: JsonObject, *, secret: str | None = None, age_s: int = 0) -> Signed:
        """A signed interactivity request: right, or with another ``secret``, or ``age_s`` seconds old."""
        body = urlencode({"payload": json.dumps(payload)}).encode()
        at = int(self.server.options.clock()) - age_s
        return signed(body, FORM, secret or self.server.credentials.signing_secret, at)

    @staticmethod
    def post(url: str, request: Signed, **headers: str) -> tuple[int, str]:
        """Post by hand, as often as wanted; ``headers`` replace (``_`` for ``-``). Status and body."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        # HTTP header names differ only in case; a second copy would leave the choice to the server.
        kept = {name: value for name, value in request.headers.items() if name.lower() not in _lower(changed)}
        target = urlsplit(url)
        connection = http.client.HTTPConnection(target.netloc, timeout=PATIENCE_S)
        try:
            connection.request("POST", target.path, request.body, {**kept, **changed})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()


def _lower(names: dict[str, str]) -> set[str]:
    return {name.lower() for name in names}


def _shown(message: JsonObject, action_id: str) -> tuple[str, JsonObject]:
    """The block id and element of the message's button, or ones made up."""
    for block in message.get("blocks", []):
        for element in elements_of(block):
            if element.get("action_id") == action_id:
                return block["block_id"], element
    # A button that was never shown looks like the one it imitates.
    text = {"type": "plain_text", "text": "Approve", "emoji": True}
    return "forged", {"type": "button", "action_id": action_id, "text": text, "value": ""}


def merged(base: JsonObject, changes: JsonObject) -> JsonObject:
    """``changes`` laid over a copy of ``base``; objects are merged, everything else is replaced."""
    result = dict(base)
    for name, value in changes.items():
        old = result.get(name)
        result[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
