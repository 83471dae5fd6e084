"""Built-in admission that must look at more than the object itself."""

from __future__ import annotations

from evals.world.kubernetes.errors import Forbidden, NotFound, details
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, dig, name_of
from evals.world.kubernetes.store import Store


def admit(store: Store, kind: Kind, old: JsonObject, new: JsonObject) -> None:
    """Raise Forbidden when an update of a spec is against a rule of a built-in plugin."""
    if kind.resource == "persistentvolumeclaims":
        _resize(store, old, new)


def _resize(store: Store, old: JsonObject, new: JsonObject) -> None:
    """PersistentVolumeClaimResize: the storage class decides whether a claim may ask for more."""
    storage = ("spec", "resources", "requests", "storage")
    if dig(old, *storage) == dig(new, *storage):
        return
    try:
        held = store.get("storageclasses", None, str(dig(old, "spec", "storageClassName") or ""))
        allowed = held.get("allowVolumeExpansion") is True
    except NotFound:
        allowed = False
    if not allowed:
        name = name_of(new)
        raise Forbidden(
            f'persistentvolumeclaims "{name}" is forbidden: only dynamically provisioned pvc can be resized '
            "and the storageclass that provisions the pvc must support resize",
            details(name, "", "persistentvolumeclaims"),
        )
