"""The watch verb: a stream of JSON lines, one a change, that can be resumed where it broke off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from evals.world.kubernetes.call import Call, number
from evals.world.kubernetes.changes import WatchEvent
from evals.world.kubernetes.errors import ApiError, FieldCause, invalid
from evals.world.kubernetes.objects import JsonObject
from evals.world.kubernetes.reading import Selection, selection_of
from evals.world.kubernetes.representation import one
from evals.world.kubernetes.store import Store

# Without timeoutSeconds a real server ends a watch after 30 to 60 minutes.
_LONGEST = 1800.0


@dataclass(frozen=True, kw_only=True)
class _Line:
    type: str
    object: JsonObject


class Watches:
    """Every open watch of one server."""

    def __init__(self, store: Store, bookmark_seconds: float) -> None:
        self._store = store
        self._bookmark_seconds = bookmark_seconds

    def prepare(self, call: Call) -> tuple[Selection, float]:
        """The selection and the seconds a watch may last; raises what is wrong with the request."""
        if call.flag("sendInitialEvents"):
            message = (
                "Forbidden: sendInitialEvents is forbidden for watch "
                "unless the WatchList feature gate is enabled"
            )
            cause = FieldCause(field="sendInitialEvents", message=message, reason="FieldValueForbidden")
            raise invalid(("ListOptions", "meta.k8s.io", ""), [cause])
        number(call, "resourceVersion")
        return selection_of(call), float(number(call, "timeoutSeconds") or _LONGEST)

    async def stream(self, call: Call, selection: Selection, lasting: float) -> AsyncIterator[bytes]:
        """The lines of one watch until its time is up or the connection ends."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        ends = loop.time() + lasting

        def forward(event: WatchEvent) -> None:
            # Called by the writing thread under the store's lock: only hand over, never work.
            if event.resource == call.kind.resource:
                loop.call_soon_threadsafe(queue.put_nowait, event)

        # Snapshot and subscription are one step, so that no change is missed or told twice.
        with self._store.lock:
            try:
                known, past = self._beginning(call, selection)
            except ApiError as error:
                yield _encoded(_Line(type="ERROR", object=error.status()))
                return
            unsubscribe = self._store.subscribe(forward)
        try:
            for line in (*known, *past):
                yield self._rendered(call, line)
            async for line in self._following(call, selection, queue, ends):
                yield self._rendered(call, line)
        finally:
            unsubscribe()

    def _beginning(self, call: Call, selection: Selection) -> tuple[list[_Line], list[_Line]]:
        start = number(call, "resourceVersion")
        resource = call.kind.resource
        if not start:
            items = self._store.peek(resource, selection.namespace or None)
            return [_Line(type="ADDED", object=obj) for obj in items if selection.includes(obj)], []
        events = [each for each in self._store.events_since(start) if each.resource == resource]
        return [], [line for each in events if (line := _seen(each, selection)) is not None]

    async def _following(
        self, call: Call, selection: Selection, queue: asyncio.Queue[WatchEvent], ends: float
    ) -> AsyncIterator[_Line]:
        loop, start = asyncio.get_running_loop(), number(call, "resourceVersion")
        bookmarks = call.flag("allowWatchBookmarks")
        while (left := ends - loop.time()) > 0:
            try:
                event = await asyncio.wait_for(queue.get(), min(left, self._bookmark_seconds))
            except TimeoutError:
                if bookmarks:
                    yield self._bookmark(call)
                continue
            # A client may ask to start in the future; what lies before is not for it.
            if event.resource_version > start and (line := _seen(event, selection)) is not None:
                yield line

    def _bookmark(self, call: Call) -> _Line:
        marker = {"resourceVersion": str(self._store.resource_version), "creationTimestamp": None}
        kind = call.kind
        return _Line(
            type="BOOKMARK", object={"kind": kind.kind, "apiVersion": kind.api_version, "metadata": marker}
        )

    def _rendered(self, call: Call, line: _Line) -> bytes:
        if line.type == "BOOKMARK":
            return _encoded(line)
        shown = one(call.kind, line.object, call.form, self._store.clock.now())
        return _encoded(_Line(type=line.type, object=shown))


def _seen(event: WatchEvent, selection: Selection) -> _Line | None:
    """The change as somebody sees it who knows only the selection: leaving it is a DELETED, entering
    an ADDED.
    """
    now = event.type != "DELETED" and selection.includes(event.object)
    before = event.previous is not None and selection.includes(event.previous)
    if event.type == "ADDED":
        return _Line(type="ADDED", object=event.object) if now else None
    if event.type == "DELETED" or not now:
        return _Line(type="DELETED", object=event.object) if before else None
    return _Line(type="MODIFIED" if before else "ADDED", object=event.object)


def _encoded(line: _Line) -> bytes:
    return orjson.dumps({"type": line.type, "object": line.object}) + b"\n"
