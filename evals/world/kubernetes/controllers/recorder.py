"""Events as the components of a cluster record them: the same thing said again raises a count.

The identity of an event is that of client-go's EventLogger: source, object, field path, type, reason and
message.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from evals.world.clock import rfc3339
from evals.world.kubernetes.errors import NotFound
from evals.world.kubernetes.objects import JsonObject, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store

EVENT_TTL = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Note:
    """What is to be said about an object. `at` is the store's present when left out; `count` adds that
    many.
    """

    reason: str
    message: str
    warning: bool = False
    at: datetime | None = None
    count: int = 1
    field_path: str = ""


class Recorder:
    """Writes the events of one component (`deployment-controller`, `kubelet` with its host, …)."""

    def __init__(self, store: Store, component: str, host: str = "") -> None:
        self._store = store
        self._component = component
        self._host = host

    def record(self, about: JsonObject, note: Note) -> None:
        """Say `note` about an object: a new event, or one more occurrence of an old one."""
        when = rfc3339(note.at or self._store.clock.now())
        involved = _reference(about, note.field_path)
        # Events about cluster-scoped objects live in `default`, as client-go puts them.
        namespace = namespace_of(about) or "default"
        name = f"{name_of(about)}.{self._digest(involved, note)}"
        try:
            known = self._store.get("events", namespace, name)
        except NotFound:
            # Nobody reads events of a namespace that is gone; client-go's recorder drops them as well.
            with contextlib.suppress(NotFound):
                self._store.create("events", self._fresh((namespace, name), (involved, note), when))
            return
        known["count"] = int(known["count"]) + note.count
        known["lastTimestamp"] = max(when, known["lastTimestamp"])
        # The reference carries a resourceVersion, and the newest is the useful one.
        known["involvedObject"] = involved
        self._store.update("events", known)

    def record_once(self, about: JsonObject, note: Note) -> None:
        """Say it unless it stands there already: a refusal that comes again at every tick is no news.

        Real controllers back off, up to minutes; ours look all the time and would never come to rest.
        """
        namespace = namespace_of(about) or "default"
        name = f"{name_of(about)}.{self._digest(_reference(about, note.field_path), note)}"
        try:
            self._store.get("events", namespace, name)
        except NotFound:
            self.record(about, note)

    def _digest(self, involved: JsonObject, note: Note) -> str:
        parts = (
            self._component,
            self._host,
            involved.get("uid", ""),
            note.field_path,
            note.reason,
            note.message,
        )
        return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]

    def _fresh(self, where: tuple[str, str], what: tuple[JsonObject, Note], when: str) -> JsonObject:
        involved, note = what
        return {
            "metadata": {"namespace": where[0], "name": where[1]},
            "involvedObject": involved,
            "reason": note.reason,
            "message": note.message,
            "type": "Warning" if note.warning else "Normal",
            "source": {"component": self._component, **({"host": self._host} if self._host else {})},
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": note.count,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }


def forget_old_events(store: Store) -> None:
    """Drop events not seen for an hour, as the API server's `--event-ttl` does."""
    oldest = rfc3339(store.clock.now() - EVENT_TTL)
    for event in store.peek("events"):
        last = event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]
        if last < oldest:
            store.delete("events", namespace_of(event), name_of(event))


def _reference(obj: JsonObject, field_path: str) -> JsonObject:
    head = meta(obj)
    reference = {
        "kind": obj["kind"],
        "apiVersion": obj["apiVersion"],
        "namespace": head.get("namespace"),
        "name": head.get("name"),
        "uid": head.get("uid"),
        "resourceVersion": head.get("resourceVersion"),
        "fieldPath": field_path or None,
    }
    return {key: value for key, value in reference.items() if value is not None}
