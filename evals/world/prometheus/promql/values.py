"""What PromQL expressions evaluate to, and what may go wrong with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from evals.world.prometheus.samples import NAME

LabelSet = dict[str, str]
Point = tuple[int, float]
"""(milliseconds since the epoch, value)."""


@dataclass(slots=True)
class Element:
    """One member of an instant vector. ``labels`` are shared between steps: never change them in place."""

    labels: LabelSet
    value: float


@dataclass(slots=True)
class Run:
    """One member of a range vector: never empty."""

    labels: LabelSet
    points: list[Point]


@dataclass(slots=True)
class Window:
    """A range vector and the interval it was asked for, which extrapolation needs (milliseconds)."""

    runs: list[Run]
    start: int
    end: int


Vector = list[Element]
Value = float | str | Vector | Window
AtTime = Callable[[int], Value]
"""A compiled expression: milliseconds in, value out."""
ScalarAt = Callable[[int], float]
VectorAt = Callable[[int], Vector]
WindowAt = Callable[[int], Window]


class PromqlError(Exception):
    """A query that gets no result. ``kind`` is the ``errorType`` of the answer, ``status`` its HTTP code."""

    kind = "execution"
    status = 422


class BadQuery(PromqlError):
    """The query or a parameter cannot be understood."""

    kind = "bad_data"
    status = 400


class NotSupported(PromqlError):
    """Valid PromQL that this emulator does not evaluate; it says so instead of guessing."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not supported here: {what}")


class ExecutionFailed(PromqlError):
    """The evaluation itself failed, as it would in Prometheus (for example an ambiguous join)."""


def without_name(labels: LabelSet) -> LabelSet:
    """The labels of a result that is no longer the metric it was computed from.

    A rate of a counter under the counter's own name would be taken for the counter.
    """
    return {name: value for name, value in labels.items() if name != NAME}


def identity(labels: LabelSet) -> frozenset[tuple[str, str]]:
    """Equal for equal label sets.

    A frozen set, because dictionaries cannot be keys and their order says nothing.
    """
    return frozenset(labels.items())


def distinct(vector: Vector) -> Vector:
    """The vector itself; raises ExecutionFailed when two members became indistinguishable."""
    if len({identity(one.labels) for one in vector}) != len(vector):
        raise ExecutionFailed("vector cannot contain metrics with the same labelset")
    return vector


def format_value(value: float) -> str:
    """A sample value as the API writes it: shortest exact decimal, never an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{Decimal(repr(value)):f}".removesuffix(".0")
