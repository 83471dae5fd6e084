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

WIDTHS = (4, 8, 15)
"""Points on each side that are compared: a short one sees a change that is minutes old, a long one a slow one."""
FEWEST = 12
STRONG = 6.0
"""Deviations from the series' own restlessness; a daily curve alone stays below three."""
SMALL = 0.1
"""Share of the level below which a change is of no interest, however regular the series is."""
_NORMAL = 1.4826
"""From the median of absolute deviations to a standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of level at ``at``: what was usual before and is after, and ``strength`` in deviations."""

    at: float
    before: float
    after: float
    strength: float

    @property
    def rose(self) -> bool:
        """Whether it went up."""
        return self.after > self.before


def change(points: Sequence[Point]) -> Change | None:
    """The strongest change of level in this series, or None when nothing stands out."""
    known = [point for point in points if math.isfinite(point[1])]
    if len(known) < FEWEST:
        return None
    values = [value for _, value in known]
    found = [one for width in WIDTHS if 3 * width <= len(values) for one in _strongest(values, width)]
    if not found:
        return None
    strength, index, width = max(found)
    index = _edge(values, index, width)
    before, after = median(values[:index]), median(values[index : index + 2 * width])
    if abs(after - before) < SMALL * max(abs(before), abs(after)) or after == before:
        return None
    return Change(at=known[index][0], before=before, after=after, strength=strength)


def _strongest(values: list[float], width: int) -> list[tuple[float, int, int]]:
    usual_here = _running_medians(values, width)
    # Entry n is the step between point n + width - 1 and the next.
    jumps = [abs(after - before) for before, after in zip(usual_here, usual_here[width:], strict=False)]
    largest = max(range(len(jumps)), key=jumps.__getitem__)
    # The change itself must not raise its own bar: what overlaps it is left out.
    quiet = sorted(size for place, size in enumerate(jumps) if abs(place - largest) >= 2 * width)
    if not quiet:
        return []
    usual = max(_NORMAL * quiet[len(quiet) // 2], quiet[int(0.95 * (len(quiet) - 1))] / 2)
    level = median(map(abs, values))
    strength = jumps[largest] / max(usual, level * SMALL / STRONG, 1e-12)
    return [(min(strength, 1e3), largest + width, width)] if strength >= STRONG else []


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
