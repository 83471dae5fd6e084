"""Reading Kubernetes objects that may lack any field, and the small shapes all exporters share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from evals.world.kubernetes.controllers.quantities import quantity
from evals.world.prometheus.samples import JsonObject, Labels, Sample

_UNITS = {"cpu": "core", "memory": "byte", "storage": "byte", "ephemeral_storage": "byte"}


def metadata(obj: JsonObject) -> JsonObject:
    """``metadata``, empty when missing."""
    return obj.get("metadata") or {}


def spec(obj: JsonObject) -> JsonObject:
    """``spec``, empty when missing."""
    return obj.get("spec") or {}


def status(obj: JsonObject) -> JsonObject:
    """``status``, empty when missing."""
    return obj.get("status") or {}


def named(obj: JsonObject, label: str) -> dict[str, str]:
    """``{namespace, label: name}``; a cluster-scoped object has no namespace."""
    head = metadata(obj)
    return {"namespace": head.get("namespace") or "", label: head.get("name") or ""}


def seconds(timestamp: str | None) -> float | None:
    """A Kubernetes ``Time`` in seconds since the epoch."""
    return datetime.fromisoformat(timestamp).timestamp() if timestamp else None


@dataclass(frozen=True)
class StateSet:
    """A label with a fixed set of values, exported as one series per value of which one is 1."""

    label: str
    known: tuple[str, ...]

    def of(self, name: str, labels: Labels, actual: str) -> Iterator[Sample]:
        """The series that say which value is the actual one."""
        for state in self.known:
            yield Sample(name, {**labels, self.label: state}, float(state == actual))


CONDITION = StateSet("status", ("true", "false", "unknown"))


def conditions(name: str, obj: JsonObject, labels: Labels) -> Iterator[Sample]:
    """``status.conditions`` as a state set of condition and status."""
    for condition in status(obj).get("conditions") or []:
        about = {**labels, "condition": condition["type"]}
        yield from CONDITION.of(name, about, str(condition.get("status", "")).lower())


def owners(name: str, obj: JsonObject, labels: Labels) -> Iterator[Sample]:
    """One series per owner reference."""
    for owner in metadata(obj).get("ownerReferences") or []:
        about = {
            **labels,
            "owner_kind": owner["kind"],
            "owner_name": owner["name"],
            "owner_is_controller": str(bool(owner.get("controller"))).lower(),
        }
        yield Sample(name, about, 1.0)


def created(name: str, obj: JsonObject, labels: Labels) -> Iterator[Sample]:
    """The creation time, when known."""
    moment = seconds(metadata(obj).get("creationTimestamp"))
    if moment is not None:
        yield Sample(name, labels, moment)


def resources(name: str, amounts: JsonObject | None, labels: Labels) -> Iterator[Sample]:
    """A resource list (``cpu: 250m``) with the labels ``resource`` and ``unit``."""
    for resource, amount in (amounts or {}).items():
        key = resource.replace("-", "_").replace("/", "_").replace(".", "_")
        about = {**labels, "resource": key, "unit": _UNITS.get(key, "integer")}
        yield Sample(name, about, float(quantity(amount)))


def gauges(labels: Labels, table: Mapping[str, float | None]) -> Iterator[Sample]:
    """One gauge per entry; None means that the real exporter would not expose it."""
    for name, value in table.items():
        if value is not None:
            yield Sample(name, labels, float(value))
