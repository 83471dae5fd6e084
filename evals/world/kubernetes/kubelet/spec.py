"""The fields of a pod that the kubelet acts on, read once from the plain object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evals.world.kubernetes.controllers.quantities import memory_bytes
from evals.world.kubernetes.kubelet.environment import Source, sources_of
from evals.world.kubernetes.objects import JsonObject


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A TCP or HTTP probe; seconds and thresholds with the API's defaults. `target` is what it is sent to."""

    port: int
    path: str | None
    scheme: str
    initial_delay: float
    period: float
    failure_threshold: int

    @property
    def patience(self) -> float:
        """Seconds from the start of a process until it is given up for never having answered."""
        return self.initial_delay + self.period * self.failure_threshold

    def refused(self, address: str) -> str:
        """What the kubelet reports when nothing listens there."""
        if self.path is None:
            return f"dial tcp {address}:{self.port}: connect: connection refused"
        url = f"{self.scheme.lower()}://{address}:{self.port}{self.path}"
        return f'Get "{url}": dial tcp {address}:{self.port}: connect: connection refused'


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """One container: image, plain environment and where the rest of it comes from, memory limit in bytes,
    probes.
    """

    name: str
    image: str
    env: Mapping[str, str]
    memory_limit: int | None
    always_pull: bool
    readiness: Probe | None
    liveness: Probe | None
    startup: Probe | None
    sources: tuple[Source, ...]


def containers_of(pod: JsonObject) -> list[ContainerSpec]:
    """The pod's containers in order."""
    return [_container(raw) for raw in pod["spec"].get("containers", [])]


def pull_secrets_of(pod: JsonObject) -> list[str]:
    """Names of the Secrets the pod wants pulls to be made with."""
    return [entry["name"] for entry in pod["spec"].get("imagePullSecrets") or []]


def _container(raw: JsonObject) -> ContainerSpec:
    limit = ((raw.get("resources") or {}).get("limits") or {}).get("memory")
    env = {entry["name"]: str(entry["value"]) for entry in raw.get("env") or [] if "value" in entry}
    return ContainerSpec(
        name=raw["name"],
        image=raw["image"],
        env=env,
        memory_limit=None if limit is None else memory_bytes(limit),
        always_pull=raw.get("imagePullPolicy") == "Always",
        readiness=_probe(raw, "readinessProbe"),
        liveness=_probe(raw, "livenessProbe"),
        startup=_probe(raw, "startupProbe"),
        sources=sources_of(raw),
    )


def _probe(container: JsonObject, field: str) -> Probe | None:
    raw = container.get(field)
    if not raw:
        return None
    action = raw.get("httpGet") or raw.get("tcpSocket")
    if action is None:
        # Exec and gRPC probes need a process to ask; here they always succeed.
        return None
    return Probe(
        port=_port(action["port"], container),
        path=(action.get("path") or "/") if "httpGet" in raw else None,
        scheme=action.get("scheme") or "HTTP",
        initial_delay=float(raw.get("initialDelaySeconds") or 0),
        period=float(raw.get("periodSeconds") or 10),
        failure_threshold=int(raw.get("failureThreshold") or 3),
    )


def _port(port: int | str, container: JsonObject) -> int:
    if isinstance(port, int):
        return port
    named = [entry for entry in container.get("ports") or [] if entry.get("name") == port]
    return int(named[0]["containerPort"]) if named else 0
