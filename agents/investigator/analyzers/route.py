"""Routes of the Gateway API: parents that do not take them, backends that are missing, rules that never win.

Source: Gateway API v1, HTTPRouteSpec, RouteParentStatus, AllowedRoutes and ReferenceGrant.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from agents.incident import Finding
from agents.investigator.analyzers.backends import Backend
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, items, labels_of, name_of, namespace_of
from agents.investigator.analyzers.selectors import selects, spelled
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Condition, Subject, conditions
from tools.kubernetes.objects import JsonObject

KINDS = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""Set on every namespace by the API server."""


class RouteCode(Coded):
    """Conditions of routes."""

    PARENT_MISSING = (
        "route.parent.missing",
        "A route hangs on a Gateway that does not exist.",
        "spec.parentRefs, the Gateways",
    )
    PARENT_CLOSED = (
        "route.parent.closed",
        "No listener of its Gateway takes routes from the route's namespace.",
        "spec.parentRefs, spec.listeners[].allowedRoutes of the Gateway, the labels of the namespace",
    )
    NO_LISTENER = (
        "route.parent.no_listener",
        "A route names a section or port that no listener of its Gateway has.",
        "spec.parentRefs, spec.listeners of the Gateway",
    )
    HOST_UNMATCHED = (
        "route.parent.host_unmatched",
        "None of a route's host names fits a listener of its Gateway.",
        "spec.hostnames, spec.listeners[].hostname of the Gateway",
    )
    BACKEND_MISSING = (
        "route.backend.service_missing",
        "A route leads to a Service that does not exist.",
        "spec.rules[].backendRefs, the Services",
    )
    BACKEND_PORT = (
        "route.backend.port_missing",
        "A route leads to a port that its Service does not have.",
        "spec.rules[].backendRefs, the ports of the Service",
    )
    NOT_GRANTED = (
        "route.backend.not_granted",
        "A route leads into another namespace, which has not allowed it.",
        "spec.rules[].backendRefs, the ReferenceGrants of the other namespace",
    )
    NO_WEIGHT = (
        "route.backend.no_weight",
        "All backends of a rule have weight zero, so that every request is refused.",
        "spec.rules[].backendRefs[].weight",
    )
    REFUSED = (
        "route.refused",
        "The controller of a parent does not accept a route, or not what it refers to.",
        "status.parents[].conditions",
    )
    SHADOWED = (
        "route.rule.shadowed",
        "Two routes on one Gateway match the same requests and send them to different backends.",
        "spec.parentRefs, spec.hostnames, spec.rules[].matches, the times of creation",
    )


def routes(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for routes, each by itself and then against one another."""
    for route in (one for kind in KINDS for one in snapshot.objects(kind)):
        on = Subject(snapshot=snapshot, obj=route, also=("Gateway", "Service"))
        for parent in items(route, "spec", "parentRefs"):
            if (parent.get("kind") or "Gateway") == "Gateway":
                yield from _parent(on, parent)
        for rule in items(route, "spec", "rules"):
            yield from _rule(on, rule)
        for parent in items(route, "status", "parents"):
            for said in conditions(parent, "conditions"):
                yield from _refused(on, said)
    yield from _shadowed(snapshot)


def _parent(on: Subject, parent: JsonObject) -> Iterator[Finding]:
    namespace, name = parent.get("namespace") or on.ref.namespace, parent.get("name") or ""
    gateway, place = on.snapshot.find("Gateway", namespace, name), f"{namespace}/{name}"
    if gateway is None:
        if on.snapshot.lacks("Gateway", namespace, name):
            text = f"{on.ref} hangs on Gateway {place}, which does not exist."
            yield on.critical(RouteCode.PARENT_MISSING, text, gateway=place)
        return
    listeners = [one for one in items(gateway, "spec", "listeners") if _is_meant(parent, one)]
    if not listeners:
        wanted = parent.get("sectionName") or parent.get("port")
        text = f"{on.ref} hangs on {wanted} of Gateway {place}, which has no such listener."
        yield on.critical(RouteCode.NO_LISTENER, text, gateway=place, listener=wanted)
        return
    # One open listener is enough: a route need not be served on each of them.
    doors = [_door(on, gateway, one) for one in listeners]
    if all(doors):
        text = f"Gateway {place} does not take routes from namespace {on.ref.namespace}: {doors[0]}."
        yield on.critical(RouteCode.PARENT_CLOSED, text, gateway=place, allowed=doors[0])
    hosts = list(dig(on.obj, "spec", "hostnames") or ())
    served = [one.get("hostname") or "" for one in listeners]
    if hosts and not any(_fits(host, one) for host in hosts for one in served):
        text = f"No host of {on.ref} ({', '.join(hosts)}) fits Gateway {place} ({', '.join(served)})."
        yield on.critical(RouteCode.HOST_UNMATCHED, text, gateway=place, hosts=hosts, served=served)


def _is_meant(parent: JsonObject, listener: JsonObject) -> bool:
    section, port = parent.get("sectionName"), parent.get("port")
    return section in (None, listener.get("name")) and port in (None, listener.get("port"))


def _door(on: Subject, gateway: JsonObject, listener: JsonObject) -> str:
    """Whom this listener lets in when the route is not among them; empty when it is, or nobody can tell."""
    allowed = dig(listener, "allowedRoutes", "namespaces") or {}
    match allowed.get("from") or "Same":
        case "Same" if namespace_of(gateway) != on.ref.namespace:
            return f"only from {namespace_of(gateway)}"
        case "Selector" if not _known(on):
            return ""
        case "Selector" if not selects(allowed.get("selector"), _namespace_labels(on)):
            return f"only from namespaces with {spelled(allowed.get('selector'))}"
    return ""


def _known(on: Subject) -> bool:
    return on.snapshot.looked_at("", "Namespace")


def _namespace_labels(on: Subject) -> dict[str, str]:
    place = on.ref.namespace
    return {NAMESPACE_NAME_LABEL: place, **labels_of(on.snapshot.find("Namespace", "", place) or {})}


def _fits(host: str, served: str) -> bool:
    """Whether a route's host and a listener's have a name in common; a leading star stands for any labels."""
    if not served or host == served:
        return True
    if served.startswith("*."):
        return host.endswith(served[1:])
    return host.startswith("*.") and served.endswith(host[1:])


def _rule(on: Subject, rule: JsonObject) -> Iterator[Finding]:
    refs = [one for one in items(rule, "backendRefs") if (one.get("kind") or "Service") == "Service"]
    if refs and all(one.get("weight") == 0 for one in refs):
        named = sorted(one.get("name") or "" for one in refs)
        text = f"All backends of a rule of {on.ref} have weight 0: {', '.join(named)}."
        yield on.critical(RouteCode.NO_WEIGHT, text, services=named)
    for one in refs:
        namespace = one.get("namespace") or on.ref.namespace
        yield from _backend(
            on, Backend(namespace=namespace, name=one.get("name") or "", port=one.get("port") or 0)
        )


def _backend(on: Subject, backend: Backend) -> Iterator[Finding]:
    place = f"{backend.namespace}/{backend.name}"
    if backend.missing(on.snapshot):
        text = f"{on.ref} leads to Service {place}, which does not exist."
        told: JsonObject = {"service": place, "parents": _parents(on.obj)}
        yield on.critical(RouteCode.BACKEND_MISSING, text, **told)
    elif backend.namespace != on.ref.namespace and not _granted(on, backend):
        text = f"{on.ref} leads to Service {place}, and no ReferenceGrant there allows it."
        yield on.critical(RouteCode.NOT_GRANTED, text, service=place)
    offered = backend.other_ports(on.snapshot)
    if offered is not None:
        has = ", ".join(offered) or "none"
        text = f"{on.ref} leads to port {backend.port} of Service {place}, which has {has}."
        yield on.critical(RouteCode.BACKEND_PORT, text, service=place, port=backend.port, offered=offered)


def _parents(route: JsonObject) -> list[str]:
    refs = items(route, "spec", "parentRefs")
    return [f"{one.get('kind') or 'Gateway'} {one.get('name') or ''}" for one in refs]


def _granted(on: Subject, backend: Backend) -> bool:
    """Whether a grant of the other namespace allows it, or nobody could look."""
    # A cluster without that kind cannot be told from one where nobody may read it.
    if not on.snapshot.looked_at(backend.namespace, "ReferenceGrant"):
        return True
    return any(
        any(
            who.get("kind") == on.ref.kind and who.get("namespace") == on.ref.namespace
            for who in items(grant, "spec", "from")
        )
        and any(
            to.get("kind") == "Service" and to.get("name") in (None, "", backend.name)
            for to in items(grant, "spec", "to")
        )
        for grant in on.snapshot.within(backend.namespace, "ReferenceGrant")
    )


def _refused(on: Subject, said: Condition) -> Iterator[Finding]:
    # Unknown is what a route starts with; it says that nobody has looked yet.
    if said.type in ("Accepted", "ResolvedRefs") and said.status == "False":
        yield on.critical(RouteCode.REFUSED, f"{on.ref}: {said.words}.", said.since, **said.fields)


def _shadowed(snapshot: Snapshot) -> Iterator[Finding]:
    """The younger of two routes that match the same: the API gives such requests to the older one."""
    claims: dict[tuple[str, ...], list[JsonObject]] = defaultdict(list)
    for route in snapshot.objects("HTTPRoute"):
        for claim in _claims(route):
            claims[claim].append(route)
    told = set()
    for key, found in claims.items():
        found.sort(key=lambda one: (dig(one, "metadata", "creationTimestamp") or "", _place(one)))
        for route in found[1:]:
            pair = (_place(found[0]), _place(route))
            # Two that lead to the same place take nothing from one another.
            if _leads(route) != _leads(found[0]) and pair not in told:
                told.add(pair)
                on = Subject(snapshot=snapshot, obj=route)
                text = f"{on.ref} matches the same requests on Gateway {key[0]} as the older {pair[0]}."
                shown: JsonObject = {"other": pair[0], "gateway": key[0], "host": key[2], "match": key[3]}
                yield on.warning(RouteCode.SHADOWED, text, **shown)


def _place(route: JsonObject) -> str:
    return f"{namespace_of(route)}/{name_of(route)}"


def _leads(route: JsonObject) -> str:
    return json.dumps([rule.get("backendRefs") for rule in items(route, "spec", "rules")], sort_keys=True)


def _claims(route: JsonObject) -> Iterator[tuple[str, str, str, str]]:
    """What a route asks for: Gateway, section, host and match, as text that can be compared."""
    for parent in items(route, "spec", "parentRefs"):
        gateway = f"{parent.get('namespace') or namespace_of(route)}/{parent.get('name') or ''}"
        for host in dig(route, "spec", "hostnames") or ("*",):
            for rule in items(route, "spec", "rules"):
                for match in items(rule, "matches") or ({},):
                    yield gateway, parent.get("sectionName") or "", host, json.dumps(match, sort_keys=True)
