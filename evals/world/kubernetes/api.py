"""The ASGI application: authentication, authorization, faults, and dispatch to the verbs."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from evals.world.kubernetes.call import Answer, Call
from evals.world.kubernetes.control import PREFIX, control
from evals.world.kubernetes.discovery import discovery, version_info
from evals.world.kubernetes.effects import Effects
from evals.world.kubernetes.errors import ApiError, Forbidden, MethodNotAllowed, NotFound, Unauthorized
from evals.world.kubernetes.faults import Asked, Fault, Faults
from evals.world.kubernetes.logs import LogSource
from evals.world.kubernetes.openapi import openapi
from evals.world.kubernetes.paths import Target, parse_path, verb_of
from evals.world.kubernetes.rbac import User
from evals.world.kubernetes.reading import Reader
from evals.world.kubernetes.representation import negotiate
from evals.world.kubernetes.reviews import REVIEWS, review
from evals.world.kubernetes.served import served
from evals.world.kubernetes.store import Store
from evals.world.kubernetes.trouble import injected
from evals.world.kubernetes.watching import Watches
from evals.world.kubernetes.writing import Writer
from evals.world.wire import cut

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_READING = ("get", "list", "watch")
_HEALTH = ("/healthz", "/livez", "/readyz")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the application is made of."""

    store: Store
    logs: LogSource
    users: tuple[User, ...]
    effects: Effects
    faults: Faults
    version: str
    bookmark_seconds: float


class KubernetesApp:
    """One API server as an ASGI application."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        reader, writer = Reader(parts.store, parts.logs), Writer(parts.store, parts.effects)
        self.watches = Watches(parts.store, parts.bookmark_seconds)
        self._verbs: dict[str, Callable[[Call], Answer]] = {
            "get": reader.get,
            "list": reader.list,
            "create": writer.create,
            "update": writer.update,
            "patch": writer.patch,
            "delete": writer.delete,
            "deletecollection": writer.deletecollection,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every refusal becomes a Status body."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ApiError as error:
            response = _refusal(error)
        if response is not None:
            await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response | None:
        path, accept = request.url.path, request.headers.get("accept", "")
        # Before any credential: load balancers and kubelets ask without one.
        if path in _HEALTH:
            return Response("ok", media_type="text/plain")
        if path in ("/version", "/version/"):
            return _json(version_info(self._parts.version))
        user = self._user(request)
        # The world's own controls hang behind the same tokens, so that a reader cannot break things.
        if path.startswith(PREFIX):
            user.require(Target(group="", resource="world").asks("update"))
            books = (self._parts.effects, self._parts.faults)
            return _answered(control(request.method, path, await request.body(), books))
        if (target := parse_path(path)) is None:
            return self._document(request, path, accept)
        return await self._resource(request, user, target)

    def _document(self, request: Request, path: str, accept: str) -> Response:
        # Discovery is open to every authenticated user: clients cannot build a path without it.
        kinds = served(self._parts.store)
        found = discovery(path, accept, request.url.netloc, kinds)
        if found is None and path.startswith("/openapi/v3"):
            document = openapi(path, self._parts.version, kinds)
            found = None if document is None else (document, "application/json")
        if found is None or request.method != "GET":
            raise NotFound("the server could not find the requested resource", {})
        return _json(found[0], content_type=found[1])

    async def _resource(self, request: Request, user: User, target: Target) -> Response | None:
        query = request.query_params
        verb = verb_of(request.method, target, query.get("watch", "") in ("true", "1"))
        # Rights come before existence: who may not look is not told what there is.
        user.require(target.asks(verb))
        if target.kind is not None and target.kind.custom and target.kind not in served(self._parts.store):
            raise NotFound("the server could not find the requested resource", {})
        call = Call(
            user=user,
            verb=verb,
            target=target,
            form=negotiate(request.headers.get("accept", ""), query.get("includeObject", "")),
            query=query,
            headers=request.headers,
            body=await request.body(),
        )
        asked = _asked(call)
        if verb not in _READING and not asked.dry_run:
            self._parts.effects.ask(call.body)
        fault = self._parts.faults.take(asked)
        if fault is None:
            return self._act(call)
        return await self._act_in_trouble(request, call, fault)

    async def _act_in_trouble(self, request: Request, call: Call, fault: Fault) -> Response | None:
        # Not under the store's lock: one slow answer must not slow the others down.
        await asyncio.sleep(fault.delay)
        if fault.reset == "before":
            await cut(request.scope)
            return None
        if fault.status is not None and not fault.after_commit:
            raise injected(fault.status)
        # From here on the change is committed, whatever the client hears.
        response = self._act(call)
        if fault.reset == "after":
            await cut(request.scope)
            return None
        if fault.status is not None:
            raise injected(fault.status)
        return response

    def _act(self, call: Call) -> Response:
        if call.verb not in call.kind.verbs:
            raise MethodNotAllowed("the server does not allow this method on the requested resource", {})
        if call.verb == "watch":
            selection, lasting = self.watches.prepare(call)
            return StreamingResponse(
                self.watches.stream(call, selection, lasting), media_type="application/json"
            )
        if call.kind.resource in REVIEWS:
            return _answered(review(call))
        return _answered(self._verbs[call.verb](call))

    def _user(self, request: Request) -> User:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = None
        if scheme.lower() == "bearer":
            for user in self._parts.users:
                # Every token is compared, so that timing tells nothing about which one is close.
                if hmac.compare_digest(user.token.encode(), token.strip().encode()):
                    found = user
        if found is None:
            raise Unauthorized("Unauthorized")
        # `kubectl auth can-i --as` asks this way; it needs a right of its own, as on a real server.
        impersonated = request.headers.get("impersonate-user")
        return found if impersonated is None else self._impersonated(found, impersonated)

    def _impersonated(self, user: User, name: str) -> User:
        user.require(Target(group="", resource="users", name=name).asks("impersonate"))
        other = next((each for each in self._parts.users if each.name == name), None)
        if other is None:
            raise Forbidden(f'User "{name}" is not known to this server')
        return other


def _asked(call: Call) -> Asked:
    target = call.target
    return Asked(
        user=call.user.name,
        verb=call.verb,
        resource=target.resource,
        subresource=target.subresource,
        namespace=target.namespace,
        name=target.name,
        dry_run=call.query.get("dryRun") == "All" or b'"dryRun"' in call.body,
    )


def _answered(answer: Answer) -> Response:
    if isinstance(answer.body, str):
        return Response(answer.body, answer.status, media_type="text/plain")
    response = _json(answer.body, answer.status)
    for warning in answer.warnings:
        # RFC 7234 warn-text is a quoted string; client-go drops a header that does not parse.
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.append("Warning", f'299 - "{quoted}"')
    return response


def _refusal(error: ApiError) -> Response:
    response = _json(error.status(), error.code)
    # client-go waits by the header, people read the body: both must say the same.
    retry = (error.details or {}).get("retryAfterSeconds")
    if retry:
        response.headers["Retry-After"] = str(retry)
    return response


def _json(body: Any, status: int = 200, content_type: str = "application/json") -> Response:
    return Response(orjson.dumps(body), status, headers={"Content-Type": content_type})
