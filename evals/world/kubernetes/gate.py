"""Where a write meets the admission policies: with the object as it would be stored, before it is stored."""

from __future__ import annotations

from dataclasses import replace

from evals.world.kubernetes.call import Call
from evals.world.kubernetes.changes import DeleteOptions
from evals.world.kubernetes.objects import JsonObject, name_of
from evals.world.kubernetes.policies import Attempt, admit, concerns
from evals.world.kubernetes.scale import scale_of
from evals.world.kubernetes.store import Store


class Gate:
    """Lets a write pass, with the warnings of policies that only warn, or raises the ApiError of one that
    denies. All under the store's lock, so that what is judged is what is written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def creation(self, call: Call, sent: JsonObject) -> list[str]:
        """Before an object is created: with its defaults, its uid and all, as a real server shows it."""
        if not concerns(self._store, call.kind):
            return []
        rehearsed = replace(call.write_options, dry_run=True)
        made = self._store.create(call.kind.resource, sent, rehearsed)
        return self._judged(replace(_attempt(call, "CREATE"), new=made, name=name_of(made)))

    def eviction(self, call: Call, eviction: JsonObject, options: DeleteOptions) -> list[str]:
        """Before a pod is evicted: what is created there is the Eviction."""
        return self._judged(replace(_attempt(call, "CREATE"), new=eviction, dry_run=options.dry_run))

    def change(self, call: Call, wanted: JsonObject) -> list[str]:
        """Before an object, its status or its scale is replaced."""
        kind, target = call.kind, call.target
        if not concerns(self._store, kind):
            return []
        rehearsed = replace(call.write_options, dry_run=True)
        old = self._store.get(kind.resource, target.namespace, target.name)
        new = self._store.update(kind.resource, wanted, target.subresource, rehearsed)
        if target.subresource == "scale":
            old, new = scale_of(old), scale_of(new)
        return self._judged(replace(_attempt(call, "UPDATE"), new=new, old=old))

    def deletion(self, call: Call, obj: JsonObject, options: DeleteOptions) -> list[str]:
        """Before an object is deleted."""
        attempt = replace(_attempt(call, "DELETE"), old=obj, name=name_of(obj))
        return self._judged(replace(attempt, dry_run=options.dry_run))

    def _judged(self, attempt: Attempt) -> list[str]:
        return list(admit(self._store, attempt)) if concerns(self._store, attempt.kind) else []


def _attempt(call: Call, operation: str) -> Attempt:
    return Attempt(
        user=call.user,
        operation=operation,
        kind=call.kind,
        namespace=call.target.namespace if call.kind.namespaced else "",
        name=call.target.name,
        subresource=call.target.subresource,
        dry_run=call.dry_run,
    )
