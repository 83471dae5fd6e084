"""One bounded look at a namespace: what was read, what was asked, and what could not be read.

A failed read is recorded, never taken for "nothing there". Sensitive parts are dropped at this
door: values of env variables, last-applied annotations, the values of Secrets and ConfigMaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, kw_only=True)
class Query:
    """One list that was asked for: its kind, where, the URL path, and how many came back."""

    kind: str
    namespace: str
    path: str
    count: int
    ok: bool
    problem: str = ""
    truncated: bool = False


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """A frozen snapshot. Objects carry their ``kind``; lists keep the server's order."""

    by_kind: dict[str, tuple[JsonObject, ...]] = field(default_factory=dict)
    queries: tuple[Query, ...] = ()

    def objects(self, kind: str) -> tuple[JsonObject, ...]:
        """Every object of this kind that was read."""
        return self.by_kind.get(kind, ())

    def find(self, ref: ObjectRef) -> JsonObject | None:
        """The object with this kind, namespace and name, or None when it was not read."""
        return next((obj for obj in self.objects(ref.kind) if ref_of(obj).key == ref.key), None)

    @property
    def not_checked(self) -> tuple[str, ...]:
        """One sentence per read that failed or was cut short."""
        failed = [
            f"{q.kind} in {q.namespace or 'the cluster'}: {q.problem}" for q in self.queries if not q.ok
        ]
        cut = [f"{q.kind}: only the first {q.count} were read" for q in self.queries if q.truncated]
        return tuple(failed + cut)

    @classmethod
    def of_list(cls, content: JsonObject) -> Inventory:
        """An inventory from a Kubernetes ``List`` (as ``kubectl get -o json`` writes it)."""
        by_kind: dict[str, list[JsonObject]] = {}
        for obj in content.get("items", []):
            by_kind.setdefault(obj["kind"], []).append(cleaned(obj))
        return cls(by_kind={kind: tuple(objects) for kind, objects in by_kind.items()})


def cleaned(obj: JsonObject) -> JsonObject:
    """The object without what must not be kept: values that may be secret, and bulk.

    ``managedFields`` shrink to who, when and how: that is what "who changed it" needs.
    """
    meta = dict(obj.get("metadata", {}))
    if LAST_APPLIED in (meta.get("annotations") or {}):
        # The key stays: a patch must know that there is an annotations map it may not replace.
        meta["annotations"] = {**meta["annotations"], LAST_APPLIED: "(dropped)"}
    meta["managedFields"] = [
        {key: entry[key] for key in ("manager", "operation", "time", "subresource") if key in entry}
        for entry in meta.get("managedFields") or []
    ]
    kept = {**obj, "metadata": meta}
    if obj.get("kind") in {"Secret", "ConfigMap"}:
        keys = sorted({*(obj.get("data") or {}), *(obj.get("binaryData") or {})})
        kept = {key: kept[key] for key in ("kind", "apiVersion", "metadata") if key in kept} | {"keys": keys}
    return _without_env_values(kept) if "spec" in kept else kept


def _without_env_values(obj: JsonObject) -> JsonObject:
    spec = obj["spec"] or {}
    if "containers" in spec:
        return {**obj, "spec": _pod_spec(spec)}
    template = spec.get("template")
    if isinstance(template, dict) and "spec" in template:
        inner = {**template, "spec": _pod_spec(template["spec"] or {})}
        return {**obj, "spec": {**spec, "template": inner}}
    return obj


def _pod_spec(spec: JsonObject) -> JsonObject:
    lists: JsonObject = {
        key: [_container(container) for container in spec[key] or []]
        for key in ("containers", "initContainers", "ephemeralContainers")
        if key in spec
    }
    return {**spec, **lists}


def _container(container: JsonObject) -> JsonObject:
    env = [{k: v for k, v in entry.items() if k != "value"} for entry in container.get("env") or []]
    return {**container, "env": env} if env else container


def lines(obj: JsonObject) -> Iterator[str]:
    """The object as ``kind place /pointer = value`` lines, values literal: evidence to quote from."""
    name = str(ref_of(obj))
    for pointer, value in _leaves(obj, ""):
        if not pointer.startswith(("/metadata/managedFields", "/kind", "/apiVersion")):
            yield f"{name} {pointer} = {value}"


def _leaves(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        yield pointer, value
        return
    for key, inner in items:
        yield from _leaves(inner, f"{pointer}/{key}")
