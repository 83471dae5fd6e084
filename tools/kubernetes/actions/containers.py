"""Finding one container of a workload, for the verbs that change one."""

from __future__ import annotations

import re

from tools.kubernetes.actions.step import Pointer
from tools.kubernetes.objects import JsonObject

TEMPLATE = "/spec/template"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
CONTAINER = rf"{TEMPLATE}/spec/(?:initContainers|containers)/(?:0|[1-9]\d*)"
"""Matches the pointer of one container, init containers too."""

CONTAINERS = f"{TEMPLATE}/spec/{{initContainers,containers}}/[]"
"""The same as a field."""

_CONTAINER = re.compile(CONTAINER)
_GROUPS = ("containers", "initContainers")


def find(target: JsonObject, name: str) -> tuple[Pointer, JsonObject] | None:
    """The container called ``name`` in the pod template and where it stands, or None."""
    spec = target["spec"]["template"]["spec"]
    for group in _GROUPS:
        for index, container in enumerate(spec.get(group) or []):
            if container["name"] == name:
                return f"{TEMPLATE}/spec/{group}/{index}", container
    return None


def names_of(changes: JsonObject) -> tuple[Pointer, ...]:
    """The name pointers of the containers that are changed.

    An index alone would follow whatever stands there: a container that moved makes the plan stale.
    """
    found = (_CONTAINER.match(pointer) for pointer in changes)
    return tuple(dict.fromkeys(f"{match.group()}/name" for match in found if match))


def name_in(expect: JsonObject, pointer: Pointer) -> str:
    """What the container at or above ``pointer`` is called, as the step expects it."""
    match = _CONTAINER.match(pointer)
    return str(expect.get(f"{match.group()}/name", "the container")) if match else "the container"
