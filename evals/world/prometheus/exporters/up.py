"""``up``: which scrape targets answer. Those of a Service do as long as their pods are ready."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from evals.world.prometheus.exporters.reading import metadata, named, spec, status
from evals.world.prometheus.samples import JsonObject, ObjectSource, Sample

SCRAPED = "prometheus.io/scrape"
"""Annotation of a Service whose endpoints are scraped (convention of Prometheus' Kubernetes example)."""


def up_series(objects: ObjectSource, _: datetime) -> Iterator[Sample]:
    """``up`` of the exporters themselves, of each node's kubelet and of every scraped Service's endpoints."""
    yield Sample("up", {"job": "kube-state-metrics", "instance": "kube-state-metrics:8080"}, 1.0)
    for node in objects.list("nodes"):
        name = metadata(node).get("name") or ""
        labels = {
            "job": "kubelet",
            "metrics_path": "/metrics/cadvisor",
            "instance": f"{name}:10250",
            "node": name,
        }
        yield Sample("up", labels, float(_condition(node, "Ready") == "True"))
    scraped = {_path(one) for one in objects.list("services") if _is_scraped(one)}
    for piece in objects.list("endpointslices"):
        where = _path_of_slice(piece)
        if where in scraped:
            yield from _endpoints_up(piece, where)


def _endpoints_up(piece: JsonObject, where: str) -> Iterator[Sample]:
    namespace, _, service = where.partition("/")
    port: JsonObject = next(iter(piece.get("ports") or []), {})
    for endpoint in piece.get("endpoints") or []:
        pod = (endpoint.get("targetRef") or {}).get("name") or ""
        for address in endpoint.get("addresses") or []:
            labels = {
                "job": service,
                "namespace": namespace,
                "service": service,
                "endpoint": port.get("name") or "",
                "instance": f"{address}:{port.get('port', 80)}",
                "pod": pod,
            }
            # A pod that is not ready is still scraped and usually does not answer.
            yield Sample("up", labels, float((endpoint.get("conditions") or {}).get("ready", True)))


def _path_of_slice(piece: JsonObject) -> str:
    service = (metadata(piece).get("labels") or {}).get("kubernetes.io/service-name") or ""
    return f"{metadata(piece).get('namespace')}/{service}"


def _path(service: JsonObject) -> str:
    labels = named(service, "service")
    return f"{labels['namespace']}/{labels['service']}"


def _is_scraped(service: JsonObject) -> bool:
    annotations = metadata(service).get("annotations") or {}
    return annotations.get(SCRAPED) == "true" and spec(service).get("type") != "ExternalName"


def _condition(obj: JsonObject, kind: str) -> str:
    return next((one["status"] for one in status(obj).get("conditions") or [] if one["type"] == kind), "")
