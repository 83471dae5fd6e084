"""kube-state-metrics' series of what workloads stand on: nodes, claims, quotas, Services, endpoints.

Names, labels and gaps are the real exporter's: a rule written for it must fire here, and one that misses
there must miss here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from evals.world.kubernetes.controllers.quantities import quantity
from evals.world.prometheus.exporters.reading import (
    StateSet,
    conditions,
    created,
    metadata,
    named,
    resources,
    spec,
    status,
)
from evals.world.prometheus.samples import JsonObject, ObjectSource, Sample

_CLAIM = StateSet("phase", ("Pending", "Bound", "Lost"))


def cluster_series(objects: ObjectSource, _: datetime) -> Iterator[Sample]:
    """Every series of nodes, claims, quotas, namespaces, Services and EndpointSlices."""
    for resource, read in _READERS.items():
        for obj in objects.list(resource):
            yield from read(obj)


def _node(obj: JsonObject) -> Iterator[Sample]:
    labels = {"node": metadata(obj).get("name") or ""}
    info = status(obj).get("nodeInfo") or {}
    about = {
        # An unknown value is an empty label and not a missing series: joins on the node must go on working.
        "kernel_version": info.get("kernelVersion") or "",
        "os_image": info.get("osImage") or "",
        "container_runtime_version": info.get("containerRuntimeVersion") or "",
        "kubelet_version": info.get("kubeletVersion") or "",
    }
    addresses = {one["type"]: one["address"] for one in status(obj).get("addresses") or []}
    yield Sample("kube_node_info", {**labels, **about, "internal_ip": addresses.get("InternalIP", "")}, 1.0)
    yield Sample("kube_node_spec_unschedulable", labels, float(bool(spec(obj).get("unschedulable"))))
    for taint in spec(obj).get("taints") or []:
        marks = {"key": taint["key"], "value": taint.get("value") or "", "effect": taint["effect"]}
        yield Sample("kube_node_spec_taint", {**labels, **marks}, 1.0)
    yield from conditions("kube_node_status_condition", obj, labels)
    yield from resources("kube_node_status_allocatable", status(obj).get("allocatable"), labels)
    yield from resources("kube_node_status_capacity", status(obj).get("capacity"), labels)


def _claim(obj: JsonObject) -> Iterator[Sample]:
    labels = named(obj, "persistentvolumeclaim")
    about = {
        "storageclass": spec(obj).get("storageClassName") or "",
        "volumename": spec(obj).get("volumeName") or "",
    }
    yield Sample("kube_persistentvolumeclaim_info", {**labels, **about}, 1.0)
    yield from _CLAIM.of("kube_persistentvolumeclaim_status_phase", labels, status(obj).get("phase") or "")
    asked = ((spec(obj).get("resources") or {}).get("requests") or {}).get("storage")
    if asked:
        name = "kube_persistentvolumeclaim_resource_requests_storage_bytes"
        yield Sample(name, labels, float(quantity(asked)))


def _quota(obj: JsonObject) -> Iterator[Sample]:
    labels = named(obj, "resourcequota")
    for kind in ("hard", "used"):
        for resource, amount in (status(obj).get(kind) or {}).items():
            about = {**labels, "resource": resource, "type": kind}
            yield Sample("kube_resourcequota", about, float(quantity(amount)))


def _namespace(obj: JsonObject) -> Iterator[Sample]:
    labels = {"namespace": metadata(obj).get("name") or ""}
    phase = StateSet("phase", ("Active", "Terminating"))
    yield from phase.of("kube_namespace_status_phase", labels, status(obj).get("phase") or "Active")


def _service(obj: JsonObject) -> Iterator[Sample]:
    labels = named(obj, "service")
    about = {
        "cluster_ip": spec(obj).get("clusterIP") or "",
        "external_name": spec(obj).get("externalName") or "",
    }
    yield Sample("kube_service_info", {**labels, **about}, 1.0)
    yield Sample("kube_service_spec_type", {**labels, "type": spec(obj).get("type") or "ClusterIP"}, 1.0)
    yield from created("kube_service_created", obj, labels)


def _endpointslice(obj: JsonObject) -> Iterator[Sample]:
    labels = named(obj, "endpointslice")
    service = (metadata(obj).get("labels") or {}).get("kubernetes.io/service-name") or ""
    about = {**labels, "addresstype": obj.get("addressType") or "IPv4"}
    yield Sample("kube_endpointslice_info", about, 1.0)
    for endpoint in obj.get("endpoints") or []:
        state = endpoint.get("conditions") or {}
        target = endpoint.get("targetRef") or {}
        # Absent means ready: so the API defines it for consumers (discovery.k8s.io/v1).
        ready = str(state.get("ready", True)).lower()
        for address in endpoint.get("addresses") or []:
            marks = {
                "address": address,
                "ready": ready,
                "serving": str(state.get("serving", True)).lower(),
                "terminating": str(state.get("terminating", False)).lower(),
                "targetref_kind": target.get("kind") or "",
                "targetref_name": target.get("name") or "",
                "targetref_namespace": target.get("namespace") or "",
                "nodename": endpoint.get("nodeName") or "",
            }
            yield Sample("kube_endpointslice_endpoints", {**labels, **marks}, 1.0)
            if service:
                # The real exporter derives this one from Endpoints, which mirror the slices here.
                where = {"namespace": labels["namespace"], "endpoint": service, "ip": address, "ready": ready}
                yield Sample("kube_endpoint_address", where, 1.0)


_READERS = {
    "nodes": _node,
    "persistentvolumeclaims": _claim,
    "resourcequotas": _quota,
    "namespaces": _namespace,
    "services": _service,
    "endpointslices": _endpointslice,
}
