"""Where a route leads: the Service behind it, and whether that has the port it is asked on."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.investigator.analyzers.fields import dig, items
from agents.investigator.analyzers.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A Service that a route names, the port it asks for (0 for none), and which paths lead there."""

    namespace: str
    name: str
    port: int | str = 0
    paths: tuple[str, ...] = field(default=(), compare=False)

    def missing(self, snapshot: Snapshot) -> bool:
        """Whether the Service certainly does not exist."""
        return snapshot.lacks("Service", self.namespace, self.name)

    def other_ports(self, snapshot: Snapshot) -> list[str] | None:
        """What the Service has where the wanted port is not among it; None when it is, or unknown."""
        service = snapshot.find("Service", self.namespace, self.name)
        if service is None or not self.port or dig(service, "spec", "type") == "ExternalName":
            return None
        ports = items(service, "spec", "ports")
        if any(self.port in (port.get("port"), port.get("name")) for port in ports):
            return None
        return sorted(f"{port.get('name') or ''} {port.get('port')}".strip() for port in ports)
