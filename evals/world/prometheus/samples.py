"""The words of this emulator: a sample, the objects it is derived from, and what a container uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

JsonObject = dict[str, Any]
Labels = Mapping[str, str]
NAME = "__name__"
SeriesKey = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sample:
    """One reading of one series, without its time: the time is that of the scrape."""

    name: str
    labels: Labels
    value: float

    @cached_property
    def key(self) -> SeriesKey:
        """The identity of its series: its non-empty labels, sorted, the metric name among them."""
        return tuple(sorted([(NAME, self.name), *((k, v) for k, v in self.labels.items() if v)]))


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a running container wants at this moment; CPU above its limit shows up as throttling."""

    cpu_cores: float
    memory_bytes: float


class UsageSource(Protocol):
    """Whoever runs the containers (the pretend kubelet) and so knows what they use."""

    def usage(self, namespace: str, pod: str, container: str) -> Usage:
        """What the container uses now; zeros when it does not run."""
        ...


class ObjectSource(Protocol):
    """Whoever holds the cluster's objects: ``list("pods")`` returns them as the API would, all namespaces."""

    @property
    def resource_version(self) -> int:
        """The version of the newest change: another one whenever any object is another."""
        ...

    def list(self, resource: str, namespace: str | None = None) -> list[JsonObject]:
        """Every object of one resource (plural, lower case)."""
        ...


class IdleUsage:
    """A usage source for tests without a kubelet: every container uses nothing."""

    def usage(self, namespace: str, pod: str, container: str) -> Usage:
        """Always zero."""
        return Usage(cpu_cores=0.0, memory_bytes=0.0)


Exporter = Callable[[ObjectSource, datetime], Iterable[Sample]]
"""Reads the world at a moment and says what an exporter would expose. May keep counters between calls."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The labels a scrape adds to every sample of one exporter (``job``, ``instance`` and the like)."""

    labels: Labels = field(default_factory=dict)

    def attached(self, samples: Iterable[Sample]) -> Iterable[Sample]:
        """The samples with the target's labels; the sample's own win, as with ``honor_labels: true``."""
        return (Sample(one.name, {**self.labels, **one.labels}, one.value) for one in samples)
