"""Strategic merge patch: lists of objects merge by the key their type declares (patchMergeKey in the
Go structs).
"""

from __future__ import annotations

from typing import Any

from evals.world.kubernetes.errors import BadRequest, InternalError
from evals.world.kubernetes.objects import JsonObject

_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "resourceClaims": "name",
    "conditions": "type",
    "ownerReferences": "uid",
    "taints": "key",
    "addresses": "type",
    "podIPs": "ip",
    "secrets": "name",
    "webhooks": "name",
}
_SETS = ("finalizers",)


def strategic_merge(target: JsonObject, patch: JsonObject, at: tuple[str, ...] = ()) -> JsonObject:
    """``target``, changed in place, after a strategic merge patch. Raises BadRequest or InternalError."""
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    if "$retainKeys" in patch:
        for key in [key for key in target if key not in patch["$retainKeys"]]:
            del target[key]
    for key, value in patch.items():
        if key.startswith("$"):
            _directive(target, key, value, patch)
        elif value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            before = target.get(key)
            target[key] = strategic_merge(before if isinstance(before, dict) else {}, value, (*at, key))
        elif isinstance(value, list):
            target[key] = _merged_list(target.get(key) or [], value, (*at, key))
            _reorder(target, key, patch.get(f"$setElementOrder/{key}"), at)
        else:
            target[key] = value
    return target


def merge_key(path: tuple[str, ...]) -> str | None:
    """The key by which the list at ``path`` merges, or None when the list is replaced as a whole."""
    field = path[-1]
    if field != "ports":
        return _MERGE_KEYS.get(field)
    if any(step in ("containers", "initContainers") for step in path):
        return "containerPort"
    return "port" if path == ("spec", "ports") else None


def _directive(target: JsonObject, key: str, value: Any, patch: JsonObject) -> None:
    if key.startswith("$deleteFromPrimitiveList/"):
        field = key.split("/", 1)[1]
        target[field] = [item for item in target.get(field) or [] if item not in value]
    elif key.startswith("$setElementOrder/"):
        field = key.split("/", 1)[1]
        if field not in patch:
            _reorder(target, field, value, ())
    elif key not in ("$patch", "$retainKeys"):
        raise BadRequest(f"unknown strategic merge directive: {key}")


def _merged_list(before: list[Any], patch: list[Any], path: tuple[str, ...]) -> list[Any]:
    if path[-1] in _SETS:
        return [*before, *(item for item in patch if item not in before)]
    key = merge_key(path)
    if key is None or not all(isinstance(item, dict) for item in patch):
        return patch
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    result = list(before)
    for item in patch:
        if key not in item:
            raise InternalError(f"map: {_go_map(item)} does not contain declared merge key: {key}")
        found = next((n for n, each in enumerate(result) if each.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [each for each in result if each.get(key) != item[key]]
        elif found is None:
            result.append(strategic_merge({}, item, path))
        else:
            result[found] = strategic_merge(dict(result[found]), item, path)
    return result


def _reorder(target: JsonObject, field: str, order: Any, at: tuple[str, ...]) -> None:
    """Put a merged list into the order the client asks for; elements it does not name keep their place
    at the end.
    """
    items = target.get(field)
    if not isinstance(order, list) or not isinstance(items, list):
        return
    key = merge_key((*at, field))
    wanted = [each.get(key) if isinstance(each, dict) else each for each in order]

    def place(item: Any) -> int:
        value = item.get(key) if isinstance(item, dict) else item
        return wanted.index(value) if value in wanted else len(wanted)

    # sorted() is stable: elements the client does not name keep their order among themselves.
    target[field] = sorted(items, key=place)


def _go_map(item: JsonObject) -> str:
    return "map[" + " ".join(f"{key}:{value}" for key, value in sorted(item.items())) + "]"
