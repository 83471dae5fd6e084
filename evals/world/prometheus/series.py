"""All series of the pretend data centre: which exporters there are and what their targets are called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from evals.world.prometheus.exporters.cadvisor import Cadvisor
from evals.world.prometheus.exporters.cluster import cluster_series
from evals.world.prometheus.exporters.pods import pod_series
from evals.world.prometheus.exporters.up import up_series
from evals.world.prometheus.exporters.workloads import workload_series
from evals.world.prometheus.sampler import Scrape
from evals.world.prometheus.samples import Exporter, ObjectSource, Sample, Target, UsageSource

_STATE = Target(labels={"job": "kube-state-metrics", "instance": "kube-state-metrics:8080"})
_KUBELET = Target(labels={"job": "kubelet", "metrics_path": "/metrics/cadvisor"})


def kube_state_metrics(objects: ObjectSource, now: datetime) -> Iterator[Sample]:
    """Everything kube-state-metrics would say about these objects."""
    for exporter in (pod_series, workload_series, cluster_series):
        yield from exporter(objects, now)


def scrapes(usage: UsageSource, extra: Sequence[Exporter] = ()) -> list[Scrape]:
    """The scrapes of a whole data centre. Call once per world: cAdvisor and applications keep counters.

    ``extra`` are exporters of the application's own series, which carry their own labels.
    """
    return [
        Scrape(kube_state_metrics, _STATE, steady=True),
        Scrape(Cadvisor(usage), _KUBELET),
        Scrape(up_series, steady=True),
        *(Scrape(exporter) for exporter in extra),
    ]
