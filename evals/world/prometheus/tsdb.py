"""An in-memory time series database with bounded history and Prometheus' staleness rules."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from evals.world.prometheus.samples import NAME, Labels, Sample, SeriesKey

LOOKBACK_MS = 5 * 60 * 1000
"""How old a sample may be and still count as present (``--query.lookback-delta``)."""


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, the resolution in which Prometheus stores time."""
    return round(moment.timestamp() * 1000)


@dataclass(eq=False)
class Series:
    """One series: parallel lists of milliseconds and values; a value of None is a staleness marker."""

    labels: dict[str, str]
    times: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)

    def at(self, moment: int) -> float | None:
        """The value seen at ``moment``: the newest within the look-back, unless a stale marker is newer."""
        # A stale marker (None) is found like any value and so ends the look-back.
        index = bisect_right(self.times, moment) - 1
        if index < 0 or self.times[index] < moment - LOOKBACK_MS:
            return None
        return self.values[index]

    def between(self, start: int, end: int) -> list[tuple[int, float]]:
        """The samples in the closed interval, stale markers left out."""
        low, high = bisect_left(self.times, start), bisect_right(self.times, end)
        pairs = zip(self.times[low:high], self.values[low:high], strict=True)
        return [(when, value) for when, value in pairs if value is not None]

    def drop_before(self, moment: int) -> None:
        """Forget what is older than ``moment``."""
        cut = bisect_left(self.times, moment)
        if cut:
            del self.times[:cut], self.values[:cut]


class Tsdb:
    """Every series of the world. Written by one sampler, read by the server's threads under ``lock``."""

    def __init__(self, *, retention_seconds: float = 6 * 3600 + 600, max_points: int = 10_000) -> None:
        self.lock = threading.RLock()
        self._retention_ms = int(retention_seconds * 1000)
        self._max_points = max_points
        self._series: dict[SeriesKey, Series] = {}
        self._by_name: dict[str, list[Series]] = {}
        self._live: set[SeriesKey] = set()
        self._oldest = 0

    def append(self, moment: datetime, samples: Iterable[Sample]) -> None:
        """Store one scrape of everything; series seen last time and missing now are marked stale.

        Raises ValueError when a series appears twice or time runs backwards: both are faults of an exporter.
        """
        now = to_ms(moment)
        with self.lock:
            # All samples are read before the first is written: a faulty scrape leaves no half behind.
            fresh = _distinct(samples)
            for key, value in fresh.items():
                self._write(key, now, value)
            for key in self._live - fresh.keys():
                self._write(key, now, None)
            self._live = set(fresh)
            self._forget(now - self._retention_ms)

    def series(self, name: str | None = None) -> list[Series]:
        """All series, or those of one metric name, in label order."""
        with self.lock:
            found = self._series.values() if name is None else self._by_name.get(name, [])
            return sorted(found, key=lambda one: sorted(one.labels.items()))

    def present(self) -> Iterator[tuple[Labels, float]]:
        """The newest value of every series that was in the last scrape."""
        with self.lock:
            for key in sorted(self._live):
                series = self._series[key]
                value = series.values[-1]
                if value is not None:
                    yield series.labels, value

    def _write(self, key: SeriesKey, now: int, value: float | None) -> None:
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(dict(key))
            self._by_name.setdefault(series.labels[NAME], []).append(series)
        if series.times and now <= series.times[-1]:
            raise ValueError("a scrape must be later than the one before it")
        series.times.append(now)
        series.values.append(value)
        if len(series.times) > self._max_points:
            # A tenth at a time: dropping one point per write would move the whole list each time.
            series.drop_before(series.times[self._max_points // 10])

    def _forget(self, horizon: int) -> None:
        # Most of the time nothing is that old: to look through every series for it at every scrape is dear.
        if horizon <= self._oldest:
            return
        for key in list(self._series):
            series = self._series[key]
            series.drop_before(horizon)
            if not series.times:
                del self._series[key]
                self._by_name[series.labels[NAME]].remove(series)
        self._oldest = min((one.times[0] for one in self._series.values()), default=horizon)


def _distinct(samples: Iterable[Sample]) -> dict[SeriesKey, float]:
    found: dict[SeriesKey, float] = {}
    for sample in samples:
        key = sample.key
        if key in found:
            raise ValueError(f"series exposed twice in one scrape: {dict(key)}")
        found[key] = float(sample.value)
    return found
