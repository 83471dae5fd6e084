"""Which logs are worth reading: of containers that ended or are not ready, and of what the alert is about.

Each log costs a look of the budget, and replicas of one workload say the same: so one of each comes
first, and a well container is read only where an alert points at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agents.investigator.analyzers.fields import controller_of, dig, name_of, namespace_of
from agents.investigator.analyzers.objects import Objects
from agents.investigator.analyzers.snapshot import LogKey
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

MOST_WELL = 2
"""Logs of containers that are well: they may complain of others, and each costs a look."""


@dataclass(frozen=True, kw_only=True)
class WantedLog:
    """One container's log; ``runs`` are those that there are, True being the one before."""

    key: LogKey
    runs: tuple[bool, ...]

    @property
    def words(self) -> str:
        """Where it is, as people write it."""
        return "/".join(self.key)


def which_logs(
    inventory: Objects, near: Callable[[ObjectRef], bool] = lambda _: False
) -> tuple[WantedLog, ...]:
    """The logs to read, the most telling first. ``near`` says which pods the alerts are about."""
    ranked = [
        (*_rank(status, near=near(ref_of(pod))), _siblings(pod, status), _wanted(pod, status))
        for pod in inventory.objects("Pod")
        for status in statuses(pod)
        if _has_log(status) and (near(ref_of(pod)) or not _well(status))
    ]
    ranked.sort(key=lambda one: one[:2])
    ordered = tuple(_one_of_each_first(ranked))
    well = sum(1 for one in ranked if one[0])
    return ordered[: len(ordered) - max(0, well - MOST_WELL)]


def statuses(pod: JsonObject) -> list[JsonObject]:
    """The states of a pod's containers, those that ran before the others first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _has_log(status: JsonObject) -> bool:
    state = status.get("state") or {}
    return bool("running" in state or "terminated" in state or status.get("restartCount"))


def _well(status: JsonObject) -> bool:
    return "running" in (status.get("state") or {}) and _ready(status) and not status.get("restartCount")


def _ready(status: JsonObject) -> bool:
    return bool(status.get("ready"))


def _rank(status: JsonObject, *, near: bool) -> tuple[bool, bool]:
    """Sick before well, near before far; what ended as it should tells least."""
    finished = dig(status, "state", "terminated", "exitCode") == 0 and not status.get("restartCount")
    return finished or _well(status), not near


def _siblings(pod: JsonObject, status: JsonObject) -> tuple[str, str, str]:
    return namespace_of(pod), controller_of(pod).get("name") or name_of(pod), status.get("name") or ""


def _wanted(pod: JsonObject, status: JsonObject) -> WantedLog:
    before = bool(status.get("restartCount") or status.get("lastState"))
    key = (namespace_of(pod), name_of(pod), status.get("name") or "")
    return WantedLog(key=key, runs=(False, True) if before else (False,))


def _one_of_each_first(
    ranked: list[tuple[bool, bool, tuple[str, str, str], WantedLog]],
) -> Iterator[WantedLog]:
    """Of ten replicas that say the same, one before the other nine; the order of ranks stays."""
    seen: Counter[tuple[bool, bool, tuple[str, str, str]]] = Counter()
    turns = []
    for well, far, siblings, wanted in ranked:
        turns.append((well, far, seen[well, far, siblings], wanted))
        seen[well, far, siblings] += 1
    turns.sort(key=lambda one: one[:3])
    yield from (wanted for *_, wanted in turns)
