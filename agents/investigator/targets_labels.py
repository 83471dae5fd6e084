"""What an alert's labels name: kinds and names to look for, in which namespace, the most telling first.

Source: the label names of kube-state-metrics, ingress-nginx, Envoy Gateway, Istio and the blackbox exporter.
The workload series of the kube-state-metrics chart carry the exporter's own ``pod``, ``container``,
``service`` and sometimes ``namespace``, so an alert's kind label comes first and ``pod`` counts only for pod
alerts. A label is a search key and nothing more (threat T4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

EXPORTER = "kube-state-metrics"
WORKLOAD, HOST, IMAGE = "Workload", "Host", "Image"
"""What a label may name beside a kind: an application, an address from outside, what pods run."""

# Label → kind, most telling first: a claim's alert also carries `node`, a workload's never carries a claim.
KIND_LABELS: tuple[tuple[str, str], ...] = (
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("scaledObject", "ScaledObject"),
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("replicaset", "ReplicaSet"),
    ("job_name", "Job"),
    ("cronjob", "CronJob"),
    ("ingress", "Ingress"),
    ("httproute", "HTTPRoute"),
    ("grpcroute", "GRPCRoute"),
    ("tlsroute", "TLSRoute"),
    ("tcproute", "TCPRoute"),
    ("udproute", "UDPRoute"),
    ("gateway", "Gateway"),
    ("gateway_name", "Gateway"),
    ("gatewayclass", "GatewayClass"),
    ("poddisruptionbudget", "PodDisruptionBudget"),
    ("resourcequota", "ResourceQuota"),
    ("persistentvolume", "PersistentVolume"),
)
_APP_LABELS = (
    "workload",
    "destination_workload",
    "destination_service_name",
    "service",
    "app",
    "app_kubernetes_io_name",
    "application",
)
_HOST_LABELS = (
    "host",
    "hostname",
    "server_name",
    "vhost",
    "authority",
    "destination_service",
    "target",
    "url",
)
_PATH_LABELS = ("path", "uri")
# A scrape's address is the exporter's own, but of a probe it is what was probed.
_LAST_LABELS = ((HOST, "instance"), (WORKLOAD, "job"))
_SCOPES = (
    "exported_namespace",
    "destination_workload_namespace",
    "destination_service_namespace",
    "namespace",
)
_ENVOY_CLUSTER = re.compile(
    r"(?P<kind>http|grpc|tls|tcp|udp)route/(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+)/rule/"
)
"""How Envoy Gateway calls a backend: by the route and the rule that lead there."""
_LEADERS = re.compile(r"^(kube-scheduler|kube-controller-manager|cloud-controller-manager)$")
_LEADER_ALERTS = (
    (re.compile(r"^KubeScheduler", re.IGNORECASE), "kube-scheduler"),
    (re.compile(r"^KubeControllerManager", re.IGNORECASE), "kube-controller-manager"),
)
ROUTE_ALERTS = re.compile(r"ingress|gateway|httproute", re.IGNORECASE)
ROUTE_KINDS = ("Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "Gateway")


class Named(NamedTuple):
    """One thing that an alert names; with a namespace where the label itself says it."""

    kind: str
    name: str
    namespace: str = ""


def namespace_label(labels: Mapping[str, str]) -> str:
    """The workload's namespace: beside a more telling label ``namespace`` is that of the exporter."""
    found = _envoy(labels)
    return found.namespace if found else next((labels[key] for key in _SCOPES if labels.get(key)), "")


def names_something(labels: Mapping[str, str]) -> bool:
    """Whether the alert names an object at all, be there one of that name or not."""
    return any(_is_name(one) for one in wanted(labels) if one.name != labels.get("job"))


def missing_name(labels: Mapping[str, str]) -> Named | None:
    """The first name that ought to be there; an address may well be one of somewhere else."""
    return next(filter(_is_name, wanted(labels)), None)


def _is_name(one: Named) -> bool:
    return one.kind not in {HOST, IMAGE}


def address_of(labels: Mapping[str, str]) -> str:
    """The address that an alert names instead of an object; empty when it names something better."""
    first = next(wanted(labels), None)
    return first.name if first and first.kind == HOST else ""


def called(labels: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The Service that an application's alert is about by its label, be there one of that name or not."""
    name = labels.get("exported_service") or labels.get("service", "")
    named = next(wanted(labels), None)
    return ("Service", namespace_label(labels), name) if named and named == Named(WORKLOAD, name) else None


def wanted(labels: Mapping[str, str]) -> Iterator[Named]:
    """Kinds and names to look for, the best first."""
    named = [*_kinds(labels), *filter(None, (_envoy(labels), _custom(labels)))]
    # An alert says its kind in its name; with two kind labels that one is the subject.
    subject = labels.get("alertname", "").lower()
    yield from sorted(named, key=lambda one: one.kind.lower() not in subject)
    pod, about_exporter = _pod(labels)
    if node := _node(labels, named=bool(named or (pod and not about_exporter))):
        yield Named("Node", node)
        return
    # A word like "gateway" may mean something else; then the application's labels still count.
    if any(one.kind not in ROUTE_KINDS for one in named):
        return
    if leader := _leader(labels):
        yield Named("Lease", leader, "kube-system")
    if pod and not about_exporter:
        yield Named("Pod", pod)
        return
    if not about_exporter:
        yield from _application(labels)
    if image := labels.get("image"):
        yield Named(IMAGE, image)


def _kinds(labels: Mapping[str, str]) -> Iterator[Named]:
    for label, kind in KIND_LABELS:
        if value := labels.get(f"exported_{label}") or labels.get(label):
            yield Named(kind, value)


def _envoy(labels: Mapping[str, str]) -> Named | None:
    found = _ENVOY_CLUSTER.match(labels.get("envoy_cluster_name", ""))
    return Named(f"{found['kind'].upper()}Route", found["name"], found["namespace"]) if found else None


def _custom(labels: Mapping[str, str]) -> Named | None:
    """The object of a custom resource's series: there ``name`` is its name."""
    kind, name = labels.get("customresource_kind"), labels.get("exported_name") or labels.get("name")
    return Named(kind, name) if kind and name else None


def _leader(labels: Mapping[str, str]) -> str:
    """The part of the control plane that the alert is about: it shows itself by its lease."""
    if _LEADERS.match(labels.get("job", "")):
        return labels["job"]
    name = labels.get("alertname", "")
    return next((leader for pattern, leader in _LEADER_ALERTS if pattern.search(name)), "")


def _application(labels: Mapping[str, str]) -> Iterator[Named]:
    for label in _APP_LABELS:
        value = labels.get(f"exported_{label}") or labels.get(label)
        if value and value != EXPORTER:
            yield Named(WORKLOAD, value)
    path = next((labels[key] for key in _PATH_LABELS if labels.get(key)), "")
    for label in _HOST_LABELS:
        if value := labels.get(label):
            yield Named(HOST, value if "/" in value or not path.startswith("/") else value + path)
    for kind, label in _LAST_LABELS:
        value = labels.get(label)
        if value and value != EXPORTER:
            yield Named(kind, value)


def _pod(labels: Mapping[str, str]) -> tuple[str, bool]:
    """The pod named, and whether ``pod`` and ``service`` are the exporter's own labels."""
    if exported := labels.get("exported_pod"):
        return exported, False
    return labels.get("pod", ""), labels.get("container") == EXPORTER


def _node(labels: Mapping[str, str], *, named: bool) -> str:
    # A pod's or a claim's alert names the node it is on; the node is the subject only without those.
    return "" if named else labels.get("node", "")
