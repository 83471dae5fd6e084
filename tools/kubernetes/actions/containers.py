"""Finding one container of a workload, for the verbs that change one."""

from __future__ import annotations

from typing import Any

from tools.kubernetes.objects import JsonObject

TEMPLATE = "/spec/template"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def containers(target: JsonObject) -> list[dict[str, Any]]:
    """The containers of a workload's pod template."""
    found: list[dict[str, Any]] = target["spec"]["template"]["spec"]["containers"]
    return found


def position(target: JsonObject, name: str) -> int | None:
    """The index of the container called ``name``, or None."""
    names = [container["name"] for container in containers(target)]
    return names.index(name) if name in names else None


def container_pointer(index: int) -> str:
    """The pointer of a container in the pod template."""
    return f"{TEMPLATE}/spec/containers/{index}"
