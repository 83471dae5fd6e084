"""The reading verbs: get and list, scale and logs."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import orjson

from evals.world.kubernetes.call import Answer, Call, number
from evals.world.kubernetes.errors import BadRequest, NotFound, Timeout
from evals.world.kubernetes.logs import LogSource, pod_log
from evals.world.kubernetes.objects import JsonObject, labels_of, name_of, namespace_of
from evals.world.kubernetes.representation import many, one
from evals.world.kubernetes.scale import scale_of
from evals.world.kubernetes.selectors import LabelTest, ObjectTest, SelectorError, parse_fields, parse_labels
from evals.world.kubernetes.store import Store


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which objects of a resource a list or watch is about."""

    namespace: str
    labels: LabelTest
    fields: ObjectTest

    def includes(self, obj: JsonObject) -> bool:
        """Whether an object is one of them."""
        if self.namespace and namespace_of(obj) != self.namespace:
            return False
        return self.labels(labels_of(obj)) and self.fields(obj)


def selection_of(call: Call) -> Selection:
    """The selection a request describes; raises BadRequest on a selector that makes no sense."""
    fields = call.query.get("fieldSelector", "")
    if call.target.name:
        fields = ",".join(filter(None, (fields, f"metadata.name={call.target.name}")))
    try:
        return Selection(
            namespace=call.target.namespace if call.kind.namespaced else "",
            labels=parse_labels(call.query.get("labelSelector", "")),
            fields=parse_fields(fields, call.kind.resource),
        )
    except SelectorError as error:
        raise BadRequest(str(error)) from error


class Reader:
    """Answers get and list from the store."""

    def __init__(self, store: Store, logs: LogSource) -> None:
        self._store = store
        self._logs = logs

    def get(self, call: Call) -> Answer:
        """One object, its scale, or its log."""
        kind, target = call.kind, call.target
        now = self._store.clock.now()
        found = self._store.get(kind.resource, target.namespace, target.name)
        if target.subresource == "scale" and kind.scale:
            return Answer(body=scale_of(found))
        if target.subresource == "log" and kind.resource == "pods":
            return Answer(body=pod_log(self._logs, found, call.query, now))
        if target.subresource and not (target.subresource == "status" and kind.status):
            raise NotFound("the server could not find the requested resource", {})
        return Answer(body=one(kind, found, call.form, now))

    def list(self, call: Call) -> Answer:
        """The selected objects, ordered by namespace and name, in pages when ``limit`` is given."""
        selection, limit = selection_of(call), number(call, "limit")
        # Version and items of one moment, or a watch from that version would miss a change.
        with self._store.lock:
            version = self._store.resource_version
            items = self._store.peek(call.kind.resource, selection.namespace or None)
        if number(call, "resourceVersion") > version:
            wanted = call.query["resourceVersion"]
            raise Timeout(
                f"Too large resource version: {wanted}, current: {version}", {"retryAfterSeconds": 1}
            )
        chosen = [obj for obj in items if selection.includes(obj)]
        page, rest = _page(chosen, call.query.get("continue", ""), limit)
        answer = many(call.kind, page, call.form, self._store.clock.now())
        answer["metadata"]["resourceVersion"] = str(version)
        if rest:
            answer["metadata"]["continue"] = _token(page[-1], version)
            answer["metadata"]["remainingItemCount"] = rest
        return Answer(body=answer)


def _page(items: list[JsonObject], token: str, limit: int) -> tuple[list[JsonObject], int]:
    """The page after ``token`` and how many objects follow it."""
    if token:
        start = _start(token)
        # By key and not by position: objects may come and go between two pages.
        items = [obj for obj in items if (namespace_of(obj), name_of(obj)) > start]
    if not limit or len(items) <= limit:
        return items, 0
    return items[:limit], len(items) - limit


def _token(last: JsonObject, version: int) -> str:
    body = {"v": "meta.k8s.io/v1", "rv": version, "start": f"{namespace_of(last)}/{name_of(last)}\0"}
    return base64.urlsafe_b64encode(orjson.dumps(body)).decode().rstrip("=")


def _start(token: str) -> tuple[str, str]:
    try:
        start = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))["start"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"continue key is not valid: {error}") from error
    namespace, _, name = str(start).rstrip("\0").partition("/")
    return namespace, name
