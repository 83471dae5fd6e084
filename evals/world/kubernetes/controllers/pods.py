"""Questions every controller asks about pods and owners."""

from __future__ import annotations

from datetime import datetime, timedelta

from evals.world.kubernetes.controllers.conditions import find_condition
from evals.world.kubernetes.objects import JsonObject, dig, labels_of, meta


def moment(text: str) -> datetime:
    """An RFC 3339 timestamp of the API as an aware datetime."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def controller_of(obj: JsonObject) -> JsonObject | None:
    """The owner reference marked as controller, or None."""
    return next((ref for ref in meta(obj).get("ownerReferences") or [] if ref.get("controller")), None)


def owned_by(obj: JsonObject, owner: JsonObject) -> bool:
    """Whether `owner` controls `obj` (by uid)."""
    ref = controller_of(obj)
    return ref is not None and ref["uid"] == meta(owner)["uid"]


def owner_reference(owner: JsonObject) -> JsonObject:
    """The reference a controlled object carries."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta(owner)["name"],
        "uid": meta(owner)["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def selected(selector: JsonObject, labels: dict[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels and matchExpressions) picks these labels; an empty one picks
    all.
    """
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(each, labels) for each in selector.get("matchExpressions") or [])


def is_active(pod: JsonObject) -> bool:
    """Not finished and not being deleted: the pods a ReplicaSet counts."""
    return dig(pod, "status", "phase") not in ("Succeeded", "Failed") and not meta(pod).get(
        "deletionTimestamp"
    )


def is_ready(pod: JsonObject) -> bool:
    """Condition Ready is True."""
    condition = find_condition(pod.get("status") or {}, "Ready")
    return condition is not None and condition["status"] == "True"


def is_available(pod: JsonObject, min_ready: timedelta, now: datetime) -> bool:
    """Ready for at least `min_ready`."""
    condition = find_condition(pod.get("status") or {}, "Ready")
    if condition is None or condition["status"] != "True":
        return False
    return not min_ready or moment(condition["lastTransitionTime"]) + min_ready <= now


def matching(pods: list[JsonObject], selector: dict[str, str]) -> list[JsonObject]:
    """The pods a Service selector (plain equality) picks."""
    return [pod for pod in pods if all(labels_of(pod).get(key) == value for key, value in selector.items())]


def _expression(expression: JsonObject, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
