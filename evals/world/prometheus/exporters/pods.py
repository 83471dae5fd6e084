"""kube-state-metrics' pod series (``docs/metrics/workload/pod-metrics.md``)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from evals.world.prometheus.exporters.reading import (
    StateSet,
    created,
    gauges,
    metadata,
    named,
    owners,
    resources,
    seconds,
    spec,
    status,
)
from evals.world.prometheus.samples import JsonObject, ObjectSource, Sample

_PHASE = StateSet("phase", ("Pending", "Succeeded", "Failed", "Unknown", "Running"))
_READY = StateSet("condition", ("true", "false", "unknown"))
_REASON = StateSet("reason", ("Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError"))
_INIT = "kube_pod_init_container"
_MAIN = "kube_pod_container"


def pod_series(objects: ObjectSource, _: datetime) -> Iterator[Sample]:
    """Every series of every pod."""
    for pod in objects.list("pods"):
        labels = {**named(pod, "pod"), "uid": metadata(pod).get("uid") or ""}
        yield from _pod(pod, labels)
        yield from _volumes(pod, labels)
        for container in status(pod).get("initContainerStatuses") or []:
            yield from _container_status(_INIT, container, labels)
        for container in status(pod).get("containerStatuses") or []:
            yield from _container_status(_MAIN, container, labels)
            yield from _image(container, labels)
        # Only the series about resources carry the node (docs/metrics/workload/pod-metrics.md).
        node = {**labels, "node": spec(pod).get("nodeName") or ""}
        for container in spec(pod).get("containers") or []:
            about = {**node, "container": container["name"]}
            wanted = container.get("resources") or {}
            yield from resources(f"{_MAIN}_resource_requests", wanted.get("requests"), about)
            yield from resources(f"{_MAIN}_resource_limits", wanted.get("limits"), about)


def _pod(pod: JsonObject, labels: dict[str, str]) -> Iterator[Sample]:
    owner: JsonObject = next(iter(metadata(pod).get("ownerReferences") or []), {})
    about = {
        "host_ip": status(pod).get("hostIP") or "",
        "pod_ip": status(pod).get("podIP") or "",
        "node": spec(pod).get("nodeName") or "",
        "created_by_kind": owner.get("kind") or "",
        "created_by_name": owner.get("name") or "",
        "priority_class": spec(pod).get("priorityClassName") or "",
        "host_network": str(bool(spec(pod).get("hostNetwork"))).lower(),
    }
    yield Sample("kube_pod_info", {**labels, **about}, 1.0)
    yield from created("kube_pod_created", pod, labels)
    yield from owners("kube_pod_owner", pod, labels)
    yield from _PHASE.of("kube_pod_status_phase", labels, status(pod).get("phase") or "")
    yield from _REASON.of("kube_pod_status_reason", labels, status(pod).get("reason") or "")
    found = {one["type"]: one for one in status(pod).get("conditions") or []}
    # A pod that was never scheduled has no such condition, and then no such series.
    if "Ready" in found:
        yield from _READY.of("kube_pod_status_ready", labels, str(found["Ready"].get("status")).lower())
    scheduled = found.get("PodScheduled") or {}
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        yield Sample("kube_pod_status_unschedulable", labels, 1.0)
    started = {
        "kube_pod_start_time": seconds(status(pod).get("startTime")),
        "kube_pod_deletion_timestamp": seconds(metadata(pod).get("deletionTimestamp")),
    }
    yield from gauges(labels, started)


def _volumes(pod: JsonObject, labels: dict[str, str]) -> Iterator[Sample]:
    for volume in spec(pod).get("volumes") or []:
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim:
            about = {**labels, "volume": volume["name"], "persistentvolumeclaim": claim}
            yield Sample("kube_pod_spec_volumes_persistentvolumeclaims_info", about, 1.0)


def _container_status(prefix: str, container: JsonObject, labels: dict[str, str]) -> Iterator[Sample]:
    about = {**labels, "container": container["name"]}
    state, last = container.get("state") or {}, (container.get("lastState") or {}).get("terminated") or {}
    yield from gauges(
        about,
        {
            f"{prefix}_status_ready": float(bool(container.get("ready"))),
            f"{prefix}_status_restarts_total": float(container.get("restartCount") or 0),
            f"{prefix}_status_waiting": float("waiting" in state),
            f"{prefix}_status_running": float("running" in state),
            f"{prefix}_status_terminated": float("terminated" in state),
            f"{prefix}_state_started": seconds((state.get("running") or {}).get("startedAt")),
        },
    )
    for kind in ("waiting", "terminated"):
        reason = (state.get(kind) or {}).get("reason")
        if reason:
            # Absent, not 0, when the container is in no such state: rules use max_over_time because of it.
            yield Sample(f"{prefix}_status_{kind}_reason", {**about, "reason": reason}, 1.0)
    if last.get("reason"):
        yield Sample(f"{prefix}_status_last_terminated_reason", {**about, "reason": last["reason"]}, 1.0)
    ended = {
        f"{prefix}_status_last_terminated_exitcode": last.get("exitCode"),
        f"{prefix}_status_last_terminated_timestamp": seconds(last.get("finishedAt")),
    }
    yield from gauges(about, ended)


def _image(container: JsonObject, labels: dict[str, str]) -> Iterator[Sample]:
    about = {
        "container": container["name"],
        "image": container.get("image") or "",
        "image_spec": container.get("image") or "",
        "image_id": container.get("imageID") or "",
        "container_id": container.get("containerID") or "",
    }
    yield Sample("kube_pod_container_info", {**labels, **about}, 1.0)
