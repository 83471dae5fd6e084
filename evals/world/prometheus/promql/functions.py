"""Functions of instant vectors and scalars that need nothing but their arguments."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from evals.world.prometheus.promql.selectors import anchored
from evals.world.prometheus.promql.values import (
    Element,
    ExecutionFailed,
    LabelSet,
    Vector,
    distinct,
    identity,
    without_name,
)

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)


def _round(value: float, nearest: float = 1.0) -> float:
    inverse = 1.0 / nearest if nearest else math.inf
    return _whole(math.floor, value * inverse + 0.5) / inverse


def _whole(rounding: Callable[[float], int], value: float) -> float:
    return float(rounding(value)) if math.isfinite(value) else value


def _logarithm(of: Callable[[float], float]) -> Callable[[float], float]:
    def at(value: float) -> float:
        if value == 0:
            return -math.inf
        return math.nan if value < 0 else of(value)

    return at


def _exponential(value: float) -> float:
    # Beyond this Python raises where Go gives infinity; NaN must come through, hence the odd comparison.
    return math.exp(value) if not value > 709.7 else math.inf


def _maximum(a: float, b: float) -> float:
    # Python's max and min depend on the order of their arguments when one of them is NaN.
    return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)


def _minimum(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)


MATH: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": lambda value: _whole(math.ceil, value),
    "floor": lambda value: _whole(math.floor, value),
    "round": _round,
    "sqrt": lambda value: math.sqrt(value) if value >= 0 else math.nan,
    "exp": _exponential,
    "ln": _logarithm(math.log),
    "log2": _logarithm(math.log2),
    "log10": _logarithm(math.log10),
    "sgn": lambda value: value if math.isnan(value) else float((value > 0) - (value < 0)),
    "clamp": lambda value, low, high: _maximum(low, _minimum(high, value)),
    "clamp_min": _maximum,
    "clamp_max": _minimum,
}
"""Functions of each member's value and constant scalars."""


def by_value(vector: Vector, *, descending: bool) -> Vector:
    """``sort`` and ``sort_desc``: NaN is last in both.

    It compares with nothing, so a plain sort would leave it wherever it happened to stand.
    """
    numbers = [one for one in vector if not math.isnan(one.value)]
    ordered = sorted(numbers, key=lambda one: one.value, reverse=descending)
    return [*ordered, *(one for one in vector if math.isnan(one.value))]


def label_replace(vector: Vector, texts: Sequence[str]) -> Vector:
    """``label_replace(v, target, replacement, source, regex)``."""
    target, replacement, source, regex = texts
    pattern = anchored(regex)
    if not _LABEL_NAME.match(target):
        raise ExecutionFailed(f"invalid destination label name in label_replace(): {target}")
    found: Vector = []
    for one in vector:
        match = pattern.match(one.labels.get(source, ""))
        labels = one.labels if match is None else _with(one.labels, target, _expanded(match, replacement))
        found.append(Element(labels, one.value))
    return distinct(found)


def label_join(vector: Vector, texts: Sequence[str]) -> Vector:
    """``label_join(v, target, separator, source…)``."""
    target, separator, *sources = texts
    for name in (target, *sources):
        if not _LABEL_NAME.match(name):
            raise ExecutionFailed(f"invalid label name in label_join(): {name}")
    joined = ((one, separator.join(one.labels.get(name, "") for name in sources)) for one in vector)
    return distinct([Element(_with(one.labels, target, text), one.value) for one, text in joined])


def histogram_quantile(wanted: float, vector: Vector) -> Vector:
    """The quantile of classic histograms, one result per set of buckets (label ``le``)."""
    histograms: dict[frozenset[tuple[str, str]], tuple[LabelSet, list[tuple[float, float]]]] = {}
    for one in vector:
        bound = _bound(one.labels.get("le", ""))
        if bound is None:
            continue
        labels = {name: value for name, value in without_name(one.labels).items() if name != "le"}
        histograms.setdefault(identity(labels), (labels, []))[1].append((bound, one.value))
    return [Element(labels, _bucket_quantile(wanted, buckets)) for labels, buckets in histograms.values()]


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _bucket_quantile(wanted: float, buckets: list[tuple[float, float]]) -> float:
    if math.isnan(wanted):
        return math.nan
    # Not an error: a dashboard's slip shows as a line at infinity, as in Prometheus.
    if wanted < 0 or wanted > 1:
        return math.copysign(math.inf, wanted)
    cumulative = _monotonic(buckets)
    if cumulative[-1][0] != math.inf or len(cumulative) < 2 or not cumulative[-1][1] > 0:
        return math.nan
    rank = wanted * cumulative[-1][1]
    index = next(i for i, (_, count) in enumerate(cumulative) if count >= rank or i == len(cumulative) - 1)
    end, count = cumulative[index]
    if index == len(cumulative) - 1:
        # The last bucket has no upper edge, so the best answer is where it begins.
        return cumulative[-2][0]
    if index == 0:
        return end if end <= 0 else end * (rank / count)
    start, below = cumulative[index - 1]
    return start + (end - start) * ((rank - below) / (count - below))


def _monotonic(buckets: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Sorted, equal bounds merged, counts never falling (scrapes of a live histogram can tear)."""
    merged: dict[float, float] = {}
    for bound, count in sorted(buckets):
        merged[bound] = merged.get(bound, 0.0) + count
    highest, found = -math.inf, []
    for bound, count in merged.items():
        highest = max(highest, count)
        found.append((bound, highest))
    return found


def _with(labels: LabelSet, name: str, value: str) -> LabelSet:
    rest = {key: text for key, text in labels.items() if key != name}
    # In Prometheus an empty label and an absent one are the same thing.
    return {**rest, name: value} if value else rest


def _expanded(match: re.Match[str], template: str) -> str:
    def reference(found: re.Match[str]) -> str:
        if found[1]:
            return "$"
        name = found[2] or found[3]
        # Go's Expand gives "" for a group that does not exist, Python raises.
        if name.isdigit():
            return (match[int(name)] or "") if int(name) <= match.re.groups else ""
        return match.groupdict().get(name) or ""

    return _REFERENCE.sub(reference, template)
