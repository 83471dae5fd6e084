"""Small helpers for Kubernetes objects as plain JSON dictionaries."""

from __future__ import annotations

from typing import Any

import orjson

JsonObject = dict[str, Any]
"""A JSON object as it crosses the wire. The one place where this package admits untyped data."""


def copied(value: JsonObject) -> JsonObject:
    """A deep copy that shares nothing with ``value``; a JSON round trip is ten times faster than deepcopy."""
    result: JsonObject = orjson.loads(orjson.dumps(value))
    return result


def meta(obj: JsonObject) -> JsonObject:
    """The object's metadata, created when it is missing."""
    found = obj.setdefault("metadata", {})
    if not isinstance(found, dict):
        found = obj["metadata"] = {}
    return found


def name_of(obj: JsonObject) -> str:
    """``metadata.name`` or an empty string."""
    return str((obj.get("metadata") or {}).get("name") or "")


def namespace_of(obj: JsonObject) -> str:
    """``metadata.namespace`` or an empty string."""
    return str((obj.get("metadata") or {}).get("namespace") or "")


def labels_of(obj: JsonObject) -> dict[str, str]:
    """``metadata.labels`` or an empty dictionary."""
    return (obj.get("metadata") or {}).get("labels") or {}


def dig(obj: object, *path: str) -> Any:
    """The value at ``path`` inside nested dictionaries, or None when any step is missing."""
    for step in path:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(step)
    return obj
