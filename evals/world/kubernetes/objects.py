"""Small helpers for Kubernetes objects as plain JSON dictionaries."""

from __future__ import annotations

from typing import Any

import orjson
import yaml

JsonObject = dict[str, Any]
"""A JSON object as it crosses the wire. The one place where this package admits untyped data."""

# Both are safe loaders; the one in C is six times faster and not built everywhere.
YAML_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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


def put(obj: JsonObject, pointer: str, value: object) -> None:
    """Set the field at a JSON Pointer, making what is missing above it; None takes the field away."""
    *above, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    place: Any = obj
    for part in above:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    if isinstance(place, list):
        place[int(last)] = value
    elif value is None:
        place.pop(last, None)
    else:
        place[last] = value
