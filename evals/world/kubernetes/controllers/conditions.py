"""Status conditions: one entry per type, whose transition time moves only when its status does."""

from __future__ import annotations

from evals.world.kubernetes.objects import JsonObject


def find_condition(status: JsonObject, kind: str) -> JsonObject | None:
    """The condition of this type, or None."""
    return next((each for each in status.get("conditions") or [] if each["type"] == kind), None)


def set_condition(status: JsonObject, wanted: JsonObject, now: str) -> None:
    """Put `wanted` (type, status, reason, message) into `status`, stamped `now` (RFC 3339) where it
    changed.
    """
    known = find_condition(status, wanted["type"])
    if known is not None and all(known.get(key) == value for key, value in wanted.items()):
        return
    entry = {**wanted, "lastTransitionTime": now}
    if known is not None and known["status"] == wanted["status"]:
        entry["lastTransitionTime"] = known["lastTransitionTime"]
    others = [each for each in status.get("conditions") or [] if each["type"] != wanted["type"]]
    status["conditions"] = [*others, entry]


def drop_condition(status: JsonObject, kind: str) -> None:
    """Remove the condition of this type, if there is one."""
    if find_condition(status, kind) is not None:
        status["conditions"] = [each for each in status["conditions"] if each["type"] != kind]
