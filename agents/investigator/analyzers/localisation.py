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

from agents.investigator.analyzers.change_points import Change, Point, Within, step

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
_PER_HOP = 0.6
_BY_CHANCE = 0.005
_OUT_OF_ORDER = 0.15
_LOST = 0.3
"""What suspecting a service without any series costs: it is rarely the one, and it must be possible."""

_EVEN = 4.0
"""The strength of a change that is as likely by chance as not; quiet series hardly pass three."""
_SLOPE = 3.0
_SURE = 2.0
"""Odds from which on the moment and the size of a change say something."""
_MOST = 9.0
_LEAST = -5.0


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
    """How sure it is that a service changed for the worse (natural log odds), when and by how much.

    ``deviation`` is how far it moves by itself: a smaller push from below does not show.
    """

    odds: float
    at: float
    by: float
    deviation: float


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
    # Only what lies around the start counts: a change of two hours ago set off no alert now.
    around = Within(start=began - EARLIEST_S, end=began + LATEST_S, rising=True)
    found = {service: step(points, around) for service, points in of.items()}
    return {service: _judged(one) for service, one in found.items() if one is not None}


def _judged(found: Change) -> _Seen:
    odds = math.log(found.strength / _EVEN) * _SLOPE if found.rose and found.strength else _LEAST
    by = max(0.0, found.after - found.before)
    return _Seen(min(_MOST, max(_LEAST, odds)), found.at, by, found.deviation)


def _suspect(service: str, above: dict[str, int], seen: dict[str, dict[str, _Seen]]) -> Suspect:
    gains = {kind: _gain(service, above, of) for kind, of in seen.items()}
    kinds = tuple(sorted(kind for kind, gain in gains.items() if gain > 0))
    known = [seen[kind][service].at for kind in kinds if service in seen[kind]]
    return Suspect(
        service=service,
        score=sum(gain for gain in gains.values() if gain > 0),
        kinds=kinds,
        at=min(known, default=None),
    )


def _gain(service: str, above: dict[str, int], of: dict[str, _Seen]) -> float:
    """How much better this origin explains one kind of trouble than chance does."""
    origin = of.get(service)
    # To be unseen is possible and rare: else whoever has no series would be the best suspect.
    total = 0.0 if origin else math.log(_LOST)
    for name, hops in above.items():
        if name not in of:
            continue
        total += _mixed(of[name], _expected(origin, of[name], hops)) - _mixed(of[name], _BY_CHANCE)
        if hops and origin is not None and of[name].odds > _SURE < origin.odds:
            total += _order(origin, of[name])
    return total


def _expected(origin: _Seen | None, caller: _Seen, hops: int) -> float:
    """How likely a caller shows the trouble of the origin, so many calls away."""
    if not hops:
        return _CHANGED
    if origin is None:
        return _PER_HOP**hops
    # What arrives of it, in units of what the caller does by itself.
    arrives = origin.by * _PER_HOP**hops / caller.deviation
    return _CHANGED * max(_BY_CHANCE, arrives / (arrives + _EVEN))


def _mixed(one: _Seen, share: float) -> float:
    """The log likelihood of what is seen where a change is expected with this probability."""
    return math.log(share * math.exp(one.odds) + (1 - share))


def _order(origin: _Seen, caller: _Seen) -> float:
    """A caller neither changes before what it calls nor by more than it."""
    total = 0.0
    if caller.at < origin.at - AT_ONCE_S:
        total += math.log(_OUT_OF_ORDER)
    # Less than that much more is within what the caller does by itself.
    if caller.by > 1.5 * origin.by + 2 * caller.deviation:
        total += math.log(_OUT_OF_ORDER)
    return total
