"""The columns ``kubectl get`` prints, as the server computes them (pkg/printers/internalversion).

kubectl prints what it is sent and knows no kind by itself: without these tables it would show names and
ages only. The order and the words are those that people and their scripts are used to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evals.world.kubernetes import cells
from evals.world.kubernetes.cells import Cell
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, dig
from evals.world.kubernetes.pod_columns import pod_ready, pod_restarts, pod_status


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
            # Required by the schema of a Table, shown by nobody.
            "description": column.name,
            "priority": column.priority,
        }
        for column in _COLUMNS.get(kind.resource, _PLAIN)
    ]


def row_of(kind: Kind, obj: JsonObject, now: datetime) -> list[object]:
    """The printed cells of one object."""
    return [column.cell(obj, now) for column in _COLUMNS.get(kind.resource, _PLAIN)]


_NAME = Column("Name", cells.at("metadata", "name"), format="name")
_AGE = Column("Age", cells.age)
_PLAIN = (_NAME, _AGE)
_TEMPLATE = ("spec", "template", "spec")
_WIDE = (
    Column("Containers", cells.containers("name", *_TEMPLATE), 1),
    Column("Images", cells.containers("image", *_TEMPLATE), 1),
)
_SELECTOR = Column("Selector", cells.selector, 1)

_COLUMNS: dict[str, tuple[Column, ...]] = {
    "pods": (
        _NAME,
        Column("Ready", lambda obj, _: pod_ready(obj)),
        Column("Status", lambda obj, _: pod_status(obj)),
        Column("Restarts", pod_restarts),
        _AGE,
        Column("IP", cells.text("status", "podIP"), 1),
        Column("Node", cells.text("spec", "nodeName"), 1),
        Column("Nominated Node", cells.text("status", "nominatedNodeName"), 1),
        Column("Readiness Gates", cells.text("spec", "readinessGates"), 1),
    ),
    "deployments": (
        _NAME,
        Column("Ready", cells.of(("status", "readyReplicas"), ("spec", "replicas"))),
        Column("Up-to-date", cells.number("status", "updatedReplicas"), type="integer"),
        Column("Available", cells.number("status", "availableReplicas"), type="integer"),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "replicasets": (
        _NAME,
        Column("Desired", cells.number("spec", "replicas"), type="integer"),
        Column("Current", cells.number("status", "replicas"), type="integer"),
        Column("Ready", cells.number("status", "readyReplicas"), type="integer"),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "statefulsets": (
        _NAME,
        Column("Ready", cells.of(("status", "readyReplicas"), ("spec", "replicas"))),
        _AGE,
        *_WIDE,
    ),
    "daemonsets": (
        _NAME,
        Column("Desired", cells.number("status", "desiredNumberScheduled"), type="integer"),
        Column("Current", cells.number("status", "currentNumberScheduled"), type="integer"),
        Column("Ready", cells.number("status", "numberReady"), type="integer"),
        Column("Up-to-date", cells.number("status", "updatedNumberScheduled"), type="integer"),
        Column("Available", cells.number("status", "numberAvailable"), type="integer"),
        _AGE,
        *_WIDE,
        _SELECTOR,
    ),
    "jobs": (
        _NAME,
        Column("Status", cells.job_status),
        Column("Completions", cells.of(("status", "succeeded"), ("spec", "completions"))),
        _AGE,
        *_WIDE,
    ),
    "cronjobs": (
        _NAME,
        Column("Schedule", cells.at("spec", "schedule")),
        Column("Suspend", cells.at("spec", "suspend", default=False), type="boolean"),
        Column("Active", cells.size("status", "active"), type="integer"),
        _AGE,
    ),
    "services": (
        _NAME,
        Column("Type", cells.at("spec", "type")),
        Column("Cluster-IP", cells.text("spec", "clusterIP")),
        Column("External-IP", cells.service_address),
        Column("Port(s)", cells.service_ports),
        _AGE,
        _SELECTOR,
    ),
    "endpoints": (_NAME, Column("Endpoints", cells.endpoints), _AGE),
    "endpointslices": (
        _NAME,
        Column("AddressType", cells.at("addressType")),
        Column("Ports", cells.slice_ports),
        Column("Endpoints", cells.slice_addresses),
        _AGE,
    ),
    "nodes": (
        _NAME,
        Column("Status", cells.node_status),
        Column("Roles", cells.node_roles),
        _AGE,
        Column("Version", cells.at("status", "nodeInfo", "kubeletVersion")),
        Column("Internal-IP", cells.node_address, 1),
        Column("OS-Image", cells.at("status", "nodeInfo", "osImage"), 1),
        Column("Kernel-Version", cells.at("status", "nodeInfo", "kernelVersion"), 1),
        Column("Container-Runtime", cells.at("status", "nodeInfo", "containerRuntimeVersion"), 1),
    ),
    "namespaces": (_NAME, Column("Status", cells.namespace_status), _AGE),
    # No age column: of an event that repeats, what counts is when it was last seen.
    "events": (
        Column("Last Seen", cells.event_seen),
        Column("Type", cells.at("type")),
        Column("Reason", cells.at("reason")),
        Column("Object", cells.event_object),
        Column("Message", cells.at("message")),
        Column("Count", cells.at("count", default=1), 1, type="integer"),
        Column("Name", cells.at("metadata", "name"), 1),
    ),
    "configmaps": (_NAME, Column("Data", cells.size("data"), type="integer"), _AGE),
    "secrets": (
        _NAME,
        Column("Type", cells.at("type")),
        # How many entries, never what they hold: tables of Secrets end up in chats.
        Column("Data", cells.size("data"), type="integer"),
        _AGE,
    ),
    "persistentvolumeclaims": (
        _NAME,
        Column("Status", cells.at("status", "phase")),
        Column("Volume", cells.at("spec", "volumeName")),
        Column("Capacity", cells.at("status", "capacity", "storage")),
        Column("StorageClass", cells.at("spec", "storageClassName")),
        _AGE,
    ),
    "poddisruptionbudgets": (
        _NAME,
        # One of the two is always absent, and kubectl says N/A where other kinds say <none>.
        Column("Min Available", lambda obj, _: str(dig(obj, "spec", "minAvailable") or "N/A")),
        Column("Max Unavailable", lambda obj, _: str(dig(obj, "spec", "maxUnavailable") or "N/A")),
        Column("Allowed Disruptions", cells.number("status", "disruptionsAllowed"), type="integer"),
        _AGE,
    ),
    "horizontalpodautoscalers": (
        _NAME,
        Column("Reference", cells.hpa_target),
        Column("MinPods", cells.at("spec", "minReplicas", default=1)),
        Column("MaxPods", cells.at("spec", "maxReplicas")),
        Column("Replicas", cells.number("status", "currentReplicas"), type="integer"),
        _AGE,
    ),
}
