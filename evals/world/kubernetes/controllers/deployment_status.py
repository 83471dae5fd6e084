"""A Deployment's status: counters and the conditions Available, Progressing and ReplicaFailure.

After `pkg/controller/deployment/{sync,progress}.go`, wording included.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from evals.world.clock import rfc3339
from evals.world.kubernetes.controllers.conditions import drop_condition, find_condition, set_condition
from evals.world.kubernetes.controllers.pods import moment
from evals.world.kubernetes.controllers.rollout import Bounds
from evals.world.kubernetes.objects import JsonObject, copied, dig, name_of

_DEFAULT_DEADLINE = 600


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What the status is worked out from."""

    deployment: JsonObject
    sets: list[JsonObject]
    new: JsonObject | None
    bounds: Bounds
    now: datetime
    speed: float


def new_status(seen: Progress) -> JsonObject:
    """The complete new status."""
    before = seen.deployment.get("status") or {}
    status = _counters(seen, before)
    status["conditions"] = copied({"conditions": before.get("conditions") or []})["conditions"]
    _set_available(seen, status)
    _set_failure(seen, status)
    if not seen.deployment["spec"].get("paused"):
        _set_progressing(seen, status, before)
    return status


def _counters(seen: Progress, before: JsonObject) -> JsonObject:
    wanted = sum(int(each["spec"].get("replicas") or 0) for each in seen.sets)
    available = _sum(seen.sets, "availableReplicas")
    counters = {
        "replicas": _sum(seen.sets, "replicas"),
        "updatedReplicas": _sum([seen.new] if seen.new else [], "replicas"),
        "readyReplicas": _sum(seen.sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(wanted - available, 0),
        "collisionCount": before.get("collisionCount") or 0,
    }
    # The API leaves zero counters out (omitempty); so clients must cope with their absence.
    shown: JsonObject = {key: value for key, value in counters.items() if value}
    shown["observedGeneration"] = seen.deployment["metadata"]["generation"]
    return shown


def _sum(sets: list[JsonObject], field: str) -> int:
    return sum(int((each.get("status") or {}).get(field) or 0) for each in sets)


def _set_available(seen: Progress, status: JsonObject) -> None:
    enough = status.get("availableReplicas", 0) >= seen.bounds.fewest_available
    _put(
        seen,
        status,
        {
            "type": "Available",
            "status": "True" if enough else "False",
            "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
        },
    )


def _set_failure(seen: Progress, status: JsonObject) -> None:
    sets = [*([seen.new] if seen.new else []), *seen.sets]
    failures = [find_condition(each.get("status") or {}, "ReplicaFailure") for each in sets]
    failure = next((each for each in failures if each is not None), None)
    if failure is None:
        drop_condition(status, "ReplicaFailure")
        return
    _put(seen, status, {key: failure[key] for key in ("type", "status", "reason", "message")})


def _set_progressing(seen: Progress, status: JsonObject, before: JsonObject) -> None:
    current = find_condition(status, "Progressing")
    # Once a rollout is done its deadline no longer runs: a pod lost later is not a failed rollout.
    settled = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if settled and current is not None and current["reason"] == "NewReplicaSetAvailable":
        return
    name = f'ReplicaSet "{name_of(seen.new)}"' if seen.new else f'Deployment "{name_of(seen.deployment)}"'
    if _complete(seen, status):
        _progressing(seen, status, ("True", "NewReplicaSetAvailable", f"{name} has successfully progressed."))
    elif _moved(status, before):
        # Every sign of progress starts the deadline anew.
        drop_stale = current is not None and current["reason"] == "ReplicaSetUpdated"
        _progressing(seen, status, ("True", "ReplicaSetUpdated", f"{name} is progressing."), again=drop_stale)
    elif _timed_out(seen, current):
        text = f"{name} has timed out progressing."
        _progressing(seen, status, ("False", "ProgressDeadlineExceeded", text))


def _complete(seen: Progress, status: JsonObject) -> bool:
    counted = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(key, 0) == seen.bounds.replicas for key in counted)


def _moved(status: JsonObject, before: JsonObject) -> bool:
    def old_pods(of: JsonObject) -> int:
        return int(of.get("replicas", 0)) - int(of.get("updatedReplicas", 0))

    grew = any(
        status.get(key, 0) > before.get(key, 0)
        for key in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return grew or old_pods(status) < old_pods(before)


def _timed_out(seen: Progress, current: JsonObject | None) -> bool:
    if current is None or current["reason"] == "NewReplicaSetAvailable":
        return False
    if current["reason"] == "ProgressDeadlineExceeded":
        return True
    deadline = dig(seen.deployment, "spec", "progressDeadlineSeconds") or _DEFAULT_DEADLINE
    since = moment(current["lastUpdateTime"])
    return since + timedelta(seconds=deadline / seen.speed) < seen.now


def _progressing(
    seen: Progress, status: JsonObject, what: tuple[str, str, str], *, again: bool = False
) -> None:
    value, reason, message = what
    current = find_condition(status, "Progressing")
    if not again and current is not None and (current["status"], current["reason"]) == (value, reason):
        return
    _put(seen, status, {"type": "Progressing", "status": value, "reason": reason, "message": message})


def _put(seen: Progress, status: JsonObject, wanted: JsonObject) -> None:
    now = rfc3339(seen.now)
    current = find_condition(status, wanted["type"])
    same = current is not None and all(current.get(key) == wanted[key] for key in ("status", "reason"))
    if same and wanted["type"] != "Progressing":
        return
    set_condition(status, {**wanted, "lastUpdateTime": now}, now)
