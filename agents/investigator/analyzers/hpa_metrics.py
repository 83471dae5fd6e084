"""What an autoscaler goes by: which resources of which containers, and which metric is above its target.

Source: MetricSpec, MetricTarget and MetricStatus (autoscaling/v2).
"""

from __future__ import annotations

from agents.investigator.analyzers.capacity import number
from agents.investigator.analyzers.fields import dig, items, name_of, quotable
from tools.kubernetes.objects import JsonObject

_DEFAULT: tuple[JsonObject, ...] = (
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}},
)
"""What the API server fills in for an autoscaler without metrics."""

_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_COMPARED = ("averageUtilization", "averageValue", "value")


def without_request(hpa: JsonObject, target: JsonObject, given: frozenset[str]) -> dict[str, list[str]]:
    """Containers of the target that request nothing of a resource the autoscaler measures, by resource.

    Utilisation is use by request: without a request there is none. A limit counts as a request; ``given``
    are the resources of which a LimitRange gives every container some.
    """
    lacking: dict[str, list[str]] = {}
    for metric in items(hpa, "spec", "metrics") or _DEFAULT:
        source = metric.get(_SOURCES.get(metric.get("type") or "", "")) or {}
        if metric.get("type") not in ("Resource", "ContainerResource") or _absolute(source):
            continue
        resource = source.get("name") or ""
        if resource in given:
            continue
        containers = sorted(
            container.get("name") or ""
            for container in items(target, "spec", "template", "spec", "containers")
            if source.get("container") in (None, container.get("name"))
            and not dig(container, "resources", "requests", resource)
            and not dig(container, "resources", "limits", resource)
        )
        if containers:
            lacking[resource] = containers
    return lacking


def _absolute(source: JsonObject) -> bool:
    return bool(dig(source, "target", "type") == "AverageValue")


def above_target(hpa: JsonObject) -> dict[str, JsonObject]:
    """The metrics whose present value is above its target, by name, with both."""
    targets = {_key(metric): metric for metric in items(hpa, "spec", "metrics")}
    found: dict[str, JsonObject] = {}
    for metric in items(hpa, "status", "currentMetrics"):
        wanted = _source(targets.get(_key(metric)) or {}).get("target") or {}
        current = _source(metric).get("current") or {}
        for kind in _COMPARED:
            if kind in wanted and number(current.get(kind)) > number(wanted[kind]):
                found[quotable(_key(metric)[1])] = {"current": current[kind], "target": wanted[kind]}
    return found


def _source(metric: JsonObject) -> JsonObject:
    return metric.get(_SOURCES.get(metric.get("type") or "", "")) or {}


def _key(metric: JsonObject) -> tuple[str, str, str]:
    source = _source(metric)
    name = source.get("name") or dig(source, "metric", "name") or name_of(source)
    return metric.get("type") or "", name, source.get("container") or ""
