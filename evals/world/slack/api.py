"""The Web API's front: who calls, with which rights, how often, and which method answers."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from evals.world.slack import api_chat, api_files, api_read, api_views
from evals.world.slack.courier import Courier
from evals.world.slack.faults import BrokenError, Fault, refuse
from evals.world.slack.journal import Call
from evals.world.slack.limiter import Limiter
from evals.world.slack.state import Workspace
from evals.world.slack.talk import respond
from evals.world.slack.wire import JsonObject, RateLimitedError, SlackError, read_arguments
from evals.world.wire import cut

Method = Callable[[Workspace, JsonObject], JsonObject]

# Method name: (what answers, the scope it needs or None). https://docs.slack.dev/reference/methods
METHODS: Final[dict[str, tuple[Method, str | None]]] = {
    "auth.test": (api_read.auth_test, None),
    "bots.info": (api_read.bot_info, "users:read"),
    "chat.postMessage": (api_chat.post_message, "chat:write"),
    "chat.update": (api_chat.update, "chat:write"),
    "chat.delete": (api_chat.delete, "chat:write"),
    "chat.postEphemeral": (api_chat.post_ephemeral, "chat:write"),
    "chat.getPermalink": (api_chat.permalink, None),
    "conversations.list": (api_read.channel_list, "channels:read"),
    "conversations.info": (api_read.channel_info, "channels:read"),
    "conversations.members": (api_read.channel_members, "channels:read"),
    "conversations.history": (api_read.channel_history, "channels:history"),
    "conversations.replies": (api_read.thread_replies, "channels:history"),
    "conversations.open": (api_read.open_direct, "im:write"),
    "users.info": (api_read.user_info, "users:read"),
    "users.list": (api_read.user_list, "users:read"),
    "usergroups.list": (api_read.group_list, "usergroups:read"),
    "usergroups.users.list": (api_read.group_users, "usergroups:read"),
    "views.open": (api_views.open_view, None),
    "views.push": (api_views.push_view, None),
    "views.update": (api_views.update_view, None),
    "views.publish": (api_views.publish_view, None),
    "files.getUploadURLExternal": (api_files.get_upload_url, "files:write"),
    "files.completeUploadExternal": (api_files.complete_upload, "files:write"),
    "reactions.add": (api_chat.add_reaction, "reactions:write"),
}


@dataclass
class WebApi:
    """Answers ``/api/<method>`` and the upload, file and ``response_url`` addresses."""

    workspace: Workspace
    courier: Courier

    def __post_init__(self) -> None:
        self.limiter = Limiter(self.workspace.options)

    async def call(self, request: Request) -> Response:
        """One Web API call: 200 with ``ok`` true or false, or 429 with ``Retry-After``, or what was asked for
        to go wrong."""
        method = request.path_params["method"]
        fault = self.workspace.faults.take(method)
        await asyncio.sleep(fault.delay_s)
        if fault.hold is not None:
            await asyncio.to_thread(fault.hold.until_let_go)
        if fault.lost != "question":
            answer = await self._call(method, request, fault)
            if not fault.lost:
                return answer
        await cut(request.scope)
        # Nobody is there any more to read it.
        return Response(status_code=499)

    async def _call(self, method: str, request: Request, fault: Fault) -> Response:
        arguments: JsonObject = {}
        try:
            arguments = await read_arguments(request)
            token = _token(request, arguments)
            refuse(fault)
            answer = {"ok": True, **self._answer(method, token, arguments)}
        except RateLimitedError as err:
            self._note(method, arguments, (429, err.code))
            return JSONResponse(err.body(), 429, {"Retry-After": str(err.retry_after)})
        except BrokenError as err:
            self._note(method, arguments, (err.status, err.code))
            return PlainTextResponse("upstream connect error", err.status)
        except SlackError as err:
            self._note(method, arguments, (200, err.code))
            return self._json(err.body())
        self._note(method, arguments, (200, None))
        return self._json(answer)

    def _json(self, body: JsonObject) -> Response:
        return JSONResponse(body, headers={"x-oauth-scopes": ",".join(sorted(self.workspace.options.scopes))})

    def _note(self, method: str, arguments: JsonObject, result: tuple[int, str | None]) -> None:
        # A copy, so that the journal keeps what was sent even when the message is later changed.
        sent = json.loads(json.dumps(arguments, default=str))
        at = self.workspace.now()
        call = Call(method=method, arguments=sent, status=result[0], error=result[1], at=at)
        self.workspace.journal.called(call)

    def _answer(self, method: str, token: str, arguments: JsonObject) -> JsonObject:
        ours = self.workspace.credentials
        # A stranger learns nothing else, not even whether the method exists.
        if token not in {ours.bot_token, ours.app_token}:
            raise SlackError("invalid_auth" if token else "not_authed")
        if method == "apps.connections.open":
            if token != ours.app_token:
                raise SlackError("not_allowed_token_type")
            return {"url": self.courier.hub.ticket(self.workspace.base_url)}
        if method not in METHODS:
            raise SlackError("unknown_method", req_method=method)
        if token != ours.bot_token:
            raise SlackError("not_allowed_token_type")
        handler, scope = METHODS[method]
        scopes = self.workspace.options.scopes
        if scope is not None and scope not in scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(scopes)))
        # Counted before the content is looked at: a refused post costs a turn as well.
        self.limiter.count(method, arguments)
        return handler(self.workspace, arguments)

    async def upload(self, request: Request) -> Response:
        """The bytes of a file, raw or as the only part of a form."""
        body = await request.body()
        if request.headers.get("content-type", "").startswith("multipart/"):
            return PlainTextResponse("raw bytes expected", 415)
        if not api_files.receive(self.workspace, request.path_params["file_id"], body):
            return PlainTextResponse("no such upload, or another length than announced", 400)
        return PlainTextResponse(f"OK - {len(body)}")

    async def download(self, request: Request) -> Response:
        """A shared file: pictures as such, all else as plain text, so that no browser runs it."""
        body = self.workspace.contents.get(request.path_params["file_id"])
        if body is None:
            return PlainTextResponse("no such file", 404)
        kind = api_files.kind_of(body)
        safe = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
        return Response(body, media_type=kind.mimetype if kind.picture else "text/plain", headers=safe)

    async def response_url(self, request: Request) -> Response:
        """A ``response_url`` being used: answer in place, to the person or in the channel."""
        arguments = await read_arguments(request)
        target = self.workspace.response_targets.get(request.path_params["token"])
        self._note("response_url", arguments, (200 if target else 404, None if target else "expired_url"))
        if target is None:
            return JSONResponse({"ok": False, "error": "expired_url"}, 404)
        stored = self.workspace.messages[target.channel_id].get(target.ts)
        if arguments.get("delete_original") and stored is not None:
            del self.workspace.messages[target.channel_id][target.ts]
            self.workspace.changed()
        elif arguments.get("replace_original") and stored is not None:
            stored |= api_chat.content(arguments)
            self.workspace.changed()
        else:
            respond(self.workspace, self.workspace.channel(target.channel_id), target.user_id, arguments)
        return PlainTextResponse("ok")


def _token(request: Request, arguments: JsonObject) -> str:
    """The token, taken out of the arguments so that no journal ever holds it."""
    given = str(arguments.pop("token", ""))
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value if scheme.lower() == "bearer" else given
