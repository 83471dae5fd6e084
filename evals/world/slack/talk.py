"""What people do without blocks: speak, type commands, react, open the App Home.

As in :mod:`~evals.world.slack.interact`, what Slack's client would not let a person do is a
:class:`SlackError`.
"""

import uuid
from dataclasses import dataclass

from evals.world.slack import payloads
from evals.world.slack.api_chat import add_ephemeral, content, react, signature, unreact
from evals.world.slack.courier import Courier
from evals.world.slack.interact import acting, joined, outcome
from evals.world.slack.people import Channel, direct_id
from evals.world.slack.state import Workspace
from evals.world.slack.wire import JsonObject, SlackError


@dataclass(frozen=True, kw_only=True)
class Said:
    """Something a person types: a message, or a slash command when it is handed to :func:`slash`."""

    user_id: str
    channel: str
    text: str
    thread_ts: str = ""


async def say(courier: Courier, said: Said) -> JsonObject:
    """Post as a person; naming the bot also makes an ``app_mention``. Events go out in the background."""
    workspace = courier.workspace
    user = acting(workspace, said.user_id)
    channel = joined(workspace, said.user_id, said.channel)
    if not said.text.strip():
        raise SlackError("no_text")
    # Slack greys out the composer of an app that cannot read direct messages.
    if channel.partner and "im:history" not in workspace.options.scopes:
        raise SlackError("messages_tab_disabled")
    message: JsonObject = {"text": said.text, "user": user["id"], "client_msg_id": str(uuid.uuid4())}
    # What tells the app that a partner company is speaking.
    if user["team_id"] != workspace.credentials.team_id:
        message["user_team"] = user["team_id"]
    if said.thread_ts:
        workspace.message(channel.channel_id, said.thread_ts)
        message["thread_ts"] = said.thread_ts
    stored = workspace.post(channel, message)
    if f"<@{workspace.credentials.bot_user_id}>" in said.text:
        event = {**stored, "type": "app_mention", "channel": channel.channel_id, "event_ts": stored["ts"]}
        workspace.emit(event, channel)
    return {"ok": True, "ts": stored["ts"]}


async def slash(courier: Courier, said: Said) -> JsonObject:
    """A slash command; text in the app's acknowledgement is shown, by default to the person only."""
    workspace = courier.workspace
    user = acting(workspace, said.user_id)
    channel = joined(workspace, said.user_id, said.channel)
    name, _, text = said.text.strip().partition(" ")
    command = payloads.Command(name=name, text=text.strip())
    delivery = await courier.deliver("slash_commands", payloads.slash(workspace, user, channel, command))
    if delivery.acknowledged and delivery.response:
        respond(workspace, channel, said.user_id, delivery.response)
    return outcome(delivery)


def respond(workspace: Workspace, channel: Channel, user_id: str, response: JsonObject) -> None:
    """Show an app's immediate answer in the channel or to one person."""
    try:
        shown = content(response)
    except SlackError:
        # Slack drops an unusable immediate response; the command itself was acknowledged.
        return
    if response.get("response_type") == "in_channel":
        workspace.post(channel, signature(workspace) | shown)
    else:
        add_ephemeral(workspace, channel.channel_id, user_id, shown)


async def open_home(courier: Courier, user_id: str) -> JsonObject:
    """Open the App Home tab: ``app_home_opened`` goes to the app."""
    workspace = courier.workspace
    user = acting(workspace, user_id)
    # The home tab lives in the direct message with the app.
    event = {"type": "app_home_opened", "user": user["id"], "channel": direct_id(user["id"]), "tab": "home"}
    event["event_ts"] = workspace.next_ts()
    if view := workspace.homes.get(user_id):
        event["view"] = view
    workspace.emit(event, None)
    return {"ok": True}


async def toggle_reaction(courier: Courier, user_id: str, message: JsonObject, name: str) -> JsonObject:
    """React as a person, or take the reaction back; an app that may read reactions hears of it."""
    workspace = courier.workspace
    acting(workspace, user_id)
    channel = joined(workspace, user_id, message["channel"])
    stored = workspace.message(channel.channel_id, message["ts"])
    added = user_id not in next((r["users"] for r in stored.get("reactions", []) if r["name"] == name), [])
    if added:
        react(stored, name, user_id)
    else:
        unreact(stored, name, user_id)
    workspace.changed()
    if "reactions:read" in workspace.options.scopes:
        item = {"type": "message", "channel": channel.channel_id, "ts": stored["ts"]}
        kind = "reaction_added" if added else "reaction_removed"
        event = {"type": kind, "user": user_id, "reaction": name, "item": item, "item_user": stored["user"]}
        workspace.emit(event | {"event_ts": workspace.next_ts()}, channel)
    return {"ok": True}
