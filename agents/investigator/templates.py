"""The questions put to Prometheus about a workload: each with its unit and where its series come from.

Each selector names the incident's namespace or a node of its pods with an equality matcher, so the allow-list
for foreign queries lets all of them pass. Names and labels are those of the exporters' own documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import Template as Text

from agents.investigator.analyzers.fields import dig, items, name_of
from agents.investigator.analyzers.measured import Name
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, is_name, is_namespace

MOST_NODES = 2
_MODEL_SERVERS = ("vllm", "triton", "tgi", "text-generation", "kserve", "sglang")


@dataclass(frozen=True, kw_only=True)
class Template:
    """One question: ``text`` with ``$ns`` or ``$node`` in it. ``source`` is who exports the series."""

    name: Name
    text: str
    unit: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A template filled in, and the label it is pinned by."""

    template: Template
    label: str
    value: str

    @property
    def expression(self) -> str:
        """The query."""
        return Text(self.template.text).substitute(ns=self.value, node=self.value)


_BY_SERVICE = "sum by (namespace, service)"
_BY_CONTAINER = "(namespace, pod, container)"
_BY_SERVER = "(namespace, service, pod)"
_BY_CLAIM = "(namespace, persistentvolumeclaim)"
_REQUESTS = "an application's own counter of requests, by code or status"

TEMPLATES: dict[Name, Template] = {
    one.name: one
    for one in (
        Template(
            name=Name.TRAFFIC,
            text=f'{_BY_SERVICE} (rate(http_requests_total{{namespace="$ns"}}[5m]))',
            unit="req/s",
            source=_REQUESTS,
        ),
        Template(
            name=Name.ERRORS,
            text=f'({_BY_SERVICE} (rate(http_requests_total{{namespace="$ns",code=~"5.."}}[5m])) or '
            f'{_BY_SERVICE} (rate(http_requests_total{{namespace="$ns",status=~"5.."}}[5m]))) / '
            f'{_BY_SERVICE} (rate(http_requests_total{{namespace="$ns"}}[5m]))',
            unit="share",
            source=_REQUESTS,
        ),
        Template(
            name=Name.LATENCY,
            text="histogram_quantile(0.95, sum by (namespace, service, le) "
            '(rate(http_request_duration_seconds_bucket{namespace="$ns"}[5m])))',
            unit="s",
            source="an application's own histogram of seconds a request",
        ),
        Template(
            name=Name.MEMORY,
            text=f"topk(10, max by {_BY_CONTAINER} "
            '(container_memory_working_set_bytes{namespace="$ns",container!=""}) / '
            f"max by {_BY_CONTAINER} "
            '(container_spec_memory_limit_bytes{namespace="$ns",container!=""} > 0))',
            unit="share",
            source="cAdvisor",
        ),
        Template(
            name=Name.THROTTLED,
            text=f"topk(10, sum by {_BY_CONTAINER} "
            '(rate(container_cpu_cfs_throttled_periods_total{namespace="$ns",container!=""}[5m])) / '
            f"sum by {_BY_CONTAINER} "
            '(rate(container_cpu_cfs_periods_total{namespace="$ns",container!=""}[5m])))',
            unit="share",
            source="cAdvisor",
        ),
        Template(
            name=Name.RESTARTS,
            text=f"topk(10, max by {_BY_CONTAINER} "
            '(kube_pod_container_status_restarts_total{namespace="$ns"}) > 0)',
            unit="restarts",
            source="kube-state-metrics",
        ),
        Template(
            name=Name.PRESSURE,
            text='max by (node, condition) (kube_node_status_condition{node="$node",status="true",'
            'condition=~"MemoryPressure|DiskPressure|PIDPressure"})',
            unit="",
            source="kube-state-metrics",
        ),
        Template(
            name=Name.DISK,
            # What is used leaves out what the file system keeps for itself: nobody can write that either.
            text=f'1 - min by {_BY_CLAIM} (kubelet_volume_stats_available_bytes{{namespace="$ns"}})'
            f" / max by {_BY_CLAIM} "
            '(kubelet_volume_stats_capacity_bytes{namespace="$ns"})',
            unit="share",
            source="the kubelet",
        ),
        Template(
            name=Name.INODES,
            text=f'max by {_BY_CLAIM} (kubelet_volume_stats_inodes_used{{namespace="$ns"}})'
            f" / max by {_BY_CLAIM} "
            '(kubelet_volume_stats_inodes{namespace="$ns"} > 0)',
            unit="share",
            source="the kubelet",
        ),
        Template(
            name=Name.SCALED,
            text="max by (namespace, horizontalpodautoscaler) "
            '(kube_horizontalpodautoscaler_status_current_replicas{namespace="$ns"}) / '
            "max by (namespace, horizontalpodautoscaler) "
            '(kube_horizontalpodautoscaler_spec_max_replicas{namespace="$ns"})',
            unit="share",
            source="kube-state-metrics",
        ),
        Template(
            name=Name.TARGET,
            text="max by (namespace, horizontalpodautoscaler, metric_name) "
            '(kube_horizontalpodautoscaler_status_target_metric{namespace="$ns"}) / '
            "max by (namespace, horizontalpodautoscaler, metric_name) "
            '(kube_horizontalpodautoscaler_spec_target_metric{namespace="$ns"})',
            unit="share",
            source="kube-state-metrics",
        ),
        Template(
            name=Name.GPU_MEMORY,
            text='max by (namespace, pod, gpu) (DCGM_FI_DEV_FB_USED{namespace="$ns"}) / '
            '(max by (namespace, pod, gpu) (DCGM_FI_DEV_FB_USED{namespace="$ns"}) + '
            'max by (namespace, pod, gpu) (DCGM_FI_DEV_FB_FREE{namespace="$ns"}))',
            unit="share",
            source="dcgm-exporter",
        ),
        Template(
            name=Name.GPU_ERRORS,
            text='max by (namespace, pod, gpu) (DCGM_FI_DEV_XID_ERRORS{namespace="$ns"}) > 0',
            unit="XID",
            source="dcgm-exporter",
        ),
        Template(
            name=Name.QUEUE,
            # A static scrape has no pod in its labels, but it may well have the Service.
            text=f'sum by {_BY_SERVER} (vllm:num_requests_waiting{{namespace="$ns"}}) or '
            f'sum by {_BY_SERVER} (nv_inference_pending_request_count{{namespace="$ns"}}) or '
            f'sum by {_BY_SERVER} (queue_depth{{namespace="$ns"}})',
            unit="requests",
            source="vLLM, Triton or the queue-proxy of KServe",
        ),
        Template(
            name=Name.KV_CACHE,
            text=f'max by {_BY_SERVER} (vllm:kv_cache_usage_perc{{namespace="$ns"}}) or '
            f'max by {_BY_SERVER} (vllm:gpu_cache_usage_perc{{namespace="$ns"}})',
            unit="share",
            source="vLLM",
        ),
    )
}


def wanted(snapshot: Snapshot, namespace: str, nodes: tuple[str, ...] = ()) -> tuple[Wanted, ...]:
    """What is worth asking about a namespace, the most telling first: nothing about what is not there.

    ``nodes`` are those that matter to the incident. A name that cannot be one is asked nothing about.
    """
    # From an alert's label: nothing but a name may become part of a query (threat T29).
    if not is_namespace(namespace):
        return ()
    asked = [
        Wanted(template=TEMPLATES[name], label="namespace", value=namespace)
        for name in _names(snapshot, namespace)
    ]
    pressed = [
        Wanted(template=TEMPLATES[Name.PRESSURE], label="node", value=node)
        for node in nodes[:MOST_NODES]
        if is_name(node)
    ]
    return (*asked, *pressed)


def _names(snapshot: Snapshot, namespace: str) -> Iterator[Name]:
    if snapshot.within(namespace, "Service"):
        yield from (Name.TRAFFIC, Name.ERRORS, Name.LATENCY)
    pods = snapshot.pods_in(namespace)
    if pods:
        yield from (Name.MEMORY, Name.THROTTLED, Name.RESTARTS)
    if snapshot.within(namespace, "PersistentVolumeClaim"):
        yield from (Name.DISK, Name.INODES)
    if snapshot.within(namespace, "HorizontalPodAutoscaler"):
        yield from (Name.SCALED, Name.TARGET)
    containers = [container for pod in pods for container in items(pod, "spec", "containers")]
    if any(map(_takes_gpus, containers)):
        yield from (Name.GPU_MEMORY, Name.GPU_ERRORS)
    if any(map(_serves_models, containers)):
        yield from (Name.QUEUE, Name.KV_CACHE)


def _takes_gpus(container: JsonObject) -> bool:
    return any("gpu" in resource for resource in dig(container, "resources", "limits") or {})


def _serves_models(container: JsonObject) -> bool:
    text = f"{container.get('image') or ''} {name_of({'metadata': container})}".lower()
    return any(word in text for word in _MODEL_SERVERS) or "queue-proxy" in text
