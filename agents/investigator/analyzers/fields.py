"""Reading Kubernetes JSON without believing it: every field may be missing or empty."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tools.kubernetes.objects import JsonObject

QUOTE_LIMIT = 240
"""Characters of foreign text carried in one finding field; more is noise in a card."""

WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
"""Kinds with a pod template that a Service may select; ReplicaSets of a Deployment are skipped by callers."""

TEMPLATED = ("CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet")
"""Every kind that holds a pod template."""

# Field names of PodSpec beside those of PodStatus, in the order in which the kubelet starts them.
_CONTAINER_LISTS = (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses"))


def dig(obj: Mapping[str, object], *path: str) -> Any:
    """The value at ``path``, or None as soon as a part of it is missing or not an object."""
    value: object = obj
    for part in path:
        # Asked a million times in one analysis: a dict is known at once and so is nothing, and the abstract
        # class is asked only of what is neither.
        if type(value) is dict:
            value = value.get(part)
        elif value is None or not isinstance(value, Mapping):
            return None
        else:
            value = value.get(part)
    return value


def _meta(obj: Mapping[str, object]) -> Mapping[str, Any]:
    meta = obj.get("metadata")
    return meta if isinstance(meta, dict) or isinstance(meta, Mapping) else {}  # noqa: SIM101  (quicker)


def items(obj: Mapping[str, object], *path: str) -> tuple[JsonObject, ...]:
    """The list at ``path`` as a tuple; empty when it is missing."""
    # Of one step there is nothing to dig for.
    found: Any = obj.get(path[0]) if len(path) == 1 else dig(obj, *path)
    return tuple(found) if found else ()


def labels_of(obj: Mapping[str, object]) -> dict[str, str]:
    """``metadata.labels``, empty when there are none."""
    return dict(_meta(obj).get("labels") or {})


def template_labels(workload: Mapping[str, object]) -> dict[str, str]:
    """The labels a workload gives its pods (``spec.template.metadata.labels``)."""
    return dict(dig(workload, "spec", "template", "metadata", "labels") or {})


def namespace_of(obj: Mapping[str, object]) -> str:
    """The namespace, empty for cluster-scoped objects."""
    # Nearly everything has one: to try is quicker than to ask first.
    try:
        return obj["metadata"]["namespace"] or ""  # type: ignore[index]
    except (KeyError, TypeError):
        return ""


def name_of(obj: Mapping[str, object]) -> str:
    """``metadata.name``."""
    try:
        return obj["metadata"]["name"] or ""  # type: ignore[index]
    except (KeyError, TypeError):
        return ""


def controller_of(obj: Mapping[str, object]) -> JsonObject:
    """The owner reference of the object's controller, empty when nobody controls it."""
    owners: list[JsonObject] = _meta(obj).get("ownerReferences") or []
    for owner in owners:
        if owner.get("controller"):
            return owner
    return {}


def count_of(obj: Mapping[str, object], *path: str) -> int:
    """The whole number at ``path``; the server leaves a zero out."""
    value = dig(obj, *path)
    return value if isinstance(value, int) else 0


def moment(value: str | None) -> datetime | None:
    """An RFC 3339 time of the API server, or None when it is absent or unreadable."""
    if not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None


def condition(obj: Mapping[str, object], kind: str) -> JsonObject:
    """The entry of ``status.conditions`` with this type, empty when there is none."""
    entries: list[JsonObject] = dig(obj, "status", "conditions") or []
    for entry in entries:
        if entry.get("type") == kind:
            return entry
    return {}


def is_ready(pod: Mapping[str, object]) -> bool:
    """Whether the pod's Ready condition is True and it is not being deleted."""
    return condition(pod, "Ready").get("status") == "True" and not dig(pod, "metadata", "deletionTimestamp")


def is_plainly_well(pod: Mapping[str, object]) -> bool:
    """Whether nothing at all was ever wrong with this pod: ready, running, never restarted, meant to stay."""
    status = dig(pod, "status") or {}
    if status.get("phase") != "Running" or status.get("reason") or dig(pod, "metadata", "deletionTimestamp"):
        return False
    told = {entry.get("type"): entry.get("status") for entry in status.get("conditions") or ()}
    if told.get("Ready") != "True" or "DisruptionTarget" in told or status.get("ephemeralContainerStatuses"):
        return False
    init, main = status.get("initContainerStatuses") or (), status.get("containerStatuses") or ()
    return all(one.get("ready") and not one.get("restartCount") for one in (*init, *main)) and not any(
        one.get("lastState") for one in (*init, *main)
    )


def is_placeless(pod: Mapping[str, object]) -> bool:
    """Whether the scheduler has looked for a node for this pod and found none."""
    refused = condition(pod, "PodScheduled").get("reason") == "Unschedulable"
    return refused and not dig(pod, "spec", "nodeName") and dig(pod, "status", "phase") == "Pending"


def is_finished(pod: Mapping[str, object]) -> bool:
    """Whether the pod ended for good or is on its way out; such a pod serves nobody and needs nothing."""
    if _meta(pod).get("deletionTimestamp"):
        return True
    status = pod.get("status")
    return isinstance(status, Mapping) and status.get("phase") in {"Succeeded", "Failed"}


def container_statuses(pod: Mapping[str, object]) -> Iterator[tuple[JsonObject, JsonObject]]:
    """Each container of the pod, init containers first, as ``(spec, status)``."""
    for spec_list, status_list in _CONTAINER_LISTS:
        told = items(pod, "status", status_list)
        # Most pods have no init containers to be told of.
        specs = {spec.get("name"): spec for spec in items(pod, "spec", spec_list)} if told else {}
        for status in told:
            yield specs.get(status.get("name"), {}), status


def template_containers(template: Mapping[str, object]) -> dict[str, JsonObject]:
    """Containers of a pod template by name, init containers included."""
    found = (*items(template, "spec", "initContainers"), *items(template, "spec", "containers"))
    return {container["name"]: container for container in found if container.get("name")}


def quotable(text: str, limit: int = QUOTE_LIMIT) -> str:
    """The first line of ``text`` up to ``limit`` characters, cut before anything a reader cannot see.

    Cutting, unlike replacing, leaves a text that still stands literally in the evidence.
    """
    line = text.strip().split("\n", 1)[0]
    # Most lines hold nothing of the kind, and that is known at once.
    hidden = () if line.isprintable() else enumerate(line)
    end = next((i for i, char in hidden if unicodedata.category(char) in {"Cc", "Cf"}), len(line))
    if end <= limit:
        return line[:end].rstrip()
    # A whole word at the end: half of one would be looked for in vain.
    return line[:limit].rpartition(" ")[0].rstrip() or line[:limit]


def last_writer(obj: Mapping[str, object], *, subresource: str = "") -> tuple[str, str]:
    """Field manager and time of the newest recorded write; both empty when none is recorded.

    The reader keeps who and when of ``managedFields``, not which fields, so this is the last write to
    the object. A write to ``subresource`` is preferred; those to ``status`` are the controllers' own.
    """
    entries = [
        entry for entry in items(obj, "metadata", "managedFields") if entry.get("subresource") != "status"
    ]
    chosen = [entry for entry in entries if entry.get("subresource") == subresource] if subresource else []
    writes = [(entry.get("time") or "", entry.get("manager") or "") for entry in chosen or entries]
    time, manager = max(writes, default=("", ""))
    return manager, time


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether an equality selector selects these labels; an empty selector selects nothing here."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def selected_by(selector: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels and matchExpressions) selects these labels; empty selects all."""
    equal: Mapping[str, str] = dig(selector, "matchLabels") or {}
    return all(labels.get(key) == value for key, value in equal.items()) and all(
        _expressed(one, labels) for one in items(selector, "matchExpressions")
    )


def _expressed(expression: JsonObject, labels: Mapping[str, str]) -> bool:
    key, values = expression.get("key") or "", expression.get("values") or []
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(expression.get("operator") or "", False)


def selector_text(selector: Mapping[str, object]) -> str:
    """A LabelSelector as kubectl writes it: ``app=web,tier in (a,b)``."""
    words = {"In": " in ", "NotIn": " notin ", "Exists": "", "DoesNotExist": ""}
    parts = [f"{key}={value}" for key, value in sorted((dig(selector, "matchLabels") or {}).items())]
    for one in items(selector, "matchExpressions"):
        operator, values = one.get("operator") or "", ",".join(one.get("values") or [])
        sign = "!" if operator == "DoesNotExist" else ""
        parts.append(
            f"{sign}{one.get('key')}{words.get(operator, ' ? ')}" + (f"({values})" if values else "")
        )
    return ",".join(parts)
