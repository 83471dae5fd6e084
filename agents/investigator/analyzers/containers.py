"""What containers offer: their ports by number, name and protocol, and who started them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from agents.investigator.analyzers.fields import controller_of, name_of
from tools.kubernetes.objects import JsonObject

_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_ASKS = ("httpGet", "tcpSocket", "grpc")


class Port(NamedTuple):
    """One declared container port; a tuple, because there are as many as containers."""

    number: int
    name: str
    protocol: str
    container: str


def long_lived(spec: Mapping[str, object]) -> Iterator[JsonObject]:
    """The containers of a pod spec that stay: the plain ones, and init containers that are sidecars."""
    yield from spec.get("containers") or ()  # type: ignore[misc]
    if init := spec.get("initContainers"):
        yield from (one for one in init if one.get("restartPolicy") == "Always")  # type: ignore[attr-defined]


def ports(spec: Mapping[str, object]) -> tuple[Port, ...]:
    """Every port that the long-lived containers declare; TCP where no protocol is given."""
    return tuple(
        Port(
            number=port.get("containerPort") or 0,
            name=port.get("name") or "",
            protocol=port.get("protocol") or "TCP",
            container=container.get("name") or "",
        )
        for container in long_lived(spec)
        for port in container.get("ports") or ()
    )


def probed(spec: Mapping[str, object]) -> frozenset[object]:
    """The ports, by number or name, that a probe asks: somebody listens there, declared or not."""
    asked = ((probe.get(ask) or {}).get("port") for probe in _probes(spec) for ask in _ASKS)
    return frozenset(port for port in asked if port is not None)


def _probes(spec: Mapping[str, object]) -> Iterator[JsonObject]:
    for container in long_lived(spec):
        yield from (container[name] for name in _PROBES if container.get(name))


def owner_of(pod: Mapping[str, object]) -> tuple[str, str]:
    """Kind and name of what made a pod, a ReplicaSet read as its Deployment; the pod itself without one."""
    owner = controller_of(pod)
    if not owner:
        return "Pod", name_of(pod)
    kind, name = owner.get("kind") or "", owner.get("name") or ""
    # A Deployment names its ReplicaSets after itself and the hash of their template.
    return ("Deployment", name.rpartition("-")[0] or name) if kind == "ReplicaSet" else (kind, name)


def names(found: Iterable[Port]) -> list[str]:
    """The declared ports as people write them, each once: ``http 8080/TCP``."""
    return sorted({f"{port.name} {port.number}/{port.protocol}".strip() for port in found})
