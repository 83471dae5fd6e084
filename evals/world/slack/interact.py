"""What people do with blocks: click, choose, fill in and close modals.

Every function checks what Slack's client would not let a person do (and raises :class:`SlackError` for it),
tells the app, and applies the app's answer.
"""

from dataclasses import dataclass, field

from evals.world.slack import api_views, payloads
from evals.world.slack.blocks import elements_of
from evals.world.slack.courier import Courier
from evals.world.slack.elements import OFFER
from evals.world.slack.forms import FIELDS, Values, choice, entry, fill, options_of
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
    value: object = None
    """A button's value, a menu's choice, a date, or a list of choices, as the client holds it."""
    confirmed: bool = False
    values: Values = field(default_factory=dict)
    """What stands in the other inputs of the same message or view."""


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


def _element(blocks: list[JsonObject], click: Click) -> tuple[JsonObject, JsonObject, JsonObject]:
    """The block, the element and, for all but buttons, the fields that say what was chosen."""
    for block in blocks:
        for element in elements_of(block):
            if element.get("action_id") != click.action_id:
                continue
            if element["type"] == "button":
                if click.value in {None, element.get("value")}:
                    return block, element, {}
            elif _offered(element, click.value):
                return block, element, entry(element, click.value)
    raise SlackError("action_not_found")


def _offered(element: JsonObject, value: object) -> bool:
    """Whether the client lets a person choose this: a menu's own options, and whatever the others take."""
    name, _ = FIELDS.get(element["type"], ("", ""))
    return bool(name) and (name != "selected_option" or choice(element, value) is not None)


async def click(courier: Courier, act: Click) -> JsonObject:
    """Deliver ``block_actions``; a confirm dialog not yet confirmed raises ``confirm_needed``."""
    workspace = courier.workspace
    user = acting(workspace, act.user_id)
    view = _view_of(workspace, act.user_id, act.view_id) if act.view_id else None
    message = visible_message(workspace, act.user_id, act.channel, act.ts) if view is None else {}
    source = message if view is None else view
    block, element, chosen = _element(source.get("blocks", []), act)
    state, _ = fill(source, act.values)
    # The dialog is the client's: the app never hears of a click that was not confirmed.
    if "confirm" in element and not act.confirmed:
        raise SlackError("confirm_needed", confirm=element["confirm"])
    action = payloads.action_of(workspace, block, element, chosen)
    if view is None:
        payload = payloads.in_message(workspace, user, message, action)
        payload["state"] = {"values": state}
    else:
        # A copy, so that an app sees what was typed and the view itself stays as it was published.
        payload = payloads.in_view(workspace, user, {**view, "state": {"values": state}}, action)
    return outcome(await courier.deliver("interactive", payload))


async def suggest(courier: Courier, act: Click) -> JsonObject:
    """Ask the app what an external menu offers for ``value``, what somebody has typed so far."""
    workspace = courier.workspace
    user = acting(workspace, act.user_id)
    view = _view_of(workspace, act.user_id, act.view_id) if act.view_id else None
    source = view or visible_message(workspace, act.user_id, act.channel, act.ts)
    for block in source.get("blocks", []):
        for element in elements_of(block):
            if element.get("action_id") != act.action_id or element["type"] != "external_select":
                continue
            place = payloads.in_message if view is None else payloads.in_view
            asked = payloads.suggestion(
                place(workspace, user, source, {}), block, element, str(act.value or "")
            )
            return _offer(outcome(await courier.deliver("interactive", asked)))
    raise SlackError("action_not_found")


def _offer(result: JsonObject) -> JsonObject:
    response = result.get("response") or {}
    options = options_of(response)
    # An option that Slack would not show must not be shown here either.
    if result["ok"] and [*OFFER(options, "/options")]:
        return {"ok": False, "error": "invalid_options"}
    return result | {"options": options}


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


async def close_view(courier: Courier, user_id: str, view_id: str, *, everything: bool = False) -> JsonObject:
    """Close a modal, or with ``everything`` all that lie on top of each other, as the cross does.

    The app is told of each that asked for ``notify_on_close``.
    """
    workspace = courier.workspace
    user = acting(workspace, user_id)
    view = _view_of(workspace, user_id, view_id)
    cleared = everything or view["clear_on_close"]
    stack = workspace.stacks.get(user_id, [])
    closed = [workspace.views[key] for key in reversed(stack)] if cleared else [view]
    result: JsonObject = {"ok": True}
    for each in closed:
        api_views.pop(workspace, user_id, each["id"])
    for each in closed:
        if each["notify_on_close"]:
            told = payloads.closing(workspace, user, each, cleared=cleared)
            result = outcome(await courier.deliver("interactive", told))
    return result
