"""Web API methods that put messages into channels: ``chat.*`` and ``reactions.add``."""

from typing import Final

from evals.world.slack.blocks import message_blocks
from evals.world.slack.people import Channel
from evals.world.slack.state import Workspace
from evals.world.slack.wire import JsonObject, SlackError, flag, need

MAX_TEXT: Final = 40_000


def own_channel(workspace: Workspace, arguments: JsonObject) -> Channel:
    """The channel named by ``channel``, which the app must be a member of (``not_in_channel``)."""
    channel = workspace.channel(need(arguments, "channel", "channel_not_found"))
    # Slack tells "no such channel" from "not invited"; an operator fixes them differently.
    if workspace.credentials.bot_user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def content(arguments: JsonObject) -> JsonObject:
    """Validated ``text``, ``blocks`` and ``metadata`` of a message.

    Raises ``no_text`` when there is neither text nor blocks, ``msg_too_long`` above 40,000 characters, and
    what :func:`message_blocks` raises.
    """
    said = str(arguments.get("text", ""))
    blocks = message_blocks(arguments["blocks"]) if arguments.get("blocks") else []
    if not said and not blocks:
        raise SlackError("no_text")
    if len(said) > MAX_TEXT:
        raise SlackError("msg_too_long")
    found: JsonObject = {"text": said} | ({"blocks": blocks} if blocks else {})
    if metadata := arguments.get("metadata"):
        if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
            raise SlackError("invalid_metadata_format")
        found["metadata"] = metadata
    return found


def signature(workspace: Workspace) -> JsonObject:
    """The fields that mark a message as the app's own."""
    ours = workspace.credentials
    profile = {"id": ours.bot_id, "app_id": ours.app_id, "name": ours.app_name, "team_id": ours.team_id}
    return {"user": ours.bot_user_id, "bot_id": ours.bot_id, "app_id": ours.app_id, "bot_profile": profile}


def post_message(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``chat.postMessage``: into a channel, or into a thread with ``thread_ts``."""
    channel = own_channel(workspace, arguments)
    message = signature(workspace) | content(arguments)
    if thread_ts := arguments.get("thread_ts"):
        message["thread_ts"] = str(thread_ts)
    for name in ("unfurl_links", "unfurl_media"):
        # Not in Slack's stored message; kept apart so that a test can see that unfurling was off.
        if name in arguments:
            message.setdefault("_requested", {})[name] = flag(arguments, name)
    stored = workspace.post(channel, message)
    return {"channel": channel.channel_id, "ts": stored["ts"], "message": public(stored)}


def public(message: JsonObject, *, metadata: bool = True) -> JsonObject:
    """A message as the API shows it: without our bookkeeping and, unless asked for, without metadata."""
    hidden = {"_requested"} | (set() if metadata else {"metadata"})
    return {key: value for key, value in message.items() if key not in hidden}


def _own_message(workspace: Workspace, arguments: JsonObject, refusal: str) -> tuple[Channel, JsonObject]:
    channel = own_channel(workspace, arguments)
    message = workspace.message(channel.channel_id, need(arguments, "ts", "message_not_found"))
    if message.get("bot_id") != workspace.credentials.bot_id:
        raise SlackError(refusal)
    return channel, message


def update(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``chat.update`` of the app's own message: blocks left out stay, an empty list removes them."""
    channel, message = _own_message(workspace, arguments, "cant_update_message")
    fresh = content(arguments)
    # Taken before the change, because the event carries both versions.
    previous = public(message)
    if "blocks" in arguments:
        message.pop("blocks", None)
    message |= fresh
    message["edited"] = {"user": workspace.credentials.bot_user_id, "ts": workspace.next_ts()}
    workspace.changed()
    event = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": channel.channel_id}
    stamp = message["edited"]["ts"]
    workspace.emit(
        event | {"message": public(message), "previous_message": previous, "ts": stamp, "event_ts": stamp},
        channel,
    )
    return {
        "channel": channel.channel_id,
        "ts": message["ts"],
        "text": message["text"],
        "message": public(message),
    }


def delete(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``chat.delete``: removes the app's own message."""
    channel, message = _own_message(workspace, arguments, "cant_delete_message")
    del workspace.messages[channel.channel_id][message["ts"]]
    workspace.changed()
    return {"channel": channel.channel_id, "ts": message["ts"]}


def post_ephemeral(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``chat.postEphemeral``: a note that one member of the channel sees and nobody can fetch again."""
    channel = own_channel(workspace, arguments)
    user_id = need(arguments, "user", "user_not_found")
    workspace.user(user_id)
    if user_id not in channel.members:
        raise SlackError("user_not_in_channel")
    note = add_ephemeral(workspace, channel.channel_id, user_id, content(arguments))
    # A note is not part of the thread's counters: nobody else could see what was counted.
    if thread_ts := arguments.get("thread_ts"):
        note["thread_ts"] = str(thread_ts)
    return {"message_ts": note["ts"]}


def add_ephemeral(workspace: Workspace, channel_id: str, user_id: str, said: JsonObject) -> JsonObject:
    """Store a note for one person and tell viewers."""
    note = {"type": "message", "is_ephemeral": True, "channel": channel_id, "for": user_id}
    note |= signature(workspace) | said | {"ts": workspace.next_ts(), "team": workspace.credentials.team_id}
    workspace.ephemerals.append(note)
    workspace.changed()
    return note


def permalink(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``chat.getPermalink``: an address of this very server that opens the page at the message."""
    channel = workspace.channel(need(arguments, "channel", "channel_not_found"))
    ts = need(arguments, "message_ts", "message_not_found")
    message = workspace.message(channel.channel_id, ts)
    # Slack drops the dot of the id in its links.
    link = f"{workspace.base_url}/archives/{channel.channel_id}/p{ts.replace('.', '')}"
    if message.get("thread_ts") not in {None, ts}:
        link += f"?thread_ts={message['thread_ts']}&cid={channel.channel_id}"
    return {"channel": channel.channel_id, "permalink": link}


def add_reaction(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``reactions.add`` as the app; twice the same is ``already_reacted``."""
    channel = own_channel(workspace, arguments)
    message = workspace.message(channel.channel_id, need(arguments, "timestamp", "no_item_specified"))
    react(message, need(arguments, "name", "invalid_name").strip(":"), workspace.credentials.bot_user_id)
    workspace.changed()
    return {}


def react(message: JsonObject, name: str, user_id: str) -> None:
    """Add one person's reaction to a message."""
    reactions: list[JsonObject] = message.setdefault("reactions", [])
    found = next((entry for entry in reactions if entry["name"] == name), None)
    if found is None:
        found = {"name": name, "users": [], "count": 0}
        reactions.append(found)
    if user_id in found["users"]:
        raise SlackError("already_reacted")
    found["users"].append(user_id)
    found["count"] = len(found["users"])


def unreact(message: JsonObject, name: str, user_id: str) -> None:
    """Take one person's reaction back; the last one takes the emoji with it."""
    found = next((entry for entry in message.get("reactions", []) if entry["name"] == name), None)
    if found is None or user_id not in found["users"]:
        raise SlackError("no_reaction")
    found["users"].remove(user_id)
    found["count"] = len(found["users"])
    message["reactions"] = [entry for entry in message["reactions"] if entry["users"]]
