"""The columns ``kubectl get`` prints, as the server computes them (pkg/printers/internalversion)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, dig, meta
from evals.world.kubernetes.pod_columns import ago, pod_ready, pod_restarts, pod_status
from evals.world.kubernetes.selectors import selector_text

Cell = Callable[[JsonObject, datetime], Any]


@dataclass(frozen=True)
class Column:
    """One column; priority 1 shows with ``-o wide`` only."""

    name: str
    cell: Cell
    priority: int = 0
    type: str = "string"
    format: str = ""


def columns_of(kind: Kind) -> list[JsonObject]:
    """The column definitions of a kind's table."""
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.name,
            "priority": column.priority,
        }
        for column in _COLUMNS.get(kind.resource, _PLAIN)
    ]


def row_of(kind: Kind, obj: JsonObject, now: datetime) -> list[Any]:
    """The printed cells of one object."""
    return [column.cell(obj, now) for column in _COLUMNS.get(kind.resource, _PLAIN)]


def _at(*path: str, default: Any = "") -> Cell:
    def cell(obj: JsonObject, _: datetime) -> Any:
        value = dig(obj, *path)
        return default if value is None else value

    return cell


def _number(*path: str) -> Cell:
    return _at(*path, default=0)


def _text(*path: str) -> Cell:
    """A value, or ``<none>`` when it is missing or empty."""

    def cell(obj: JsonObject, _: datetime) -> str:
        return str(dig(obj, *path) or "<none>")

    return cell


def _of(number: tuple[str, ...], total: tuple[str, ...]) -> Cell:
    def cell(obj: JsonObject, _: datetime) -> str:
        return f"{dig(obj, *number) or 0}/{dig(obj, *total) or 0}"

    return cell


def _age(obj: JsonObject, now: datetime) -> str:
    return ago(meta(obj).get("creationTimestamp"), now)


def _size(*path: str) -> Cell:
    def cell(obj: JsonObject, _: datetime) -> int:
        return len(dig(obj, *path) or ())

    return cell


def _containers(part: str, *path: str) -> Cell:
    def cell(obj: JsonObject, _: datetime) -> str:
        return ",".join(str(each.get(part, "")) for each in dig(obj, *path, "containers") or [])

    return cell


def _selector(obj: JsonObject, _: datetime) -> str:
    selector = dig(obj, "spec", "selector")
    return selector_text(
        selector if selector and "matchLabels" in selector else {"matchLabels": selector or {}}
    )


def _service_ports(obj: JsonObject, _: datetime) -> str:
    words = []
    for port in dig(obj, "spec", "ports") or []:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        words.append(f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(words) or "<none>"


def _service_address(obj: JsonObject, _: datetime) -> str:
    if dig(obj, "spec", "type") == "LoadBalancer":
        found = dig(obj, "status", "loadBalancer", "ingress") or []
        return ",".join(each.get("ip") or each.get("hostname", "") for each in found) or "<pending>"
    return ",".join(dig(obj, "spec", "externalIPs") or []) or str(
        dig(obj, "spec", "externalName") or "<none>"
    )


def _node_status(obj: JsonObject, _: datetime) -> str:
    ready = next((c for c in dig(obj, "status", "conditions") or [] if c.get("type") == "Ready"), None)
    state = "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    return f"{state},SchedulingDisabled" if dig(obj, "spec", "unschedulable") else state


def _node_roles(obj: JsonObject, _: datetime) -> str:
    prefix = "node-role.kubernetes.io/"
    return (
        ",".join(
            sorted(k.removeprefix(prefix) for k in meta(obj).get("labels") or {} if k.startswith(prefix))
        )
        or "<none>"
    )


def _node_address(obj: JsonObject, _: datetime) -> str:
    found = dig(obj, "status", "addresses") or []
    return next((each["address"] for each in found if each.get("type") == "InternalIP"), "<none>")


def _namespace_status(obj: JsonObject, _: datetime) -> str:
    return (
        "Terminating" if meta(obj).get("deletionTimestamp") else str(dig(obj, "status", "phase") or "Active")
    )


def _event_object(obj: JsonObject, _: datetime) -> str:
    about = obj.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _event_seen(obj: JsonObject, now: datetime) -> str:
    latest = obj.get("lastTimestamp") or dig(obj, "series", "lastObservedTime") or obj.get("eventTime")
    return ago(latest or meta(obj).get("creationTimestamp"), now)


def _endpoints(obj: JsonObject, _: datetime) -> str:
    words = []
    for subset in obj.get("subsets") or []:
        for port in subset.get("ports") or [{}]:
            number = f":{port['port']}" if port.get("port") else ""
            words += [f"{address['ip']}{number}" for address in subset.get("addresses") or []]
    extra = f" + {len(words) - 3} more..." if len(words) > 3 else ""
    return ",".join(words[:3]) + extra or "<none>"


def _slice_ports(obj: JsonObject, _: datetime) -> str:
    return ",".join(str(port.get("port", "*")) for port in obj.get("ports") or []) or "<unset>"


def _slice_addresses(obj: JsonObject, _: datetime) -> str:
    found = [address for each in obj.get("endpoints") or [] for address in each.get("addresses") or []]
    extra = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + extra or "<unset>"


def _hpa_target(obj: JsonObject, _: datetime) -> str:
    target = dig(obj, "spec", "scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _job_status(obj: JsonObject, _: datetime) -> str:
    held = {c.get("type") for c in dig(obj, "status", "conditions") or [] if c.get("status") == "True"}
    return next((name for name in ("Complete", "Failed", "Suspended") if name in held), "Running")


_NAME = Column("Name", _at("metadata", "name"), format="name")
_AGE = Column("Age", _age)
_PLAIN = (_NAME, _AGE)
_TEMPLATE = ("spec", "template", "spec")
_WIDE = (
    Column("Containers", _containers("name", *_TEMPLATE), 1),
    Column("Images", _containers("image", *_TEMPLATE), 1),
)
_SELECTOR = Column("Selector", _selector, 1)

_COLUMNS: dict[str, tuple[Column, ...]] = {
    "pods": (
        _NAME,
        Column("Ready", lambda obj, _: pod_ready(obj)),
        Column("Status", lambda obj, _: pod_status(obj)),
        Column("Restarts", pod_restarts),
        _AGE,
        Column("IP", _text("status", "podIP"), 1),
        Column("Node", _text("spec", "nodeName"), 1),
        Column("Nominated Node", _text("status", "nominatedNodeName"), 1),
        Column("Readiness Gates", _text("spec", "readinessGates"), 1),
    ),
    "deployments": (
        _NAME,
        Column("Ready", _of(("status", "readyReplicas"), ("spec", "replicas"))),
        Column("Up-to-date", _number("status", "updatedReplicas"), type="integer"),
        Column("Available", _number("status", "availableReplicas"), type="integer"),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "replicasets": (
        _NAME,
        Column("Desired", _number("spec", "replicas"), type="integer"),
        Column("Current", _number("status", "replicas"), type="integer"),
        Column("Ready", _number("status", "readyReplicas"), type="integer"),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "statefulsets": (
        _NAME,
        Column("Ready", _of(("status", "readyReplicas"), ("spec", "replicas"))),
        _AGE,
        *_WIDE,
    ),
    "daemonsets": (
        _NAME,
        Column("Desired", _number("status", "desiredNumberScheduled"), type="integer"),
        Column("Current", _number("status", "currentNumberScheduled"), type="integer"),
        Column("Ready", _number("status", "numberReady"), type="integer"),
        Column("Up-to-date", _number("status", "updatedNumberScheduled"), type="integer"),
        Column("Available", _number("status", "numberAvailable"), type="integer"),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "jobs": (
        _NAME,
        Column("Status", _job_status),
        Column("Completions", _of(("status", "succeeded"), ("spec", "completions"))),
        _AGE,
        *_WIDE,
    ),
    "cronjobs": (
        _NAME,
        Column("Schedule", _at("spec", "schedule")),
        Column("Suspend", _at("spec", "suspend", default=False), type="boolean"),
        Column("Active", _size("status", "active"), type="integer"),
        _AGE,
    ),
    "services": (
        _NAME,
        Column("Type", _at("spec", "type")),
        Column("Cluster-IP", _text("spec", "clusterIP")),
        Column("External-IP", _service_address),
        Column("Port(s)", _service_ports),
        _AGE,
        _SELECTOR,
    ),
    "endpoints": (_NAME, Column("Endpoints", _endpoints), _AGE),
    "endpointslices": (
        _NAME,
        Column("AddressType", _at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        _AGE,
    ),
    "nodes": (
        _NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        _AGE,
        Column("Version", _at("status", "nodeInfo", "kubeletVersion")),
        Column("Internal-IP", _node_address, 1),
        Column("OS-Image", _at("status", "nodeInfo", "osImage"), 1),
        Column("Kernel-Version", _at("status", "nodeInfo", "kernelVersion"), 1),
        Column("Container-Runtime", _at("status", "nodeInfo", "containerRuntimeVersion"), 1),
    ),
    "namespaces": (_NAME, Column("Status", _namespace_status), _AGE),
    "events": (
        Column("Last Seen", _event_seen),
        Column("Type", _at("type")),
        Column("Reason", _at("reason")),
        Column("Object", _event_object),
        Column("Message", _at("message")),
        Column("Count", _at("count", default=1), 1, type="integer"),
        Column("Name", _at("metadata", "name"), 1),
    ),
    "configmaps": (_NAME, Column("Data", _size("data"), type="integer"), _AGE),
    "secrets": (_NAME, Column("Type", _at("type")), Column("Data", _size("data"), type="integer"), _AGE),
    "persistentvolumeclaims": (
        _NAME,
        Column("Status", _at("status", "phase")),
        Column("Volume", _at("spec", "volumeName")),
        Column("Capacity", _at("status", "capacity", "storage")),
        Column("StorageClass", _at("spec", "storageClassName")),
        _AGE,
    ),
    "poddisruptionbudgets": (
        _NAME,
        Column("Min Available", lambda obj, _: str(dig(obj, "spec", "minAvailable") or "N/A")),
        Column("Max Unavailable", lambda obj, _: str(dig(obj, "spec", "maxUnavailable") or "N/A")),
        Column("Allowed Disruptions", _number("status", "disruptionsAllowed"), type="integer"),
        _AGE,
    ),
    "horizontalpodautoscalers": (
        _NAME,
        Column("Reference", _hpa_target),
        Column("MinPods", _at("spec", "minReplicas", default=1)),
        Column("MaxPods", _at("spec", "maxReplicas")),
        Column("Replicas", _number("status", "currentReplicas"), type="integer"),
        _AGE,
    ),
}
