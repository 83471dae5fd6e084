"""cAdvisor's container series, as a kubelet serves them: memory, CPU seconds and throttling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from evals.world.kubernetes.controllers.quantities import quantity
from evals.world.prometheus.exporters.reading import metadata, spec, status
from evals.world.prometheus.samples import JsonObject, ObjectSource, Sample, Usage, UsageSource

_PERIOD_SECONDS = 0.1
"""Length of a CFS period: a limited container is given its quota ten times a second."""


@dataclass
class _Counters:
    """What one run of a container has used so far."""

    container_id: str
    cpu_seconds: float = 0.0
    periods: float = 0.0
    throttled: float = 0.0

    def advance(self, usage: Usage, limit: float | None, elapsed: float) -> None:
        """Count ``elapsed`` seconds of this usage; above the limit the rest is waited for."""
        granted = usage.cpu_cores if limit is None else min(usage.cpu_cores, limit)
        self.cpu_seconds += granted * elapsed
        if limit is not None:
            self.periods += elapsed / _PERIOD_SECONDS
            missing = 1 - granted / usage.cpu_cores if usage.cpu_cores > 0 else 0.0
            self.throttled += missing * elapsed / _PERIOD_SECONDS


class Cadvisor:
    """The exporter. It keeps counters between scrapes, as the kernel does, and forgets ended containers."""

    def __init__(self, source: UsageSource) -> None:
        self._source = source
        self._counters: dict[tuple[str, str, str], _Counters] = {}
        self._last: datetime | None = None

    def __call__(self, objects: ObjectSource, now: datetime) -> Iterator[Sample]:
        """Every running container's series at this moment."""
        elapsed = (now - self._last).total_seconds() if self._last is not None else 0.0
        self._last = now
        alive: dict[tuple[str, str, str], _Counters] = {}
        found: list[Sample] = []
        for pod in objects.list("pods"):
            memory = 0.0
            for container in _running(pod):
                labels, limits = _labels(pod, container), _limits(pod, container["name"])
                usage = self._source.usage(labels["namespace"], labels["pod"], container["name"])
                counters = self._counters_of(labels, container)
                counters.advance(usage, limits.get("cpu"), elapsed)
                alive[labels["namespace"], labels["pod"], container["name"]] = counters
                memory += usage.memory_bytes
                found.extend(_container(labels, usage, counters, limits))
            if memory:
                # The pod's own cgroup has no container label: sums without `container!=""` count twice.
                found.append(Sample("container_memory_working_set_bytes", _pod_labels(pod), memory))
        self._counters = alive
        return iter(found)

    def _counters_of(self, labels: dict[str, str], container: JsonObject) -> _Counters:
        # A restarted container is a new cgroup, whose counters begin at zero.
        run = str(container.get("containerID") or container.get("restartCount"))
        known = self._counters.get((labels["namespace"], labels["pod"], container["name"]))
        return known if known is not None and known.container_id == run else _Counters(run)


def _running(pod: JsonObject) -> Iterator[JsonObject]:
    for container in status(pod).get("containerStatuses") or []:
        if "running" in (container.get("state") or {}):
            yield container


def _pod_labels(pod: JsonObject) -> dict[str, str]:
    head = metadata(pod)
    return {
        "namespace": head.get("namespace") or "",
        "pod": head["name"],
        "node": spec(pod).get("nodeName") or "",
        "id": f"/kubepods/pod{head.get('uid')}",
    }


def _labels(pod: JsonObject, container: JsonObject) -> dict[str, str]:
    base = _pod_labels(pod)
    name = str(container.get("containerID") or "").rpartition("//")[2]
    run = {
        "id": f"{base['id']}/{name or container['name']}",
        "name": name,
        "image": container.get("image") or "",
    }
    return {**base, **run, "container": container["name"]}


def _limits(pod: JsonObject, name: str) -> dict[str, float]:
    for container in spec(pod).get("containers") or []:
        if container["name"] == name:
            limits = (container.get("resources") or {}).get("limits") or {}
            return {resource: float(quantity(amount)) for resource, amount in limits.items()}
    return {}


def _container(
    labels: dict[str, str], usage: Usage, counters: _Counters, limits: dict[str, float]
) -> Iterator[Sample]:
    yield Sample("container_memory_working_set_bytes", labels, usage.memory_bytes)
    yield Sample("container_memory_rss", labels, usage.memory_bytes)
    yield Sample("container_spec_memory_limit_bytes", labels, limits.get("memory", 0.0))
    yield Sample("container_cpu_usage_seconds_total", {**labels, "cpu": "total"}, counters.cpu_seconds)
    if "cpu" in limits:
        yield Sample("container_cpu_cfs_periods_total", labels, counters.periods)
        yield Sample("container_cpu_cfs_throttled_periods_total", labels, counters.throttled)
