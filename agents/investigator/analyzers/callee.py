"""A Service that the API server itself calls: for admission, for conversion, for an API of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from agents.investigator.analyzers.endpoints import Directory
from agents.investigator.analyzers.fields import dig, is_ready, items, name_of
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

HTTPS = 443
"""The port that is called when none is named."""


class Fault(StrEnum):
    """Why a call cannot arrive."""

    MISSING = "the Service does not exist"
    NO_PORT = "the Service does not have the port"
    NO_PODS = "the Service has no pods"
    NOT_READY = "none of the pods behind the Service is ready"


@dataclass(frozen=True, kw_only=True)
class Unreachable:
    """What stands in the way, and the values that say so."""

    fault: Fault
    service: str
    fields: JsonObject = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The fault in words, with the names that belong to it."""
        pods = self.fields.get("pods")
        return f"Service {self.service}: {self.fault.value}" + (f" ({', '.join(pods[:5])})" if pods else "")


def unreachable(snapshot: Snapshot, directory: Directory, reference: JsonObject) -> Unreachable | None:
    """Why the Service of this reference (namespace, name, port) cannot be called; None when it may."""
    namespace, name = reference.get("namespace") or "", reference.get("name") or ""
    place = f"{namespace}/{name}"
    service = snapshot.find("Service", namespace, name)
    if service is None:
        gone = bool(name) and snapshot.lacks("Service", namespace, name)
        return Unreachable(fault=Fault.MISSING, service=place) if gone else None
    ports = [port.get("port") for port in items(service, "spec", "ports")]
    wanted = reference.get("port") or HTTPS
    if ports and wanted not in ports:
        return Unreachable(fault=Fault.NO_PORT, service=place, fields={"port": wanted, "offered": ports})
    return _behind(snapshot, directory, service)


def _behind(snapshot: Snapshot, directory: Directory, service: JsonObject) -> Unreachable | None:
    namespace, selector = dig(service, "metadata", "namespace") or "", dig(service, "spec", "selector") or {}
    known, place = directory.of(service), f"{namespace}/{name_of(service)}"
    # Without a selector somebody else fills in the addresses.
    if known.ready or not selector:
        return None
    pods = list(snapshot.living(namespace, selector))
    if any(is_ready(pod) for pod in pods):
        return None
    if pods:
        names = sorted(map(name_of, pods))
        return Unreachable(fault=Fault.NOT_READY, service=place, fields={"pods": names})
    seen = snapshot.looked_at(namespace, "Pod") or known.told
    return Unreachable(fault=Fault.NO_PODS, service=place, fields={"selector": selector}) if seen else None
