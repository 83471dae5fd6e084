"""Feeds the database: scrapes every exporter at a moment, and can invent a calm hour before the first one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evals.world.prometheus.samples import Exporter, JsonObject, ObjectSource, Sample, Target
from evals.world.prometheus.tsdb import Tsdb, to_ms


@dataclass(frozen=True, eq=False)
class Scrape:
    """One exporter and the labels its target adds; a ``steady`` one says of the same objects the same."""

    exporter: Exporter
    target: Target = field(default_factory=Target)
    steady: bool = False

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
        self._seen = _Snapshot(objects)

    def sample(self, now: datetime) -> bool:
        """Scrape everything once. False, and nothing done, when ``now`` is not later than the last scrape."""
        with self._lock:
            # Most scrapes find a cluster in which nothing has changed: it is not read again.
            if self._seen.version != self._objects.resource_version:
                self._seen = _Snapshot(self._objects)
            return self._sample(self._seen, now)

    def backfill(self, now: datetime, minutes: float, *, step_seconds: float = 30.0) -> None:
        """Scrape the present objects as if they had been like this for the minutes before ``now``.

        Counters rise as the exporters count, gauges stay. Raises RuntimeError after the first scrape: the
        past is then already known.
        """
        if self._last is not None:
            raise RuntimeError("the past can only be invented before the first scrape")
        steps = int(minutes * 60 / step_seconds)
        with self._lock:
            frozen = self._seen = _Snapshot(self._objects)
            for back in range(steps, 0, -1):
                self._sample(frozen, now - timedelta(seconds=back * step_seconds))

    def _sample(self, objects: _Snapshot, now: datetime) -> bool:
        if self._last is not None and to_ms(now) <= to_ms(self._last):
            return False
        # Exporters that count must see every moment once and in order, hence the lock around this.
        self.tsdb.append(now, [one for scrape in self._scrapes for one in objects.told(scrape, now)])
        self._last = now
        return True


class _Snapshot:
    """Every resource read once, so that the exporters of one scrape agree with one another."""

    def __init__(self, source: ObjectSource) -> None:
        self._source = source
        self._lists: dict[str, list[JsonObject]] = {}
        self._steady: dict[Scrape, list[Sample]] = {}
        # Read before the objects: what changes in between makes it another version, and they are read again.
        self.version = source.resource_version

    @property
    def resource_version(self) -> int:
        return self.version

    def told(self, scrape: Scrape, now: datetime) -> list[Sample]:
        """What one scrape says of these objects at a moment."""
        if not scrape.steady:
            return scrape.read(self, now)
        if scrape not in self._steady:
            self._steady[scrape] = scrape.read(self, now)
        return self._steady[scrape]

    def list(self, resource: str, namespace: str | None = None) -> list[JsonObject]:
        found = self._lists.get(resource)
        if found is None:
            found = self._lists[resource] = self._source.list(resource)
        if namespace is None:
            return found
        return [one for one in found if one["metadata"].get("namespace") == namespace]
