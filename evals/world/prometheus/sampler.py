"""Feeds the database: scrapes every exporter at a moment, and can invent a calm hour before the first one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evals.world.prometheus.samples import Exporter, JsonObject, ObjectSource, Sample, Target
from evals.world.prometheus.tsdb import Tsdb, to_ms


@dataclass(frozen=True)
class Scrape:
    """One exporter and the labels its target adds."""

    exporter: Exporter
    target: Target = field(default_factory=Target)

    def read(self, objects: ObjectSource, now: datetime) -> list[Sample]:
        """What this exporter exposes now, with its target's labels."""
        return list(self.target.attached(self.exporter(objects, now)))


class Sampler:
    """Reads the same scrapes again and again; whoever owns the clock calls ``sample``, from any thread."""

    def __init__(self, tsdb: Tsdb, objects: ObjectSource, scrapes: Sequence[Scrape]) -> None:
        self.tsdb = tsdb
        self._objects = objects
        self._scrapes = list(scrapes)
        self._last: datetime | None = None
        self._lock = threading.Lock()

    def sample(self, now: datetime) -> bool:
        """Scrape everything once. False, and nothing done, when ``now`` is not later than the last scrape."""
        return self._sample(_Snapshot(self._objects), now)

    def backfill(self, now: datetime, minutes: float, *, step_seconds: float = 30.0) -> None:
        """Scrape the present objects as if they had been like this for the minutes before ``now``.

        Counters rise as the exporters count, gauges stay. Raises RuntimeError after the first scrape: the
        past is then already known.
        """
        if self._last is not None:
            raise RuntimeError("the past can only be invented before the first scrape")
        frozen = _Snapshot(self._objects)
        steps = int(minutes * 60 / step_seconds)
        for back in range(steps, 0, -1):
            self._sample(frozen, now - timedelta(seconds=back * step_seconds))

    def _sample(self, objects: ObjectSource, now: datetime) -> bool:
        with self._lock:
            if self._last is not None and to_ms(now) <= to_ms(self._last):
                return False
            # Exporters that count must see every moment once and in order, hence the lock.
            self.tsdb.append(now, [one for scrape in self._scrapes for one in scrape.read(objects, now)])
            self._last = now
            return True


class _Snapshot:
    """Every resource read once, so that the exporters of one scrape agree with one another."""

    def __init__(self, source: ObjectSource) -> None:
        self._source = source
        self._lists: dict[str, list[JsonObject]] = {}

    def list(self, resource: str, namespace: str | None = None) -> list[JsonObject]:
        found = self._lists.get(resource)
        if found is None:
            found = self._lists[resource] = self._source.list(resource)
        if namespace is None:
            return found
        return [one for one in found if one["metadata"].get("namespace") == namespace]
