"""What a figure is: samples in one unit, the bounds they must keep, and whether they do. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Statistic(StrEnum):
    """What of the samples a bound speaks of."""

    P50 = "p50"
    P95 = "p95"
    P99 = "p99"


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A promise about one statistic: at most, or at least, so much."""

    statistic: Statistic
    value: float
    at_least: bool = False

    def kept(self, measured: float) -> bool:
        """Whether the measured statistic keeps it; the bound itself still does."""
        return measured >= self.value if self.at_least else measured <= self.value


def at_most(statistic: Statistic, value: float) -> Bound:
    """The common kind of promise."""
    return Bound(statistic=statistic, value=value)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table. Without bounds it is only reported."""

    title: str
    unit: str
    bounds: tuple[Bound, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Result:
    """A figure with what was measured for it. Refuses a measurement of nothing."""

    figure: Figure
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """A figure nobody measured must not look like one that was kept."""
        if not self.values or not all(math.isfinite(value) for value in self.values):
            raise ValueError(f"{self.figure.title}: nothing was measured")

    def statistic(self, wanted: Statistic) -> float:
        """The statistic in the figure's unit."""
        return quantile(self.values, int(wanted.removeprefix("p")) / 100)

    @property
    def met(self) -> bool | None:
        """Whether every bound is kept; None when nothing was promised."""
        kept = [bound.kept(self.statistic(bound.statistic)) for bound in self.figure.bounds]
        return all(kept) if kept else None


def quantile(values: tuple[float, ...], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank).

    Never a value between two samples: of fewer than a hundred the 99th percentile is the worst one.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
