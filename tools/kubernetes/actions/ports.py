"""The ports of containers, and which workloads and pods stand behind a Service. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeGuard

from tools.kubernetes.actions.containers import WORKLOADS
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.objects import JsonObject

# IANA_SVC_NAME: at most fifteen characters, a letter among them.
_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*")


def is_number(value: object) -> TypeGuard[int]:
    """Whether this is a port's number; JSON's true is an int to Python."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


def is_port_name(value: object) -> TypeGuard[str]:
    """Whether a container's port can be called so."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def of_container(container: JsonObject, port: object) -> bool:
    """Whether the container declares a port of this name or number."""
    return any(port in (each.get("name"), each["containerPort"]) for each in container.get("ports") or [])


def backends(service: JsonObject, seen: Inventory) -> tuple[JsonObject, ...]:
    """The workloads whose pods the Service selects, by the labels of their templates."""
    selector = service["spec"].get("selector") or {}
    namespace = service["metadata"].get("namespace")
    return tuple(
        obj
        for kind in WORKLOADS
        for obj in seen.objects(kind)
        if selector
        and obj["metadata"].get("namespace") == namespace
        and selector.items() <= _labels(obj["spec"]["template"]).items()
    )


def declared(workload: JsonObject, port: JsonObject) -> bool:
    """Whether a container of the workload has what this Service port leads to."""
    return _leads_into(workload["spec"]["template"]["spec"], port)


def ready_behind(service: JsonObject, port: JsonObject, seen: Inventory) -> int:
    """How many ready pods the Service port leads to, by the ports that their containers declare."""
    return sum(_leads_into(pod["spec"], port) for pod in _ready(service, seen))


def _ready(service: JsonObject, seen: Inventory) -> Iterator[JsonObject]:
    selector = service["spec"].get("selector") or {}
    for pod in seen.objects("Pod"):
        same_place = pod["metadata"].get("namespace") == service["metadata"].get("namespace")
        conditions = (pod.get("status") or {}).get("conditions") or []
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        if selector and same_place and ready and selector.items() <= _labels(pod).items():
            yield pod


def _leads_into(spec: JsonObject, port: JsonObject) -> bool:
    protocol = port.get("protocol", "TCP")
    target = port.get("targetPort", port["port"])
    return any(
        target in (each.get("name"), each["containerPort"]) and each.get("protocol", "TCP") == protocol
        for container in spec.get("containers") or []
        for each in container.get("ports") or []
    )


def _labels(obj: JsonObject) -> dict[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}
