"""What people do in the workspace: click, fill in modals, speak, type commands, open the App Home.

Every function checks what Slack's client would not let a person do (and raises :class:`SlackError` for it),
tells the app, and applies the app's answer.
"""

import uuid
from dataclasses import dataclass

from evals.world.slack import api_views, payloads
from evals.world.slack.api_chat import add_ephemeral, content, react, signature
from evals.world.slack.blocks import elements_of
from evals.world.slack.courier import Courier
from evals.world.slack.forms import Values, choice, fill
from evals.world.slack.journal import Delivery
from evals.world.slack.people import Channel
from evals.world.slack.state import Workspace
from evals.world.slack.wire import JsonObject, SlackError


@dataclass(frozen=True, kw_only=True)
class Click:
    """A click on a button or a choice in a menu, in a message (channel and ts) or a view (view_id)."""

    user_id: str
    action_id: str
    channel: str = ""
    ts: str = ""
    view_id: str = ""
    value: str | None = None
    confirmed: bool = False


def acting(workspace: Workspace, user_id: str) -> JsonObject:
    """The person, if they can use Slack at all: not deactivated, not a program."""
    user = workspace.user(user_id)
    if user["deleted"]:
        raise SlackError("account_inactive")
    # Programs act through the API; only a forgery can make one click.
    if user["is_bot"]:
        raise SlackError("not_a_person")
    return user


def joined(workspace: Workspace, user_id: str, channel: str) -> Channel:
    """The channel, if the person can see it."""
    found = workspace.channel(channel)
    if user_id not in found.members:
        raise SlackError("not_in_channel")
    return found


def visible_message(workspace: Workspace, user_id: str, channel: str, ts: str) -> JsonObject:
    """A message or own ephemeral note with its ``channel`` filled in; else ``message_not_found``."""
    where = joined(workspace, user_id, channel)
    # A note can carry buttons too, but only its addressee has them.
    for note in workspace.ephemerals:
        if note["ts"] == ts and note["for"] == user_id and note["channel"] == where.channel_id:
            return note
    return {**workspace.message(where.channel_id, ts), "channel": where.channel_id}


def _element(blocks: list[JsonObject], click: Click) -> tuple[JsonObject, JsonObject, JsonObject | None]:
    """The block, the element and, for a menu, the chosen option of a click."""
    for block in blocks:
        for element in elements_of(block):
            if element.get("action_id") != click.action_id:
                continue
            if element["type"] != "button":
                chosen = choice(element, click.value)
                if chosen is not None:
                    return block, element, chosen
            elif click.value in {None, element.get("value")}:
                return block, element, None
    raise SlackError("action_not_found")


async def click(courier: Courier, act: Click) -> JsonObject:
    """Deliver ``block_actions``; a confirm dialog not yet confirmed raises ``confirm_needed``."""
    workspace = courier.workspace
    user = acting(workspace, act.user_id)
    view = _view_of(workspace, act.user_id, act.view_id) if act.view_id else None
    message = visible_message(workspace, act.user_id, act.channel, act.ts) if view is None else {}
    source = message if view is None else view
    block, element, chosen = _element(source.get("blocks", []), act)
    # The dialog is the client's: the app never hears of a click that was not confirmed.
    if "confirm" in element and not act.confirmed:
        raise SlackError("confirm_needed", confirm=element["confirm"])
    action = payloads.action_of(workspace, block, element, chosen)
    if view is None:
        payload = payloads.in_message(workspace, user, message, action)
    else:
        payload = payloads.in_view(workspace, user, view, action)
    return outcome(await courier.deliver("interactive", payload))


def outcome(delivery: Delivery) -> JsonObject:
    """What the person sees of a delivery: it worked, or Slack's yellow triangle with a reason."""
    if delivery.acknowledged:
        return {"ok": True, "response": delivery.response or {}}
    return {"ok": False, "error": "app_did_not_respond", "attempts": delivery.attempts}


def _view_of(workspace: Workspace, user_id: str, view_id: str) -> JsonObject:
    home = workspace.homes.get(user_id)
    # The home tab is always open to its owner; modals only while they are on the stack.
    if home is not None and home["id"] == view_id:
        return home
    if view_id not in workspace.stacks.get(user_id, []):
        raise SlackError("view_not_found")
    return workspace.views[view_id]


async def submit(courier: Courier, user_id: str, view_id: str, values: Values) -> JsonObject:
    """Submit a modal. ``errors`` in the answer are by block id: the client's own, or those of the app."""
    workspace = courier.workspace
    user = acting(workspace, user_id)
    view = _view_of(workspace, user_id, view_id)
    if view["type"] != "modal" or view["submit"] is None:
        raise SlackError("view_has_no_submit")
    state, errors = fill(view, values)
    if errors:
        return {"ok": False, "error": "invalid_input", "errors": errors}
    filled = {**view, "state": {"values": state}}
    delivery = await courier.deliver("interactive", payloads.submission(workspace, user, filled))
    result = outcome(delivery)
    if delivery.acknowledged:
        result |= _apply(workspace, user_id, view_id, delivery.response or {})
    return result


def _apply(workspace: Workspace, user_id: str, view_id: str, response: JsonObject) -> JsonObject:
    """Do what ``response_action`` says; a view the app got wrong is shown to the person as trouble."""
    action = response.get("response_action")
    try:
        if action == "errors":
            return {"ok": False, "error": "refused_by_app", "errors": response.get("errors", {})}
        if action == "clear":
            api_views.clear(workspace, user_id)
        elif action == "update":
            api_views.replace(workspace, view_id, response.get("view"))
        elif action == "push":
            api_views.push_response(workspace, user_id, response.get("view"))
        else:
            api_views.pop(workspace, user_id, view_id)
    except SlackError as err:
        return {"ok": False, "error": "trouble_connecting", "detail": err.body()}
    return {}


async def close_view(courier: Courier, user_id: str, view_id: str) -> JsonObject:
    """Close a modal; the app is told when it asked for ``notify_on_close``."""
    workspace = courier.workspace
    user = acting(workspace, user_id)
    view = _view_of(workspace, user_id, view_id)
    api_views.pop(workspace, user_id, view_id)
    if view["notify_on_close"]:
        return outcome(
            await courier.deliver("interactive", payloads.closing(workspace, user, view, cleared=False))
        )
    return {"ok": True}


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
    event = {"type": "app_home_opened", "user": user["id"], "channel": "D0" + user["id"][2:], "tab": "home"}
    event["event_ts"] = workspace.next_ts()
    if view := workspace.homes.get(user_id):
        event["view"] = view
    workspace.emit(event, None)
    return {"ok": True}


async def add_reaction(courier: Courier, user_id: str, message: JsonObject, name: str) -> JsonObject:
    """React to a message as a person."""
    workspace = courier.workspace
    acting(workspace, user_id)
    react(workspace.message(message["channel"], message["ts"]), name, user_id)
    workspace.changed()
    return {"ok": True}
