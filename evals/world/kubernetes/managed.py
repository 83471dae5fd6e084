"""``metadata.managedFields``: who last wrote which field, and when."""

from __future__ import annotations

from dataclasses import dataclass

from evals.world.kubernetes.objects import JsonObject, meta

_SYSTEM = {"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Who writes (no name: nothing is recorded), when (RFC 3339), and through which subresource."""

    manager: str
    at: str
    subresource: str = ""


def record_manager(old: JsonObject | None, new: JsonObject, writer: Writer) -> None:
    """Write into ``new`` that ``writer`` changed the fields in which it differs from ``old``."""
    manager, at, subresource = writer.manager, writer.at, writer.subresource
    head = meta(new)
    entries = list(meta(old).get("managedFields") or []) if old is not None else []
    head.pop("managedFields", None)
    changed = _difference({} if old is None else old, new)
    # Controllers without a name leave no entry, so fixtures stay readable.
    if manager and changed:
        entry = next((each for each in entries if _is(each, manager, subresource)), None)
        before = entry["fieldsV1"] if entry else {}
        entries = [each for each in entries if each is not entry]
        fresh: JsonObject = {
            "manager": manager,
            "operation": "Update",
            "apiVersion": new.get("apiVersion", "v1"),
            "time": at,
            "fieldsType": "FieldsV1",
            "fieldsV1": _merged(before, changed),
        }
        if subresource:
            fresh["subresource"] = subresource
        entries.append(fresh)
    if entries:
        head["managedFields"] = entries


def _is(entry: JsonObject, manager: str, subresource: str) -> bool:
    return entry.get("manager") == manager and entry.get("subresource", "") == subresource


def _difference(old: JsonObject, new: JsonObject) -> JsonObject:
    """The changed fields as a FieldsV1 tree; lists count as one field."""
    found: JsonObject = {}
    for key, value in new.items():
        if key in _SYSTEM or key in ("apiVersion", "kind") or old.get(key) == value:
            continue
        before = old.get(key)
        nested = (
            _difference(before if isinstance(before, dict) else {}, value) if isinstance(value, dict) else {}
        )
        found[f"f:{key}"] = nested
    found.pop("f:name", None)
    found.pop("f:namespace", None)
    return {key: value for key, value in found.items() if not (key == "f:metadata" and not value)}


def _merged(one: JsonObject, other: JsonObject) -> JsonObject:
    result = dict(one)
    for key, value in other.items():
        result[key] = _merged(result.get(key) or {}, value)
    return result
