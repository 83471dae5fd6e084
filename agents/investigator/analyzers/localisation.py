"""Which service of a graph a slowness or a burst of errors comes from, told from metrics alone.

A fault travels against the calls: whoever calls the faulty service gets slower or fails as well, later and
less. So each service is tried as the origin and asked how well it explains what changed and what did not:
its callers should have changed, others should not, none before it and none by more than it. What no series
tells counts for nothing. Whether a service changed at all is ``change_points``' business, in units of its own
quiet hours (BARO's robust score); the dependencies only weigh these changes against one another.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from agents.investigator.analyzers.change_points import Point, change

Series = Mapping[str, Mapping[str, Sequence[Point]]]
"""Of each kind of trouble (``latency``, ``errors``), the points of each service that has any."""

EARLIEST_S = 2700.0
"""A change this long before the start of the alert, and none earlier, may be what set it off."""
LATEST_S = 600.0
AT_ONCE_S = 120.0
"""Moments closer than this have no order: scrapes and rates blur them."""
ENOUGH = 2.0
"""How much better than chance, in natural logarithms, an origin must explain what is seen."""

_CHANGED = 0.97
_PER_HOP = 0.8
_BY_CHANCE = 0.03
_OUT_OF_ORDER = 0.15
_MOST = 6.0
_LEAST = -2.5


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A service that the trouble may come from; ``score`` in natural logarithms, ``at`` when it changed."""

    service: str
    score: float
    kinds: tuple[str, ...]
    at: float | None


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Who calls whom: pairs of caller and called."""

    calls: frozenset[tuple[str, str]]

    @cached_property
    def _callers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for caller, called in self.calls:
            found.setdefault(called, set()).add(caller)
        return found

    @property
    def services(self) -> set[str]:
        """Everybody who calls or is called."""
        return {service for pair in self.calls for service in pair}

    def above(self, service: str) -> dict[str, int]:
        """Who depends on this service, over how many calls; itself at zero."""
        found, waiting = {service: 0}, deque([service])
        while waiting:
            here = waiting.popleft()
            for caller in self._callers.get(here, ()):
                if caller not in found:
                    found[caller] = found[here] + 1
                    waiting.append(caller)
        return found


@dataclass(frozen=True)
class _Seen:
    """How sure it is that a service changed for the worse (natural log odds), when and by how much."""

    odds: float
    at: float = math.nan
    by: float = 0.0


def suspects(calls: Iterable[tuple[str, str]], series: Series, began: float) -> tuple[Suspect, ...]:
    """The services that explain the trouble around ``began`` (seconds since the epoch), the best first.

    Empty when nothing changed that an origin in this graph would explain better than chance.
    """
    graph = Graph(calls=frozenset(pair for pair in calls if pair[0] != pair[1]))
    seen = {kind: _seen(of, began) for kind, of in series.items()}
    everybody = graph.services.union(*seen.values()) if seen else set()
    found = [_suspect(service, graph.above(service), seen) for service in everybody]
    likely = [one for one in found if one.score >= ENOUGH]
    return tuple(sorted(likely, key=lambda one: (-one.score, one.service)))


def _seen(of: Mapping[str, Sequence[Point]], began: float) -> dict[str, _Seen]:
    return {service: _judged(points, began) for service, points in of.items() if points}


def _judged(points: Sequence[Point], began: float) -> _Seen:
    # Only what lies around the start counts: a change of two hours ago set off no alert now.
    found = change(points)
    if found is None or not found.rose or not began - EARLIEST_S <= found.at <= began + LATEST_S:
        return _Seen(_LEAST)
    return _Seen(min(_MOST, math.log2(found.strength)), found.at, found.after - found.before)


def _suspect(service: str, above: dict[str, int], seen: dict[str, dict[str, _Seen]]) -> Suspect:
    gains = {kind: _gain(service, above, of) for kind, of in seen.items()}
    kinds = tuple(sorted(kind for kind, gain in gains.items() if gain > 0))
    times = [seen[kind][service].at for kind in kinds if service in seen[kind]]
    known = [at for at in times if not math.isnan(at)]
    return Suspect(
        service=service,
        score=sum(gain for gain in gains.values() if gain > 0),
        kinds=kinds,
        at=min(known, default=None),
    )


def _gain(service: str, above: dict[str, int], of: dict[str, _Seen]) -> float:
    """How much better this origin explains one kind of trouble than chance does."""
    origin = of.get(service)
    total = 0.0
    for name, hops in above.items():
        if name not in of:
            continue
        total += _expected(of[name], hops) - _mixed(of[name], _BY_CHANCE)
        if hops and origin is not None and of[name].odds > 0 < origin.odds:
            total += _order(origin, of[name])
    return total


def _expected(one: _Seen, hops: int) -> float:
    return _mixed(one, _CHANGED * _PER_HOP**hops)


def _mixed(one: _Seen, share: float) -> float:
    """The log likelihood of what is seen where a change is expected with this probability."""
    return math.log(share * math.exp(one.odds) + (1 - share))


def _order(origin: _Seen, caller: _Seen) -> float:
    """A caller neither changes before what it calls nor by more than it."""
    total = 0.0
    if caller.at < origin.at - AT_ONCE_S:
        total += math.log(_OUT_OF_ORDER)
    if caller.by > 1.5 * origin.by:
        total += math.log(_OUT_OF_ORDER)
    return total
