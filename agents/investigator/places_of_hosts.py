"""In which namespaces an address from outside is answered for, where an alert names nothing better.

A probe's alert carries the probed URL and the namespace of whoever probes. Who answers for a host is said by
Ingresses and routes alone, so these two kinds are listed once in all namespaces; nothing is resolved.
"""

from __future__ import annotations

from collections.abc import Iterable

from agents.incident import Alert
from agents.investigator.analyzers.fields import namespace_of
from agents.investigator.targets_hosts import Place, hosts_of, is_host, place_of, takes
from agents.investigator.targets_labels import address_of
from tools.kubernetes.addresses import service_of
from tools.kubernetes.client import Connection
from tools.kubernetes.kinds import READABLE
from tools.kubernetes.listing import listed

_KINDS = tuple(one for one in READABLE if one.kind in {"Ingress", "HTTPRoute"})


def addresses(alerts: Iterable[Alert]) -> tuple[Place, ...]:
    """The addresses that these alerts name instead of an object, each once."""
    told = (place_of(address_of(alert.labels)) for alert in alerts)
    return tuple(dict.fromkeys(one for one in told if one is not None and is_host(one.host)))


def places_of(cluster: Connection, wanted: Iterable[Place]) -> list[str]:
    """The namespaces of what answers for these addresses, in a stable order. Blocking.

    A list that fails tells of none: the look at what the alerts name goes on without it.
    """
    services = {one.host: service_of(one.host) for one in wanted}
    found = {service.namespace for service in services.values() if service}
    outside = [host for host, service in services.items() if service is None]
    for kind in _KINDS if outside else ():
        for obj in listed(cluster, kind.kind, kind.path("")).objects:
            if any(takes(own, host) for own in hosts_of(obj) for host in outside):
                found.add(namespace_of(obj))
    return sorted(found)
