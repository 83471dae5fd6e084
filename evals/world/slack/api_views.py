"""Web API methods for modals and the App Home: ``views.open``, ``push``, ``update``, ``publish``."""

import secrets

from evals.world.slack.blocks import checked_view
from evals.world.slack.state import MAX_STACK, Workspace, new_id
from evals.world.slack.wire import JsonObject, SlackError, need


def _stored(workspace: Workspace, raw: object, kind: str) -> JsonObject:
    """A validated view with everything Slack adds to it; wrong kind is ``invalid_arguments``."""
    view = checked_view(raw)
    if view["type"] != kind:
        raise SlackError("invalid_arguments")
    ours = workspace.credentials
    view_id = new_id("V")
    blank = {"private_metadata": "", "callback_id": "", "external_id": "", "title": None, "submit": None}
    flags = {"close": None, "clear_on_close": False, "notify_on_close": False, "submit_disabled": False}
    ids = {"id": view_id, "team_id": ours.team_id, "app_id": ours.app_id, "bot_id": ours.bot_id}
    links = {"root_view_id": view_id, "previous_view_id": None, "app_installed_team_id": ours.team_id}
    return {**blank, **flags, **view, **ids, **links, "state": {"values": {}}, "hash": _hash(workspace)}


def _hash(workspace: Workspace) -> str:
    return f"{int(workspace.now())}.{secrets.token_hex(4)}"


def _place(workspace: Workspace, user_id: str, view: JsonObject) -> JsonObject:
    if view["external_id"] and any(v["external_id"] == view["external_id"] for v in workspace.views.values()):
        raise SlackError("duplicate_external_id")
    workspace.views[view["id"]] = view
    workspace.stacks.setdefault(user_id, []).append(view["id"])
    workspace.changed()
    return view


def open_view(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``views.open``: a first modal for the person of the trigger id; their older modals go."""
    # The view is checked before the trigger is spent, so a refused view can be corrected in time.
    view = _stored(workspace, arguments.get("view"), "modal")
    user_id = workspace.use_trigger(need(arguments, "trigger_id"))
    # views.open replaces what is open; only views.push stacks.
    clear(workspace, user_id)
    return {"view": _place(workspace, user_id, view)}


def push_view(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``views.push``: a modal on top; more than three is ``push_limit_reached``."""
    view = _stored(workspace, arguments.get("view"), "modal")
    user_id = workspace.use_trigger(need(arguments, "trigger_id"))
    return {"view": push_for(workspace, user_id, view)}


def push_for(workspace: Workspace, user_id: str, view: JsonObject) -> JsonObject:
    """Put a stored view on a person's stack."""
    stack = workspace.stacks.get(user_id, [])
    if len(stack) >= MAX_STACK:
        raise SlackError("push_limit_reached")
    if stack:
        view |= {"previous_view_id": stack[-1], "root_view_id": stack[0]}
    return _place(workspace, user_id, view)


def push_response(workspace: Workspace, user_id: str, raw: object) -> None:
    """``response_action: push`` of a submission."""
    push_for(workspace, user_id, _stored(workspace, raw, "modal"))


def replace(workspace: Workspace, view_id: str, raw: object) -> JsonObject:
    """Put new content into an open view: same id, new hash, ``state`` emptied."""
    old = workspace.views.get(view_id)
    if old is None:
        raise SlackError("not_found")
    fresh = _stored(workspace, raw, old["type"])
    kept = {name: old[name] for name in ("id", "root_view_id", "previous_view_id")}
    # In place, so that the person's stack and the store keep pointing at the same view.
    old.clear()
    old |= fresh | kept
    workspace.changed()
    return old


def update_view(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``views.update`` by ``view_id`` or ``external_id``; a stale ``hash`` is ``hash_conflict``."""
    view_id = str(arguments.get("view_id") or "")
    if external_id := arguments.get("external_id"):
        view_id = next((key for key, v in workspace.views.items() if v["external_id"] == external_id), "")
    view = workspace.views.get(view_id)
    if view is None:
        raise SlackError("not_found")
    if arguments.get("hash") not in {None, "", view["hash"]}:
        raise SlackError("hash_conflict")
    return {"view": replace(workspace, view_id, arguments.get("view"))}


def publish_view(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``views.publish``: a person's App Home."""
    user_id = need(arguments, "user_id")
    workspace.user(user_id)
    old = workspace.homes.get(user_id)
    if old is not None and arguments.get("hash") not in {None, "", old["hash"]}:
        raise SlackError("hash_conflict")
    view = _stored(workspace, arguments.get("view"), "home")
    # A person has one home; publishing again is an update of it.
    view["id"] = view["root_view_id"] = old["id"] if old else view["id"]
    workspace.homes[user_id] = view
    workspace.changed()
    return {"view": view}


def pop(workspace: Workspace, user_id: str, view_id: str) -> None:
    """Close one view of a person."""
    stack = workspace.stacks.get(user_id, [])
    if view_id in stack:
        stack.remove(view_id)
    workspace.views.pop(view_id, None)
    workspace.changed()


def clear(workspace: Workspace, user_id: str) -> None:
    """Close all views of a person."""
    for view_id in workspace.stacks.pop(user_id, []):
        workspace.views.pop(view_id, None)
    workspace.changed()
