"""Web API methods that only read: ``auth.test``, ``conversations.*``, ``users.*``, ``usergroups.*``."""

from collections.abc import Sequence

from evals.world.slack.api_chat import own_channel, public
from evals.world.slack.people import ADA, FOREIGN_TEAM, direct_id
from evals.world.slack.state import Workspace
from evals.world.slack.wire import JsonObject, SlackError, flag, need, whole

_MADE = 1_767_225_600


def auth_test(workspace: Workspace, _arguments: JsonObject) -> JsonObject:
    """``auth.test``: who the token belongs to."""
    ours = workspace.credentials
    return {
        "url": f"{workspace.base_url}/",
        "team": ours.team_name,
        "user": ours.app_name.lower(),
        "team_id": ours.team_id,
        "user_id": ours.bot_user_id,
        "bot_id": ours.bot_id,
        "is_enterprise_install": False,
    }


def bot_info(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``bots.info``: which app a bot belongs to."""
    ours = workspace.credentials
    if arguments.get("bot") != ours.bot_id:
        raise SlackError("bot_not_found")
    return {"bot": {"id": ours.bot_id, "app_id": ours.app_id, "name": ours.app_name, "deleted": False}}


def _page(
    items: Sequence[JsonObject | str], arguments: JsonObject, default: int
) -> tuple[list[object], JsonObject]:
    """One page and its ``response_metadata``; the cursor is the offset of the next page."""
    limit = min(whole(arguments, "limit", default=default) or default, 1_000)
    # Slack's cursors are opaque; ours may be an offset because nothing is ever inserted in front.
    start = _cursor(arguments)
    following = str(start + limit) if start + limit < len(items) else ""
    return list(items[start : start + limit]), {"next_cursor": following}


def _cursor(arguments: JsonObject) -> int:
    raw = str(arguments.get("cursor") or "0")
    if not raw.isdecimal():
        raise SlackError("invalid_cursor")
    return int(raw)


def channel_list(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``conversations.list``: public channels, and with ``types=im`` the app's direct messages."""
    types = str(arguments.get("types") or "public_channel").split(",")
    channels = [
        entry.as_json(workspace.credentials)
        for entry in workspace.directory.channels.values()
        if ("im" if entry.partner else "public_channel") in types
    ]
    page, metadata = _page(channels, arguments, 100)
    return {"channels": page, "response_metadata": metadata}


def open_direct(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``conversations.open``: the direct message with one person of the workspace."""
    user_id = need(arguments, "users", "users_list_not_supplied")
    workspace.user(user_id)
    channel = workspace.directory.channels.get(direct_id(user_id))
    # Bots and partners have none with the app.
    if channel is None:
        raise SlackError("cannot_dm_bot")
    return {"channel": {"id": channel.channel_id}}


def channel_info(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``conversations.info``: one channel; ``num_members`` only when asked for."""
    channel = workspace.channel(need(arguments, "channel", "channel_not_found")).as_json(
        workspace.credentials
    )
    if not flag(arguments, "include_num_members"):
        del channel["num_members"]
    return {"channel": channel}


def channel_members(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``conversations.members``: user ids, people of connected workspaces included."""
    channel = workspace.channel(need(arguments, "channel", "channel_not_found"))
    page, metadata = _page(channel.members, arguments, 100)
    return {"members": page, "response_metadata": metadata}


def _within(messages: list[JsonObject], arguments: JsonObject) -> list[JsonObject]:
    # Compared as numbers: the ids have a fixed number of decimals but not of digits.
    oldest = str(arguments.get("oldest") or "0")
    latest = str(arguments.get("latest") or "9" * 20)
    edge = flag(arguments, "inclusive")
    found = []
    for message in messages:
        ts = float(message["ts"])
        inside = float(oldest) < ts < float(latest)
        if inside or (edge and ts in {float(oldest), float(latest)}):
            found.append(public(message, metadata=flag(arguments, "include_all_metadata")))
    return found


def channel_history(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``conversations.history``: top-level messages, newest first."""
    channel = own_channel(workspace, arguments)
    top = [
        m for m in workspace.messages[channel.channel_id].values() if m.get("thread_ts") in {None, m["ts"]}
    ]
    page, metadata = _page(_within(top, arguments)[::-1], arguments, 100)
    return {"messages": page, "has_more": bool(metadata["next_cursor"]), "response_metadata": metadata}


def thread_replies(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``conversations.replies``: the parent, then its replies, oldest first."""
    channel = own_channel(workspace, arguments)
    ts = need(arguments, "ts", "thread_not_found")
    if ts not in workspace.messages[channel.channel_id]:
        raise SlackError("thread_not_found")
    thread = [workspace.message(channel.channel_id, ts), *workspace.replies(channel.channel_id, ts)]
    page, metadata = _page(_within(thread, arguments), arguments, 1_000)
    return {"messages": page, "has_more": bool(metadata["next_cursor"]), "response_metadata": metadata}


def user_info(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``users.info``: the full object, also of deleted and foreign people."""
    return {"user": workspace.user(need(arguments, "user", "user_not_found"))}


def user_list(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``users.list``: everybody known to the workspace."""
    page, metadata = _page(list(workspace.directory.users.values()), arguments, 200)
    return {"members": page, "cache_ts": int(workspace.now()), "response_metadata": metadata}


def group_list(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``usergroups.list``: the groups, disabled ones when asked for; likewise members and their number."""
    directory, groups = workspace.directory, []
    for key in directory.groups:
        if key in directory.disabled and not flag(arguments, "include_disabled"):
            continue
        group, users = _group(workspace, key), _members(workspace, key)
        if flag(arguments, "include_users"):
            group["users"] = users
        if flag(arguments, "include_count"):
            group["user_count"] = len(users)
        groups.append(group)
    return {"usergroups": groups}


def _group(workspace: Workspace, key: str) -> JsonObject:
    """The usergroup object (https://docs.slack.dev/reference/objects/usergroup-object)."""
    directory = workspace.directory
    external, off = key in directory.external, key in directory.disabled
    return {
        "id": key,
        "team_id": FOREIGN_TEAM if external else workspace.credentials.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": directory.handle(key),
        "description": "",
        "handle": directory.handle(key),
        "is_external": external,
        "date_create": _MADE,
        "date_update": _MADE,
        "date_delete": _MADE if off else 0,
        "auto_type": None,
        "created_by": ADA,
        "updated_by": ADA,
        "deleted_by": ADA if off else None,
        "prefs": {"channels": [], "groups": []},
    }


def _members(workspace: Workspace, key: str) -> list[str]:
    # Whoever is deactivated is taken out of every group.
    users = workspace.directory.users
    return [one for one in workspace.directory.groups[key] if not users.get(one, {}).get("deleted")]


def group_users(workspace: Workspace, arguments: JsonObject) -> JsonObject:
    """``usergroups.users.list``: the members of one group, all at once.

    ``no_such_subteam`` when it is unknown, or disabled and those were not asked for.
    """
    group = need(arguments, "usergroup", "no_such_subteam")
    directory = workspace.directory
    hidden = group in directory.disabled and not flag(arguments, "include_disabled")
    if group not in directory.groups or hidden:
        raise SlackError("no_such_subteam")
    return {"users": _members(workspace, group)}
