"""The arithmetic of a rollout, without objects: how many pods each ReplicaSet may have next.

Port of the rules in `pkg/controller/deployment/{rolling,sync,util}`: never more than `replicas + surge`
pods,
never fewer available than `replicas - unavailable`, unhealthy old pods go first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Size:
    """One ReplicaSet: pods asked for and pods available."""

    name: str
    wanted: int
    available: int = 0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Replicas of the Deployment and how far a rollout may stray from it, resolved to whole pods."""

    replicas: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        """Pods that may exist at once."""
        return self.replicas + self.surge

    @property
    def fewest_available(self) -> int:
        """Available pods that must remain."""
        return self.replicas - self.unavailable


def resolved(value: int | str, replicas: int, *, up: bool) -> int:
    """An absolute number or a percentage of `replicas`; surge rounds up, unavailable down (intstr)."""
    if isinstance(value, str) and value.endswith("%"):
        share = replicas * int(value[:-1]) / 100
        return math.ceil(share) if up else math.floor(share)
    return int(value)


def bounds(replicas: int, surge: int | str, unavailable: int | str) -> Bounds:
    """Bounds of a rolling update; with both at zero one pod may be missing, or nothing could ever move."""
    above = resolved(surge, replicas, up=True)
    below = min(resolved(unavailable, replicas, up=False), replicas)
    if above == 0 and below == 0:
        below = min(1, replicas)
    return Bounds(replicas=replicas, surge=above, unavailable=below)


def next_new_size(limits: Bounds, new: Size, old: list[Size]) -> int:
    """How many pods the new ReplicaSet may ask for now."""
    if new.wanted >= limits.replicas:
        return limits.replicas
    room = limits.most - new.wanted - sum(each.wanted for each in old)
    return new.wanted + max(0, min(room, limits.replicas - new.wanted))


def next_old_sizes(limits: Bounds, new: Size, old: list[Size]) -> list[Size]:
    """The old ReplicaSets, oldest first, after as many pods as may go now have gone."""
    total = new.wanted + sum(each.wanted for each in old)
    missing_new = new.wanted - new.available
    may_go = total - limits.fewest_available - missing_new
    if may_go <= 0:
        return old
    # Pods that do not serve anyway cost nothing to remove; they also free room for the new ones.
    cleaned = []
    for each in old:
        sick = min(may_go, each.wanted - min(each.available, each.wanted))
        may_go -= sick
        cleaned.append(replace(each, wanted=each.wanted - sick))
    spare = (
        new.available + sum(min(each.available, each.wanted) for each in cleaned) - limits.fewest_available
    )
    shrunk = []
    for each in cleaned:
        gone = max(0, min(spare, each.wanted))
        spare -= gone
        shrunk.append(replace(each, wanted=each.wanted - gone))
    return shrunk


def proportional(limits: Bounds, before: int, sizes: list[Size]) -> list[Size]:
    """ReplicaSets after the Deployment was resized in the middle of a rollout: everyone gets their share.

    `before` is the total the sizes were made for; rounding leftovers go to the largest.
    """
    total = sum(each.wanted for each in sizes)
    allowed = limits.most if limits.replicas else 0
    spare = allowed - total
    ordered = sorted(sizes, key=lambda each: -each.wanted)
    result = []
    for each in ordered:
        share = round(each.wanted * (limits.replicas + limits.surge) / max(before, 1)) - each.wanted
        share = max(min(share, spare), 0) if spare > 0 else min(max(share, spare), 0)
        spare -= share
        result.append(replace(each, wanted=max(each.wanted + share, 0)))
    if result:
        result[0] = replace(result[0], wanted=max(result[0].wanted + spare, 0))
    return result
