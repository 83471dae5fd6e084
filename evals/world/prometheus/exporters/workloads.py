"""kube-state-metrics' series of workloads: Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, HPAs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from evals.world.prometheus.exporters.reading import (
    conditions,
    created,
    gauges,
    metadata,
    named,
    owners,
    seconds,
    spec,
    status,
)
from evals.world.prometheus.samples import JsonObject, ObjectSource, Sample


def workload_series(objects: ObjectSource, _: datetime) -> Iterator[Sample]:
    """Every series of every workload."""
    for resource, read in _READERS.items():
        for obj in objects.list(resource):
            yield from read(obj)


def _wanted(obj: JsonObject) -> float:
    # The API's default: a missing number of replicas is one, not none.
    replicas = spec(obj).get("replicas")
    return 1.0 if replicas is None else float(replicas)


def _deployment(obj: JsonObject) -> Iterator[Sample]:
    labels, now = named(obj, "deployment"), status(obj)
    rolling = (spec(obj).get("strategy") or {}).get("rollingUpdate") or {}
    yield from created("kube_deployment_created", obj, labels)
    yield from gauges(
        labels,
        {
            "kube_deployment_spec_replicas": _wanted(obj),
            "kube_deployment_spec_paused": float(bool(spec(obj).get("paused"))),
            "kube_deployment_status_replicas": now.get("replicas") or 0,
            "kube_deployment_status_replicas_available": now.get("availableReplicas") or 0,
            "kube_deployment_status_replicas_unavailable": now.get("unavailableReplicas") or 0,
            "kube_deployment_status_replicas_ready": now.get("readyReplicas") or 0,
            "kube_deployment_status_replicas_updated": now.get("updatedReplicas") or 0,
            "kube_deployment_status_observed_generation": now.get("observedGeneration") or 0,
            "kube_deployment_metadata_generation": metadata(obj).get("generation") or 0,
            "kube_deployment_spec_strategy_rollingupdate_max_unavailable": _whole(
                rolling.get("maxUnavailable")
            ),
            "kube_deployment_spec_strategy_rollingupdate_max_surge": _whole(rolling.get("maxSurge")),
        },
    )
    yield from conditions("kube_deployment_status_condition", obj, labels)


def _whole(value: object) -> float | None:
    # The real exporter resolves percentages against the replicas; here such a series stays absent.
    return float(value) if isinstance(value, int) else None


def _replicaset(obj: JsonObject) -> Iterator[Sample]:
    labels, now = named(obj, "replicaset"), status(obj)
    yield from created("kube_replicaset_created", obj, labels)
    yield from owners("kube_replicaset_owner", obj, labels)
    yield from gauges(
        labels,
        {
            "kube_replicaset_spec_replicas": _wanted(obj),
            "kube_replicaset_status_replicas": now.get("replicas") or 0,
            "kube_replicaset_status_ready_replicas": now.get("readyReplicas") or 0,
            "kube_replicaset_status_observed_generation": now.get("observedGeneration") or 0,
        },
    )


def _statefulset(obj: JsonObject) -> Iterator[Sample]:
    labels, now = named(obj, "statefulset"), status(obj)
    yield from gauges(
        labels,
        {
            "kube_statefulset_replicas": _wanted(obj),
            "kube_statefulset_status_replicas": now.get("replicas") or 0,
            "kube_statefulset_status_replicas_ready": now.get("readyReplicas") or 0,
            "kube_statefulset_status_replicas_current": now.get("currentReplicas") or 0,
            "kube_statefulset_status_replicas_updated": now.get("updatedReplicas") or 0,
            "kube_statefulset_status_observed_generation": now.get("observedGeneration") or 0,
            "kube_statefulset_metadata_generation": metadata(obj).get("generation") or 0,
        },
    )


def _daemonset(obj: JsonObject) -> Iterator[Sample]:
    labels, now = named(obj, "daemonset"), status(obj)
    prefix = "kube_daemonset_status"
    yield from gauges(
        labels,
        {
            f"{prefix}_desired_number_scheduled": now.get("desiredNumberScheduled") or 0,
            f"{prefix}_current_number_scheduled": now.get("currentNumberScheduled") or 0,
            f"{prefix}_number_ready": now.get("numberReady") or 0,
            f"{prefix}_number_available": now.get("numberAvailable") or 0,
            f"{prefix}_number_misscheduled": now.get("numberMisscheduled") or 0,
            "kube_daemonset_status_updated_number_scheduled": now.get("updatedNumberScheduled") or 0,
        },
    )


def _job(obj: JsonObject) -> Iterator[Sample]:
    # `job` is taken by the scrape job, so the exporter calls a Job's name `job_name`.
    labels, now = named(obj, "job_name"), status(obj)
    yield from owners("kube_job_owner", obj, labels)
    yield from gauges(
        labels,
        {
            "kube_job_spec_completions": spec(obj).get("completions"),
            "kube_job_status_active": now.get("active") or 0,
            "kube_job_status_succeeded": now.get("succeeded") or 0,
            "kube_job_status_start_time": seconds(now.get("startTime")),
            "kube_job_status_completion_time": seconds(now.get("completionTime")),
        },
    )
    found = {one["type"]: one for one in now.get("conditions") or []}
    for kind, series in (("Failed", "kube_job_failed"), ("Complete", "kube_job_complete")):
        if kind in found:
            actual = str(found[kind].get("status")).lower()
            for state in ("true", "false", "unknown"):
                yield Sample(series, {**labels, "condition": state}, float(state == actual))
    failed = found.get("Failed") or {}
    about = {**labels, "reason": failed.get("reason") or ""}
    yield Sample("kube_job_status_failed", about, float(now.get("failed") or 0))


def _cronjob(obj: JsonObject) -> Iterator[Sample]:
    labels, now = named(obj, "cronjob"), status(obj)
    yield from gauges(
        labels,
        {
            "kube_cronjob_spec_suspend": float(bool(spec(obj).get("suspend"))),
            "kube_cronjob_status_active": len(now.get("active") or []),
            "kube_cronjob_status_last_schedule_time": seconds(now.get("lastScheduleTime")),
        },
    )


def _hpa(obj: JsonObject) -> Iterator[Sample]:
    prefix, labels, now = "kube_horizontalpodautoscaler", named(obj, "horizontalpodautoscaler"), status(obj)
    target = spec(obj).get("scaleTargetRef") or {}
    about = {
        "scaletargetref_api_version": target.get("apiVersion") or "",
        "scaletargetref_kind": target.get("kind") or "",
        "scaletargetref_name": target.get("name") or "",
    }
    yield Sample(f"{prefix}_info", {**labels, **about}, 1.0)
    yield from gauges(
        labels,
        {
            f"{prefix}_spec_max_replicas": spec(obj).get("maxReplicas"),
            f"{prefix}_spec_min_replicas": spec(obj).get("minReplicas", 1),
            f"{prefix}_status_current_replicas": now.get("currentReplicas") or 0,
            f"{prefix}_status_desired_replicas": now.get("desiredReplicas") or 0,
        },
    )
    yield from conditions(f"{prefix}_status_condition", obj, labels)


_READERS = {
    "deployments": _deployment,
    "replicasets": _replicaset,
    "statefulsets": _statefulset,
    "daemonsets": _daemonset,
    "jobs": _job,
    "cronjobs": _cronjob,
    "horizontalpodautoscalers": _hpa,
}
