"""Functions of a range vector: counters with resets and extrapolation, and aggregations over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from evals.world.prometheus.promql.values import Point, Window

OverTime = Callable[[list[Point], Window], float | None]
"""One series' samples and the window asked for; None when the series has no result."""


def quantile(wanted: float, values: Sequence[float]) -> float:
    """The interpolated quantile as Prometheus defines it; ``values`` need not be sorted."""
    if not values or math.isnan(wanted):
        return math.nan
    if wanted < 0 or wanted > 1:
        return math.copysign(math.inf, wanted)
    ordered = sorted(values, key=lambda v: -math.inf if math.isnan(v) else v)
    rank = wanted * (len(ordered) - 1)
    low = max(0, math.floor(rank))
    high, weight = min(len(ordered) - 1, low + 1), rank - math.floor(rank)
    return ordered[low] * (1 - weight) + ordered[high] * weight


def deviation(values: Sequence[float]) -> float:
    """The population variance."""
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / len(values)


def regression(points: list[Point], origin: int) -> tuple[float, float]:
    """Slope per second and value at ``origin`` of the least-squares line."""
    first = points[0][1]
    if all(value == first for _, value in points):
        # Prometheus answers a constant series exactly, without rounding in the sums below.
        return (math.nan, math.nan) if math.isinf(first) else (0.0, first)
    xs = [(when - origin) / 1000 for when, _ in points]
    ys = [value for _, value in points]
    count, sum_x, sum_y = len(points), math.fsum(xs), math.fsum(ys)
    covariance = math.fsum(x * y for x, y in zip(xs, ys, strict=True)) - sum_x * sum_y / count
    variance = math.fsum(x * x for x in xs) - sum_x * sum_x / count
    slope = covariance / variance if variance else math.nan
    return slope, sum_y / count - slope * sum_x / count


def _extrapolated(points: list[Point], window: Window, *, counter: bool, per_second: bool) -> float | None:
    """Prometheus' ``extrapolatedRate``: what the window would show if samples lay exactly on its edges."""
    if len(points) < 2:
        return None
    change = points[-1][1] - points[0][1]
    if counter:
        change += sum(before for (_, before), (_, after) in pairwise(points) if after < before)
    sampled = (points[-1][0] - points[0][0]) / 1000
    mean_gap = sampled / (len(points) - 1)
    before, after = (points[0][0] - window.start) / 1000, (window.end - points[-1][0]) / 1000
    if counter and change > 0 and points[0][1] >= 0:
        # A counter cannot have been below zero, so it is not extrapolated past the moment it was zero.
        before = min(before, sampled * points[0][1] / change)
    # Further than about one gap from the edge the series probably started or ended inside the window.
    covered = sampled + sum(edge if edge < mean_gap * 1.1 else mean_gap / 2 for edge in (before, after))
    factor = covered / sampled
    if per_second:
        factor /= (window.end - window.start) / 1000
    return change * factor


def _instantaneous(points: list[Point], *, per_second: bool) -> float | None:
    if len(points) < 2 or points[-1][0] == points[-2][0]:
        return None
    (earlier, before), (later, after) = points[-2:]
    if not per_second:
        return after - before
    return (after if after < before else after - before) / ((later - earlier) / 1000)


def _deriv(points: list[Point], _: Window) -> float | None:
    return None if len(points) < 2 else regression(points, points[0][0])[0]


def _counted(test: Callable[[float, float], bool]) -> OverTime:
    return lambda points, _: float(sum(test(a, b) for (_, a), (_, b) in pairwise(points)))


def _changed(before: float, after: float) -> bool:
    return after != before and not (math.isnan(after) and math.isnan(before))


def _of_values(combine: Callable[[list[float]], float]) -> OverTime:
    return lambda points, _: float(combine([value for _, value in points]))


def _numbers(values: list[float]) -> list[float]:
    return [v for v in values if not math.isnan(v)] or [math.nan]


OVER_TIME: dict[str, OverTime] = {
    "rate": lambda points, window: _extrapolated(points, window, counter=True, per_second=True),
    "increase": lambda points, window: _extrapolated(points, window, counter=True, per_second=False),
    "delta": lambda points, window: _extrapolated(points, window, counter=False, per_second=False),
    "irate": lambda points, _: _instantaneous(points, per_second=True),
    "idelta": lambda points, _: _instantaneous(points, per_second=False),
    "deriv": _deriv,
    "changes": _counted(_changed),
    "resets": _counted(lambda before, after: after < before),
    "avg_over_time": _of_values(lambda values: math.fsum(values) / len(values)),
    "min_over_time": _of_values(lambda values: min(_numbers(values))),
    "max_over_time": _of_values(lambda values: max(_numbers(values))),
    "sum_over_time": _of_values(sum),
    "count_over_time": _of_values(len),
    "last_over_time": _of_values(lambda values: values[-1]),
    "present_over_time": _of_values(lambda _: 1.0),
    "stddev_over_time": _of_values(lambda values: math.sqrt(deviation(values))),
    "stdvar_over_time": _of_values(deviation),
}
"""Functions whose only argument is a range vector."""

KEEPS_NAME = frozenset({"last_over_time"})
