"""What Slack tells an app, field by field.

Shapes: https://docs.slack.dev/reference/interaction-payloads and /apis/events-api. A click in a Slack Connect
channel carries the acting person's own workspace as ``team``; the view names the installing one.
"""

import secrets
from dataclasses import dataclass

from evals.world.slack.api_chat import public
from evals.world.slack.people import Channel
from evals.world.slack.state import ResponseTarget, Workspace, new_id
from evals.world.slack.wire import JsonObject


def _team(workspace: Workspace, team_id: str) -> JsonObject:
    ours = workspace.credentials
    return {"id": team_id, "domain": ours.team_domain if team_id == ours.team_id else "partner-works"}


def common(workspace: Workspace, user: JsonObject) -> JsonObject:
    """The fields every interaction shares: who, which app, which team, and a fresh trigger id."""
    ours = workspace.credentials
    who = {"id": user["id"], "username": user["name"], "name": user["name"], "team_id": user["team_id"]}
    return {
        "user": who,
        "api_app_id": ours.app_id,
        "token": ours.verification_token,
        "trigger_id": workspace.new_trigger(user["id"]),
        "team": _team(workspace, user["team_id"]),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def response_url(workspace: Workspace, kind: str, target: ResponseTarget) -> str:
    """A working ``response_url``; whoever calls it is seen in the journal."""
    token = secrets.token_hex(12)
    workspace.response_targets[token] = target
    return f"{workspace.base_url}/{kind}/{workspace.credentials.team_id}/{token}"


def in_message(workspace: Workspace, user: JsonObject, message: JsonObject, action: JsonObject) -> JsonObject:
    """``block_actions`` of a button or menu in a message. ``message`` holds its ``channel``."""
    channel = workspace.channel(message["channel"])
    container = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.channel_id,
        "is_ephemeral": message.get("is_ephemeral", False),
    }
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    # The channel and the addressee are the workspace's bookkeeping, not part of the message.
    shown = {
        key: value for key, value in public(message).items() if key not in {"channel", "for", "is_ephemeral"}
    }
    return {
        "type": "block_actions",
        **common(workspace, user),
        "container": container,
        "channel": {"id": channel.channel_id, "name": channel.name},
        "message": shown,
        "state": {"values": {}},
        "response_url": response_url(
            workspace, "actions", ResponseTarget(channel.channel_id, user["id"], message["ts"])
        ),
        "actions": [action],
    }


def in_view(workspace: Workspace, user: JsonObject, view: JsonObject, action: JsonObject) -> JsonObject:
    """``block_actions`` of a button or menu in a modal or App Home."""
    return {
        "type": "block_actions",
        **common(workspace, user),
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": [action],
    }


def suggestion(source: JsonObject, block: JsonObject, element: JsonObject, typed: str) -> JsonObject:
    """``block_suggestion``: which options an external menu should offer for what was typed so far.

    ``source`` is the ``block_actions`` payload of the same place; no view may be opened from here.
    """
    shared = {key: value for key, value in source.items() if key not in {"actions", "trigger_id", "state"}}
    asked = {"action_id": element["action_id"], "block_id": block["block_id"], "value": typed}
    return {**shared, "type": "block_suggestion", **asked}


def action_of(
    workspace: Workspace, block: JsonObject, element: JsonObject, chosen: JsonObject | None
) -> JsonObject:
    """One entry of ``actions``: the element as shown, plus what was chosen and when."""
    # Slack echoes what was shown, so an app can see the value it once signed.
    kept: JsonObject = {
        key: element[key]
        for key in ("type", "action_id", "text", "value", "style", "confirm", "placeholder")
        if key in element
    }
    return {**kept, **(chosen or {}), "block_id": block["block_id"], "action_ts": workspace.next_ts()}


def submission(workspace: Workspace, user: JsonObject, view: JsonObject) -> JsonObject:
    """``view_submission``; ``view`` already carries the filled-in ``state``."""
    return {"type": "view_submission", **common(workspace, user), "view": view, "response_urls": []}


def closing(workspace: Workspace, user: JsonObject, view: JsonObject, *, cleared: bool) -> JsonObject:
    """``view_closed``, sent for views with ``notify_on_close``. It carries no trigger id."""
    # A closed modal cannot open another one.
    shared = {key: value for key, value in common(workspace, user).items() if key != "trigger_id"}
    return {"type": "view_closed", **shared, "view": view, "is_cleared": cleared}


@dataclass(frozen=True, kw_only=True)
class Command:
    """A slash command as typed, e.g. ``/midwatch`` and ``status``."""

    name: str
    text: str


def slash(workspace: Workspace, user: JsonObject, channel: Channel, command: Command) -> JsonObject:
    """The flat fields of a slash command; form fields in HTTP mode."""
    ours = workspace.credentials
    return {
        "token": ours.verification_token,
        "team_id": user["team_id"],
        "team_domain": _team(workspace, user["team_id"])["domain"],
        "channel_id": channel.channel_id,
        "channel_name": channel.name,
        "user_id": user["id"],
        "user_name": user["name"],
        "command": command.name,
        "text": command.text,
        "api_app_id": ours.app_id,
        # Text, because a slash command is a form even in Socket Mode.
        "is_enterprise_install": "false",
        "response_url": response_url(
            workspace, "commands", ResponseTarget(channel.channel_id, user["id"], "")
        ),
        "trigger_id": workspace.new_trigger(user["id"]),
    }


def event_callback(workspace: Workspace, event: JsonObject, channel: Channel | None) -> JsonObject:
    """An Events API callback around one event."""
    ours = workspace.credentials
    installed = {
        "enterprise_id": ours.enterprise_id,
        "team_id": ours.team_id,
        "user_id": ours.bot_user_id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": ours.verification_token,
        "team_id": ours.team_id,
        "context_team_id": ours.team_id,
        "context_enterprise_id": ours.enterprise_id,
        "api_app_id": ours.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": new_id("Ev"),
        "event_time": int(workspace.now()),
        "authorizations": [installed],
        "is_ext_shared_channel": channel is not None and channel.shared,
        "event_context": secrets.token_urlsafe(24),
    }
