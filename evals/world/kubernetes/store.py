"""The object store behind the API server: versions, conflicts, cascades, finalizers and the watch history.

Objects are plain dictionaries and are copied on the way in and out. What is stored is never changed in place,
so :meth:`Store.peek` may hand out the stored objects themselves to code that only reads.
"""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterator

from evals.world.clock import Clock, rfc3339
from evals.world.kubernetes.changes import (
    DeleteOptions,
    EventType,
    WatchEvent,
    WriteOptions,
    check_preconditions,
    check_versions,
)
from evals.world.kubernetes.errors import AlreadyExists, Forbidden, NotFound, details
from evals.world.kubernetes.history import History, Subscriber
from evals.world.kubernetes.identity import Identities
from evals.world.kubernetes.kinds import KINDS, Kind
from evals.world.kubernetes.managed import Writer, record_manager
from evals.world.kubernetes.objects import JsonObject, copied, meta, name_of, namespace_of
from evals.world.kubernetes.strategy import carried_over, prepared_for_create, spec_changed

Key = tuple[str, str, str]
"""(resource, namespace or empty, name)."""

_PERMANENT_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class Store:
    """Every object of the pretend cluster, safe to use from any thread.

    Subscribers are called in commit order, under the lock, by the thread that wrote; they may write in turn.
    """

    def __init__(self, clock: Clock, *, history: int = 20_000, seed: int | None = None) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self._objects: dict[str, dict[tuple[str, str], JsonObject]] = {name: {} for name in KINDS}
        self._dependents: dict[str, set[Key]] = {}
        self._living: set[str] = set()
        self._history = History(history)
        self._version = 0
        self._identities = Identities(seed)
        for name in _PERMANENT_NAMESPACES:
            self.create("namespaces", {"metadata": {"name": name}})

    @property
    def resource_version(self) -> int:
        """The version of the newest committed change."""
        with self.lock:
            return self._version

    def get(self, resource: str, namespace: str | None, name: str) -> JsonObject:
        """A copy of one object; raises NotFound."""
        with self.lock:
            return copied(self._stored(_kind(resource), namespace, name))

    def list(self, resource: str, namespace: str | None = None) -> builtins.list[JsonObject]:
        """Copies of every object of a resource, in one namespace or all, ordered by namespace and name."""
        return [copied(obj) for obj in self.peek(resource, namespace)]

    def peek(self, resource: str, namespace: str | None = None) -> builtins.list[JsonObject]:
        """The stored objects themselves, for reading only, ordered by namespace and name."""
        _kind(resource)
        with self.lock:
            found = self._objects[resource]
            keys = sorted(key for key in found if not namespace or key[0] == namespace)
            return [found[key] for key in keys]

    def create(self, resource: str, obj: JsonObject, options: WriteOptions | None = None) -> JsonObject:
        """Store a new object and return it complete; raises AlreadyExists, Invalid, or NotFound for
        its namespace.
        """
        kind, options = _kind(resource), options or WriteOptions()
        with self.lock:
            fresh = copied(obj)
            self._require_namespace(kind, fresh)
            head = meta(fresh)
            if not head.get("name") and head.get("generateName"):
                head["name"] = self._identities.name(str(head["generateName"]))
            fresh = prepared_for_create(kind, fresh, self._identities.uid())
            head = meta(fresh)
            if self._key(kind, fresh) in self._objects[resource]:
                raise AlreadyExists(
                    f'{kind.qualified} "{head["name"]}" already exists',
                    details(head["name"], kind.group, resource),
                )
            head["creationTimestamp"] = rfc3339(self.clock.now())
            if kind.generation:
                head["generation"] = 1
            record_manager(None, fresh, self._writer(options))
            if not options.dry_run:
                self._commit("ADDED", kind, fresh, None)
            return copied(fresh)

    def update(
        self, resource: str, obj: JsonObject, subresource: str = "", options: WriteOptions | None = None
    ) -> JsonObject:
        """Replace an object, its ``status`` or its ``scale``; raises Conflict when stale, Invalid, NotFound.

        A write that changes nothing is answered with the stored object: no new version, no event.
        """
        kind, options = _kind(resource), options or WriteOptions()
        with self.lock:
            old = self._stored(kind, namespace_of(obj), name_of(obj))
            check_versions(kind, old, meta(copied(obj)))
            new = carried_over(kind, old, copied(obj), subresource)
            # etcd would not be written either; controllers rely on it to come to rest.
            if _same(old, new):
                return copied(old)
            if subresource != "status" and kind.generation and spec_changed(kind, old, new):
                meta(new)["generation"] = int(meta(old).get("generation", 0)) + 1
            record_manager(old, new, self._writer(options, subresource))
            if options.dry_run:
                return copied(new)
            # The write that takes the last finalizer away is the one that deletes.
            if meta(new).get("deletionTimestamp") and not meta(new).get("finalizers"):
                self._remove(kind, new)
            else:
                self._commit("MODIFIED", kind, new, old)
            return copied(new)

    def delete(
        self, resource: str, namespace: str | None, name: str, options: DeleteOptions | None = None
    ) -> JsonObject:
        """Delete an object and what it owns; returns its last state. Raises NotFound, Conflict, Forbidden.

        An object with finalizers is only marked (deletionTimestamp) and goes with its last finalizer.
        """
        kind, options = _kind(resource), options or DeleteOptions()
        with self.lock:
            old = self._stored(kind, namespace, name)
            check_preconditions(kind, old, options)
            if resource == "namespaces" and name in _PERMANENT_NAMESPACES[:3]:
                raise Forbidden(
                    f'namespaces "{name}" is forbidden: this namespace may not be deleted',
                    details(name, "", "namespaces"),
                )
            if options.dry_run:
                return copied(old)
            # Before the owner goes, or the cascade would take what is to be kept.
            if options.propagation == "Orphan":
                self._orphan(str(meta(old).get("uid")))
            if meta(old).get("finalizers"):
                return self._mark_deleted(kind, old)
            self._remove(kind, old)
            return copied(old)

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call ``callback`` for every later change; returns the function that ends the subscription."""
        with self.lock:
            self._history.subscribe(callback)

        def unsubscribe() -> None:
            with self.lock:
                self._history.unsubscribe(callback)

        return unsubscribe

    def events_since(self, resource_version: int) -> builtins.list[WatchEvent]:
        """Every change after a version, oldest first; raises Expired (410) when the history is too short."""
        with self.lock:
            return self._history.since(resource_version)

    def compact(self) -> None:
        """Forget the watch history, as etcd does every five minutes: older resume points become 410."""
        with self.lock:
            self._history.forget()

    def _stored(self, kind: Kind, namespace: str | None, name: str) -> JsonObject:
        found = self._objects[kind.resource].get(((namespace or "") if kind.namespaced else "", name))
        if found is None:
            raise NotFound(f'{kind.qualified} "{name}" not found', details(name, kind.group, kind.resource))
        return found

    def _key(self, kind: Kind, obj: JsonObject) -> tuple[str, str]:
        return (namespace_of(obj) if kind.namespaced else "", name_of(obj))

    def _require_namespace(self, kind: Kind, obj: JsonObject) -> None:
        if not kind.namespaced:
            meta(obj).pop("namespace", None)
            return
        namespace = meta(obj).setdefault("namespace", "default")
        owner = self._stored(KINDS["namespaces"], None, namespace)
        if meta(owner).get("deletionTimestamp"):
            raise Forbidden(
                f'{kind.qualified} "{name_of(obj)}" is forbidden: unable to create new content in namespace '
                f"{namespace} because it is being terminated"
            )

    def _commit(self, event: EventType, kind: Kind, obj: JsonObject, old: JsonObject | None) -> None:
        self._version += 1
        meta(obj)["resourceVersion"] = str(self._version)
        place, key = self._objects[kind.resource], self._key(kind, obj)
        for uid in _owner_uids(old):
            self._dependents.get(uid, set()).discard((kind.resource, *key))
        if event == "DELETED":
            place.pop(key, None)
            self._living.discard(str(meta(obj).get("uid")))
        else:
            # Its own copy: the caller keeps the object it passed and may change it.
            place[key] = obj = copied(obj)
            self._living.add(str(meta(obj).get("uid")))
            for uid in _owner_uids(obj):
                self._dependents.setdefault(uid, set()).add((kind.resource, *key))
        change = WatchEvent(
            type=event, resource=kind.resource, object=obj, resource_version=self._version, previous=old
        )
        self._history.append(change)

    def _writer(self, options: WriteOptions, subresource: str = "") -> Writer:
        return Writer(manager=options.manager, at=rfc3339(self.clock.now()), subresource=subresource)

    def _mark_deleted(self, kind: Kind, old: JsonObject) -> JsonObject:
        new = copied(old)
        if not meta(new).get("deletionTimestamp"):
            meta(new)["deletionTimestamp"] = rfc3339(self.clock.now())
            meta(new)["deletionGracePeriodSeconds"] = 0
            self._commit("MODIFIED", kind, new, old)
        return copied(new)

    def _remove(self, kind: Kind, obj: JsonObject) -> None:
        if kind.resource == "namespaces":
            for key in tuple(self._contents(name_of(obj))):
                self._drop(key)
        last = copied(obj)
        self._commit("DELETED", kind, last, obj)
        uid = str(meta(last).get("uid"))
        # Sorted, so that the same delete is told to watchers in the same order every time.
        for key in sorted(self._dependents.pop(uid, ())):
            child = self._objects[key[0]].get(key[1:])
            if child is not None and not self._has_living_owner(child):
                self._drop(key)

    def _drop(self, key: Key) -> None:
        child = self._objects[key[0]].get(key[1:])
        if child is not None:
            self.delete(key[0], key[1], key[2])

    def _contents(self, namespace: str) -> Iterator[Key]:
        for resource, objects in self._objects.items():
            for place, name in tuple(objects):
                if place == namespace and KINDS[resource].namespaced:
                    yield (resource, place, name)

    def _has_living_owner(self, obj: JsonObject) -> bool:
        return not self._living.isdisjoint(_owner_uids(obj))

    def _orphan(self, uid: str) -> None:
        for resource, namespace, name in sorted(self._dependents.pop(uid, set())):
            child = self.get(resource, namespace, name)
            meta(child)["ownerReferences"] = [
                ref for ref in meta(child).get("ownerReferences", []) if ref.get("uid") != uid
            ]
            self.update(resource, child)


def _kind(resource: str) -> Kind:
    if resource not in KINDS:
        raise NotFound("the server could not find the requested resource")
    return KINDS[resource]


def _owner_uids(obj: JsonObject | None) -> list[str]:
    if obj is None:
        return []
    return [str(ref.get("uid")) for ref in meta(obj).get("ownerReferences") or []]


def _same(old: JsonObject, new: JsonObject) -> bool:
    return {**old, "metadata": _unmanaged(old)} == {**new, "metadata": _unmanaged(new)}


def _unmanaged(obj: JsonObject) -> JsonObject:
    return {key: value for key, value in meta(obj).items() if key not in ("managedFields", "resourceVersion")}
