"""What metrics can tell of pods, volumes, autoscalers, nodes and Services over the hours around the start.

What only says that something moved (errors, latency, traffic) is information: it shows where to look, and the
objects say why.
"""

from __future__ import annotations

from agents.investigator.analyzers.coded import Coded

_REQUESTS = "http_requests_total by namespace and service"


class MetricCode(Coded):
    """Conditions that only a series shows; each is told with the evidence the series stands in."""

    MEMORY_NEAR_LIMIT = (
        "metric.memory.near_limit",
        "A container uses nearly all the memory it may have.",
        "container_memory_working_set_bytes against container_spec_memory_limit_bytes",
    )
    THROTTLED = (
        "metric.cpu.throttled",
        "A container is made to wait for CPU in a large part of its periods.",
        "container_cpu_cfs_throttled_periods_total against container_cpu_cfs_periods_total",
    )
    RESTARTING = (
        "metric.restarts.rose",
        "A container was restarted several times in the hours around the start; with when that began.",
        "kube_pod_container_status_restarts_total",
    )
    VOLUME_FILLING = (
        "pvc.filling_up",
        "A volume is nearly full, or will be soon if it goes on like this; with the time that is left.",
        "kubelet_volume_stats_available_bytes against kubelet_volume_stats_capacity_bytes",
    )
    INODES_FILLING = (
        "pvc.inodes_filling_up",
        "A volume has nearly no inodes left, or soon will not have any: no file can be made then.",
        "kubelet_volume_stats_inodes_used against kubelet_volume_stats_inodes",
    )
    MAXED_OUT = (
        "hpa.maxed_out_above_target",
        "An autoscaler has been at its maximum for minutes, and its metric stays above the target.",
        "kube_horizontalpodautoscaler_status_current_replicas, …_spec_max_replicas, …_status_target_metric, "
        "…_spec_target_metric",
    )
    PRESSURE = (
        "metric.node.pressure",
        "A node was under pressure (memory, disk, PIDs) in the hours around the start, be it over or not.",
        "kube_node_status_condition",
    )
    ERRORS_ROSE = (
        "metric.errors.rose",
        "The share of a Service's requests that fail rose around the start.",
        f"{_REQUESTS}, with code or status 5xx",
    )
    LATENCY_ROSE = (
        "metric.latency.rose",
        "A Service's slowest requests became slower around the start.",
        "http_request_duration_seconds_bucket by namespace and service",
    )
    TRAFFIC_ROSE = (
        "metric.traffic.rose",
        "A Service gets far more requests than in the hours before.",
        _REQUESTS,
    )
    TRAFFIC_FELL = (
        "metric.traffic.fell",
        "A Service gets far fewer requests than in the hours before, or none.",
        _REQUESTS,
    )
    ORIGIN = (
        "metric.graph.origin",
        "Of the Services that got slower or fail, the one that best explains the others by who calls whom.",
        f"{_REQUESTS}, http_request_duration_seconds_bucket, env addresses, selectors of Services",
    )
    GPU_MEMORY_FULL = (
        "metric.gpu.memory_full",
        "A GPU's memory is full to the last hundredths: the next allocation fails.",
        "DCGM_FI_DEV_FB_USED, DCGM_FI_DEV_FB_FREE",
    )
    GPU_ERROR = (
        "metric.gpu.error",
        "A GPU reported an error (XID) while a pod used it.",
        "DCGM_FI_DEV_XID_ERRORS",
    )
    MODEL_QUEUEING = (
        "modelserver.queueing",
        "Requests wait for a model server, and the queue does not drain.",
        "vllm:num_requests_waiting, nv_inference_pending_request_count, queue_depth",
    )
    MODEL_CACHE_FULL = (
        "modelserver.cache_full",
        "The KV cache of a model server is full: it preempts requests instead of serving more of them.",
        "vllm:kv_cache_usage_perc, vllm:gpu_cache_usage_perc",
    )
