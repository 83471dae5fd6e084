"""Which objects hold an address from outside: a host, perhaps with a path, as alerts and probes name it.

Nothing is resolved and nothing is asked: the address is compared with what Ingresses, routes and Gateways
say, and with the DNS names that Services have. Sources: IngressRule (networking/v1), the host names of
routes and listeners (Gateway API v1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from agents.investigator.analyzers.fields import dig, items, namespace_of
from agents.investigator.analyzers.objects import Objects
from tools.kubernetes.addresses import service_of
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute")
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?P<host>[a-z0-9*](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::\d{1,5})?"
    r"(?P<path>/[^?#\s]*)?(?:[?#]\S*)?",
    re.IGNORECASE,
)


class Place(NamedTuple):
    """A host in small letters and a path that begins with a slash."""

    host: str
    path: str


def place_of(value: str) -> Place | None:
    """The host and path in a URL or in ``host:port/path``; None when it is no such thing."""
    found = _ADDRESS.fullmatch(value.strip())
    return Place(found["host"].lower(), found["path"] or "/") if found else None


def holding(value: str, inventory: Objects) -> tuple[ObjectRef, ...]:
    """The Service of this DNS name; else what takes this host's requests, the closest path first."""
    place = place_of(value)
    if place is None or not is_host(place.host):
        return ()
    if service := service_of(place.host):
        found = inventory.find(service)
        return (ref_of(found),) if found else ()
    return tuple(dict.fromkeys((*_ingresses(place, inventory), *_routes(place, inventory))))


def is_host(host: str) -> bool:
    """Whether it is a name in a domain: a scrape's own address is a number, or one word."""
    return "." in host and not re.fullmatch(r"[0-9.]+", host)


def hosts_of(obj: JsonObject) -> Iterator[str]:
    """Every host that an Ingress, a route or a Gateway names."""
    for rule in items(obj, "spec", "rules"):
        yield str(rule.get("host") or "")
    for listener in items(obj, "spec", "listeners"):
        yield str(listener.get("hostname") or "")
    yield from map(str, dig(obj, "spec", "hostnames") or ())


def takes(pattern: str, host: str) -> bool:
    """Whether a host of a rule means this one; a leading star stands for at least one label."""
    return pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _ingresses(place: Place, inventory: Objects) -> Iterator[ObjectRef]:
    fits: list[tuple[int, ObjectRef]] = []
    for ingress in inventory.objects("Ingress"):
        for rule in items(ingress, "spec", "rules"):
            if takes(str(rule.get("host") or ""), place.host):
                fits += [(_fit(path, place.path), ref_of(ingress)) for path in items(rule, "http", "paths")]
    # A path that another Ingress of the host takes is nothing that this one answers for.
    best = max((fit for fit, _ in fits), default=0)
    yield from (ref for fit, ref in fits if fit == best)


def _fit(rule: JsonObject, path: str) -> int:
    """How many characters of the path a rule takes; -1 when it does not take it."""
    wanted = str(rule.get("path") or "/")
    if rule.get("pathType") == "Exact":
        return len(wanted) if wanted == path else -1
    return len(wanted) if f"{path.rstrip('/')}/".startswith(f"{wanted.rstrip('/')}/") else -1


def _routes(place: Place, inventory: Objects) -> Iterator[ObjectRef]:
    doors = [one for one in inventory.objects("Gateway") if any(takes(h, place.host) for h in hosts_of(one))]
    names = {(namespace_of(door), dig(door, "metadata", "name")) for door in doors}
    for route in (one for kind in ROUTES for one in inventory.objects(kind)):
        own = [host for host in hosts_of(route) if host]
        parents = items(route, "spec", "parentRefs")
        # A route without hosts takes those of the listeners that it hangs on.
        behind = {(one.get("namespace") or namespace_of(route), one.get("name")) for one in parents} & names
        if any(takes(host, place.host) for host in own) or (not own and behind):
            yield ref_of(route)
    yield from map(ref_of, doors)
