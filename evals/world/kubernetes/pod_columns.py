"""How a pod's state is put into the few words ``kubectl get pods`` shows (printPod in the real server)."""

from __future__ import annotations

from datetime import datetime

from evals.world.kubernetes.objects import JsonObject, dig, meta


def ago(stamp: object, now: datetime) -> str:
    """The time since an RFC 3339 stamp as kubectl writes it: ``45s``, ``3m12s``, ``5d3h``.

    A stamp a second ahead counts as now: two machines never have quite the same time.
    """
    if not isinstance(stamp, str):
        return "<unknown>"
    seconds = int((now - datetime.fromisoformat(stamp)).total_seconds())
    if seconds < -1:
        return "<invalid>"
    return _human(max(seconds, 0))


def _human(seconds: int) -> str:
    """duration.HumanDuration of apimachinery.

    Finer near its beginning: whether a pod is two or three minutes old matters, with days it does not.
    """
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    steps = (
        (seconds < 120, f"{seconds}s"),
        (minutes < 10, f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"),
        (hours < 3, f"{minutes}m"),
        (hours < 8, f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"),
        (hours < 48, f"{hours}h"),
        (days < 8, f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"),
        (days < 730, f"{days}d"),
    )
    return next((text for fits, text in steps if fits), f"{days // 365}y")


def pod_ready(pod: JsonObject) -> str:
    """Ready containers of all containers, ``1/2``."""
    states = dig(pod, "status", "containerStatuses") or []
    return f"{sum(bool(each.get('ready')) for each in states)}/{len(dig(pod, 'spec', 'containers') or [])}"


def pod_restarts(pod: JsonObject, now: datetime) -> str:
    """The sum of restarts, and when the last one was: ``3 (2m ago)``."""
    states = dig(pod, "status", "containerStatuses") or []
    count = sum(int(each.get("restartCount") or 0) for each in states)
    ended = [dig(each, "lastState", "terminated", "finishedAt") for each in states]
    last = max((stamp for stamp in ended if stamp), default=None)
    return f"{count} ({ago(last, now)} ago)" if count and last else str(count)


def pod_status(pod: JsonObject) -> str:
    """The one word that says how a pod is: a phase, or the reason of the container that explains it."""
    if meta(pod).get("deletionTimestamp"):
        return "Terminating"
    status = pod.get("status") or {}
    if waiting := _init_reason(pod):
        return waiting
    word = str(status.get("reason") or status.get("phase") or "Unknown")
    running = False
    for each in reversed(status.get("containerStatuses") or []):
        state = each.get("state") or {}
        waits, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waits.get("reason"):
            word = str(waits["reason"])
        elif ended:
            word = _ended(ended)
        elif each.get("ready") and "running" in state:
            running = True
    if word == "Completed" and running:
        return "Running" if _is_ready(status) else "NotReady"
    return word


def _init_reason(pod: JsonObject) -> str:
    states = dig(pod, "status", "initContainerStatuses") or []
    total = len(dig(pod, "spec", "initContainers") or [])
    for index, each in enumerate(states):
        state = each.get("state") or {}
        ended, waits = state.get("terminated"), state.get("waiting") or {}
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if ended is not None:
            return f"Init:{_ended(ended)}"
        if waits.get("reason") and waits["reason"] != "PodInitializing":
            return f"Init:{waits['reason']}"
        return f"Init:{index}/{total}"
    return ""


def _ended(terminated: JsonObject) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _is_ready(status: JsonObject) -> bool:
    conditions = status.get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
