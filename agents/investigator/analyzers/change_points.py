"""When a series changed its level, and by how much, judged by what the hours before did by themselves.

At each moment the median of the points after is compared with the median of those before. How large such a
difference has to be is not assumed: it is taken from the same differences in the same series, so a noisy
series, a daily curve and a scrape that failed raise the bar by as much as they are worth. Medians, because
one spike is no change. The idea of a score in units of the quiet past is BARO's (Pham and others, FSE 2024).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Point = tuple[float, float]
"""Seconds since the epoch, and a value."""

WIDTHS = (5, 9, 15)
"""Points compared on each side: few see a change that is minutes old, many a slow one."""
FEWEST = 12
STRONG = 6.0
"""Deviations from the series' own restlessness; a daily curve alone stays below three."""
SMALL = 0.1
"""Share of the level below which a change is of no interest, however regular the series is."""
BEFORE = 60
"""Points before a change that say what was usual."""
_MOST = 1e3
_NOTHING = 1e-9
_NORMAL = 1.4826
"""From the median of absolute deviations to a standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of level at ``at``: what was usual before and is after, and ``strength`` in deviations.

    A ``deviation`` is how far the series moves by itself, in its own unit.
    """

    at: float
    before: float
    after: float
    strength: float
    deviation: float

    @property
    def rose(self) -> bool:
        """Whether it went up."""
        return self.after > self.before


@dataclass(frozen=True, kw_only=True)
class Within:
    """Between which moments a change is looked for (seconds since the epoch), and whether only upward."""

    start: float = -math.inf
    end: float = math.inf
    rising: bool = False


ALWAYS = Within()


def change(points: Sequence[Point], within: Within = ALWAYS) -> Change | None:
    """The strongest change of level in this series, or None when nothing stands out."""
    found = step(points, within)
    if found is None or found.strength < STRONG:
        return None
    small = abs(found.after - found.before) < SMALL * max(abs(found.before), abs(found.after))
    return None if small else found


def step(points: Sequence[Point], within: Within = ALWAYS) -> Change | None:
    """The largest step between two moments, be it one or not; None when there is too little to say."""
    known = [point for point in points if math.isfinite(point[1])]
    if len(known) < FEWEST:
        return None
    places = range(bisect_left(known, (within.start, -math.inf)), bisect_left(known, (within.end, math.inf)))
    values = [value for _, value in known]
    widths = [width for width in WIDTHS if 3 * width <= len(values)]
    steps = [one for width in widths if (one := _largest(values, width, places, rising=within.rising))]
    if not steps:
        return None
    best = max(steps, key=lambda one: one.strength)
    index = _edge(values, best.index, best.width)
    return Change(
        at=known[index][0],
        before=median(values[max(0, index - BEFORE) : index]),
        after=median(values[index : index + 2 * best.width]),
        strength=best.strength,
        deviation=best.deviation,
    )


@dataclass(frozen=True)
class _Step:
    """The largest difference of medians of one width, and where."""

    index: int
    width: int
    strength: float
    deviation: float


def _largest(values: list[float], width: int, places: range, *, rising: bool) -> _Step | None:
    """The largest step at one of these places, in units of the other steps."""
    usual_here = _running_medians(values, width)
    # Entry n is the step between point n + width - 1 and the next.
    jumps = [after - before for before, after in zip(usual_here, usual_here[width:], strict=False)]
    here = range(max(0, places.start - width), min(len(jumps), places.stop - width))
    if not here:
        return None
    largest = max(here, key=lambda place: jumps[place] if rising else abs(jumps[place]))
    # The change itself must not raise its own bar: what overlaps it is left out.
    quiet = sorted(abs(size) for place, size in enumerate(jumps) if abs(place - largest) >= 2 * width)
    if not quiet:
        return None
    usual = max(_NORMAL * quiet[len(quiet) // 2], quiet[int(0.95 * (len(quiet) - 1))] / 2)
    deviation = max(usual, median(map(abs, values)) * SMALL / STRONG, _NOTHING)
    return _Step(largest + width, width, min(abs(jumps[largest]) / deviation, _MOST), deviation)


def _running_medians(values: list[float], width: int) -> list[float]:
    """The median of every ``width`` neighbours, by a window that is kept sorted."""
    window = sorted(values[:width])
    middle, even = width // 2, width % 2 == 0
    found = []
    for index in range(width, len(values) + 1):
        found.append((window[middle - 1] + window[middle]) / 2 if even else window[middle])
        if index < len(values):
            del window[bisect_left(window, values[index - width])]
            insort(window, values[index])
    return found


def _edge(values: list[float], index: int, width: int) -> int:
    """Where exactly: the first point nearby that lies more than half way to the new level and stays there."""
    first, last = max(1, index - width), min(len(values) - 1, index + width)
    low, high = median(values[max(0, index - 2 * width) : first]), median(values[index : index + width])
    half = (low + high) / 2
    for place in range(first, last):
        ahead = values[place : place + 3]
        if all((value - half) * (high - low) > 0 for value in ahead):
            return place
    return index
