"""Addresses in env values that no Service serves: the Service is not there, or not at that port.

Values are never read: the reader keeps of an address its port, and of its host a tag or a Service's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, items, name_of, namespace_of, quotable
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.cleaning import value_tag
from tools.kubernetes.objects import JsonObject

_READ = "the addresses in env values (never the values), Services and their ports"


class DependencyCode(Coded):
    """What can be wrong with where a workload is told to call."""

    NO_SERVICE = (
        "config.address_no_service",
        "An env value of a pod template points to a Service that does not exist.",
        _READ,
    )
    WRONG_PORT = (
        "config.address_wrong_port",
        "An env value of a pod template points to a Service at a port that it does not serve.",
        _READ,
    )


def dependencies(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for workloads told to call what nobody serves; hosts outside the cluster are silent."""
    known = _by_tag(snapshot)
    for root in snapshot.roots:
        for address in root.get("addresses") or ():
            said = _judged(snapshot, root, address, known)
            if said is not None:
                yield said.of(snapshot, root)


def calls(snapshot: Snapshot) -> Iterator[tuple[JsonObject, JsonObject, int | None]]:
    """Who is told to call which Service at which port, as far as env values tell."""
    yield from snapshot.shared("calls", lambda look: tuple(_calls(look)))


def _calls(snapshot: Snapshot) -> Iterator[tuple[JsonObject, JsonObject, int | None]]:
    known = _by_tag(snapshot)
    for root in snapshot.roots:
        for address in root.get("addresses") or ():
            service = _service(snapshot, root, address, known)
            if service is not None:
                yield root, service, address.get("port")


def _by_tag(snapshot: Snapshot) -> dict[tuple[str, str], JsonObject]:
    """Services by who may call them so and the tag of the name: ``db`` at home, ``db.shop`` anywhere."""
    found: dict[tuple[str, str], JsonObject] = {}
    for service in snapshot.objects("Service"):
        name, namespace = name_of(service), namespace_of(service)
        found["", value_tag(f"{name}.{namespace}")] = service
        found[namespace, value_tag(name)] = service
    return found


def _service(
    snapshot: Snapshot, root: JsonObject, address: JsonObject, known: dict[tuple[str, str], JsonObject]
) -> JsonObject | None:
    """The Service that an address of ``root`` leads to, as far as it can be told."""
    if name := address.get("service"):
        return snapshot.find("Service", address.get("namespace") or "", name)
    host = address.get("host") or ""
    return known.get((namespace_of(root), host)) or known.get(("", host))


def _judged(
    snapshot: Snapshot, root: JsonObject, address: JsonObject, known: dict[tuple[str, str], JsonObject]
) -> Said | None:
    name, namespace = address.get("service") or "", address.get("namespace") or ""
    if name and snapshot.lacks("Service", namespace, name):
        return _said(
            DependencyCode.NO_SERVICE, root, address, f"Service {namespace}/{name}, which does not exist"
        )
    service, port = _service(snapshot, root, address, known), address.get("port")
    ports = [one.get("port") for one in items(service or {}, "spec", "ports")]
    external = dig(service or {}, "spec", "type") == "ExternalName"
    headless = dig(service or {}, "spec", "clusterIP") == "None"
    # Behind a headless Service the pods themselves are called, at whatever port they listen.
    if not service or not ports or external or headless or port is None or port in ports:
        return None
    text = f"Service {namespace_of(service)}/{name_of(service)} at port {port}, and it serves {_words(ports)}"
    said = _said(DependencyCode.WRONG_PORT, root, address, text)
    fields = {"service": name_of(service), "service_namespace": namespace_of(service), "ports": ports}
    return replace(said, fields={**said.fields, **fields})


def _said(code: DependencyCode, root: JsonObject, address: JsonObject, text: str) -> Said:
    env, container = quotable(address.get("env") or ""), address.get("container")
    return Said(
        code=code,
        message=f"{env} of container {container} of {root['kind']} {name_of(root)} points to {text}.",
        fields={
            "container": container,
            "env": env,
            "service": address.get("service"),
            "service_namespace": address.get("namespace"),
            "port": address.get("port"),
        },
        reads=("Service",),
    )


def _words(ports: list[int | None]) -> str:
    return ", ".join(str(port) for port in ports)
