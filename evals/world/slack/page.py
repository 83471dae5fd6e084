"""The page a person looks at, and the small JSON driver behind it that programs use as well.

The driver answers 200 with ``ok: true``; 400 with ``ok: false`` and ``error`` when Slack's client would not
let the person do it; and 200 with ``ok: false`` when the app did not respond or refused a form.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from evals.world.slack import interact, talk
from evals.world.slack.api_chat import public
from evals.world.slack.courier import Courier
from evals.world.slack.people import Channel
from evals.world.slack.state import Workspace
from evals.world.slack.wire import JsonObject, SlackError

STATIC: Final = Path(__file__).parent / "static"
# Nothing may be loaded from elsewhere, whatever a message says.
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_SHOWN_MESSAGES: Final = 300
_LONGEST_POLL_S: Final = 20.0

Act = Callable[[JsonObject], Awaitable[JsonObject]]


@dataclass
class Page:
    """Handlers of ``/page`` and ``/page/api``."""

    workspace: Workspace
    courier: Courier

    async def shell(self, _request: Request) -> Response:
        """The page itself: the same for everybody; the script fills it."""
        return _asset("slack.html")

    async def asset(self, request: Request) -> Response:
        """The page's own script, styles and icon."""
        return _asset(request.path_params["name"])

    async def permalink(self, request: Request) -> Response:
        """``/archives/C…/p…``: open the page at that message."""
        channel, digits = request.path_params["channel"], request.path_params["stamp"]
        thread = request.query_params.get("thread_ts")
        ts = f"{digits[1:-6]}.{digits[-6:]}"
        return RedirectResponse(f"/page?channel={channel}&ts={ts}" + (f"&thread={thread}" if thread else ""))

    async def state(self, request: Request) -> Response:
        """What one person sees. With ``after`` and ``wait`` (seconds) it answers once something is newer."""
        query = request.query_params
        try:
            wait = min(float(query.get("wait", 0)), _LONGEST_POLL_S)
            after = int(query.get("after", -1))
            if wait > 0 and not self.workspace.closing:
                await self.workspace.wait_beyond(after, wait)
            return JSONResponse(self.seen_by(query.get("user", "")))
        except ValueError:
            return JSONResponse({"ok": False, "error": "invalid_arguments"}, 400)
        except SlackError as err:
            return JSONResponse(err.body(), 400)

    def seen_by(self, user_id: str) -> JsonObject:
        """The whole visible workspace of one person; ``user_not_found`` when there is no such person."""
        space = self.workspace
        me = space.user(user_id)
        channels = [c for c in space.directory.channels.values() if user_id in c.members]
        return {
            "ok": True,
            "version": space.version,
            "team": {"id": space.credentials.team_id, "name": space.credentials.team_name},
            "app": {"name": space.credentials.app_name, "user": space.credentials.bot_user_id},
            "mode": self.courier.mode,
            "connections": len(self.courier.hub.connections),
            "me": me,
            "users": list(space.directory.users.values()),
            "groups": {key: space.directory.handle(key) for key in space.directory.groups},
            "oncall": self._on_call(),
            "channels": [self._channel(channel, user_id) for channel in channels if not channel.partner],
            "directs": [self._channel(channel, user_id) for channel in channels if channel.partner],
            "writable": "im:history" in space.options.scopes,
            "latest": space.latest_ts,
            "views": [space.views[view_id] for view_id in space.stacks.get(user_id, [])],
            "home": space.homes.get(user_id),
        }

    def _on_call(self) -> list[str]:
        """Everybody who can be called by a group."""
        directory = self.workspace.directory
        called = (users for key, users in directory.groups.items() if key not in directory.disabled)
        return sorted({user for users in called for user in users})

    def _channel(self, channel: Channel, user_id: str) -> JsonObject:
        posted = list(self.workspace.messages[channel.channel_id].values())[-_SHOWN_MESSAGES:]
        notes = [
            n for n in self.workspace.ephemerals if n["for"] == user_id and n["channel"] == channel.channel_id
        ]
        # Notes have ids of the same series, so they stand where they were said.
        both = sorted([*posted, *notes], key=lambda message: float(message["ts"]))
        return {
            "id": channel.channel_id,
            "name": channel.name,
            "topic": channel.topic,
            "shared": channel.shared,
            "members": channel.members,
            "messages": [public(message) for message in both],
        }

    async def events(self, _request: Request) -> Response:
        """Server-sent events: the version number, each time it rises."""
        return StreamingResponse(self._versions(), media_type="text/event-stream", headers=_HEADERS)

    async def _versions(self) -> AsyncIterator[str]:
        last = -1
        while not self.workspace.closing:
            current = self.workspace.version
            if current > last:
                yield f"data: {current}\n\n"
            else:
                # A comment line keeps proxies and browsers from giving up on a quiet stream.
                yield ": quiet\n\n"
            last = current
            await self.workspace.wait_beyond(last, 15.0)

    async def act(self, request: Request) -> Response:
        """One thing a person does, by name."""
        act = self._acts().get(request.path_params["act"])
        if act is None:
            return JSONResponse({"ok": False, "error": "unknown_act"}, 404)
        # A JSON content type makes a browser ask first, so no other site can click for the person.
        if not request.headers.get("content-type", "").startswith("application/json"):
            return JSONResponse({"ok": False, "error": "json_expected"}, 415)
        try:
            return JSONResponse(await act(await request.json()))
        except SlackError as err:
            return JSONResponse(err.body(), 400)
        # Whatever is missing or of another type in the JSON of an act.
        except (KeyError, TypeError, ValueError):
            return JSONResponse({"ok": False, "error": "invalid_arguments"}, 400)

    def _acts(self) -> dict[str, Act]:
        courier = self.courier
        return {
            "click": lambda a: interact.click(courier, _click(a)),
            "suggest": lambda a: interact.suggest(courier, _click(a)),
            "submit": lambda a: interact.submit(courier, a["user"], a["view_id"], a.get("values", {})),
            "close_view": lambda a: interact.close_view(
                courier, a["user"], a["view_id"], everything=a.get("everything") is True
            ),
            "say": lambda a: talk.say(courier, _said(a)),
            "slash": lambda a: talk.slash(courier, _said(a)),
            "open_home": lambda a: talk.open_home(courier, a["user"]),
            "react": lambda a: talk.toggle_reaction(courier, a["user"], a, str(a["name"])),
        }


def _click(asked: JsonObject) -> interact.Click:
    return interact.Click(
        user_id=asked["user"],
        action_id=asked["action_id"],
        channel=asked.get("channel", ""),
        ts=asked.get("ts", ""),
        view_id=asked.get("view_id", ""),
        value=asked.get("value"),
        confirmed=asked.get("confirmed") is True,
        values=asked.get("values") or {},
    )


def _said(asked: JsonObject) -> talk.Said:
    return talk.Said(
        user_id=asked["user"],
        channel=asked["channel"],
        text=str(asked["text"]),
        thread_ts=str(asked.get("thread_ts") or ""),
    )


def _asset(name: str) -> Response:
    path = STATIC / name
    if "/" in name or path.suffix not in _KINDS or not path.is_file():
        return Response("no such file", 404, media_type="text/plain")
    return Response(path.read_bytes(), media_type=_KINDS[path.suffix], headers=_HEADERS)
