"""NetworkPolicies that select nobody, and those that cut off what must be reached.

Source: NetworkPolicySpec (networking/v1). Policies add up: a pod that any of them selects is closed for
that direction but for what one of them allows. A policy that denies everything is a choice, not a fault,
until a Service stands behind it that nobody can reach.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import (
    dig,
    items,
    labels_of,
    name_of,
    namespace_of,
    template_labels,
)
from agents.investigator.analyzers.network_rules import Policies, Wanted, admits, resolves_names
from agents.investigator.analyzers.selectors import selects, spelled
from agents.investigator.analyzers.service import SELECTABLE
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from tools.kubernetes.objects import JsonObject

_ALIKE = 0.75
_EDGE = ("ingress", "gateway", "router", "traefik", "proxy", "nginx", "envoy")
"""Words in the labels of pods that bring traffic in from outside."""


class PolicyCode(Coded):
    """Conditions of NetworkPolicies."""

    NO_PODS = (
        "networkpolicy.matches_no_pods",
        "A NetworkPolicy selects no pod; with the label it may have meant.",
        "spec.podSelector, the labels of pods and pod templates in the namespace",
    )
    NO_PEER = (
        "networkpolicy.peer_misspelled",
        "A NetworkPolicy lets in or out pods that are not there, and pods with almost that label are.",
        "the podSelectors of spec.ingress and spec.egress, the labels of pods in the namespace",
    )
    CUT_OFF = (
        "networkpolicy.service_cut_off",
        "Nobody may reach a Service on its port: its pods are closed, and no policy opens that port.",
        "spec of all NetworkPolicies of the namespace, the Service's ports and pods",
    )
    NOT_FROM_OUTSIDE = (
        "networkpolicy.route_denied",
        "An Ingress or a route leads to a Service that only pods of its own namespace may reach.",
        "spec of all NetworkPolicies of the namespace, the Ingresses and HTTPRoutes that lead to the Service",
    )
    NO_DNS = (
        "networkpolicy.no_dns",
        "Pods may not ask the cluster's DNS, so that no name resolves for them.",
        "spec.egress of all NetworkPolicies of the namespace, the labels of namespace kube-system",
    )


@dataclass(frozen=True, kw_only=True)
class _Look:
    """A snapshot with what is asked of it for every Service, indexed once."""

    snapshot: Snapshot
    closed: Policies
    routes: Mapping[tuple[str, str], list[str]]


def network_policies(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for NetworkPolicies, each by itself and then together against the Services behind them."""
    policies = snapshot.objects("NetworkPolicy")
    if not policies:
        return
    look = _Look(snapshot=snapshot, closed=Policies(snapshot), routes=_routes(snapshot))
    for policy in policies:
        on = Subject(snapshot=snapshot, obj=policy, also=("Pod",))
        pod = _first_selected(on)
        if pod is None:
            yield from _no_pods(on)
        else:
            yield from _no_dns(on, look.closed.by(pod, "Egress"), pod)
        yield from _peers(on)
    for service in snapshot.objects("Service"):
        yield from _reach(look, service)


def _first_selected(on: Subject) -> JsonObject | None:
    place, wanted = on.ref.namespace, dig(on.obj, "spec", "podSelector") or {}
    plain = wanted.get("matchLabels") or {}
    pods = on.snapshot.selected(place, plain) if plain else on.snapshot.within(place, "Pod")
    return next((pod for pod in pods if selects(wanted, labels_of(pod))), None)


def _no_pods(on: Subject) -> Iterator[Finding]:
    place, wanted = on.ref.namespace, dig(on.obj, "spec", "podSelector") or {}
    if not on.snapshot.looked_at(place, "Pod"):
        return
    templates = (one for kind in SELECTABLE for one in on.snapshot.within(place, kind))
    if any(selects(wanted, template_labels(one)) for one in templates):
        return
    alike = _alike(on, wanted)
    text, told = f"{on.ref} selects no pod ({spelled(wanted)})", {"selector": spelled(wanted)}
    if alike:
        yield on.warning(PolicyCode.NO_PODS, f"{text}; {alike} is there.", alike=alike, **told)
    else:
        yield on.info(PolicyCode.NO_PODS, f"{text}.", **told)


def _alike(on: Subject, wanted: JsonObject) -> str:
    """The label of a pod here that is almost the one wanted; empty when there is none."""
    for key, value in (wanted.get("matchLabels") or {}).items():
        values = on.snapshot.label_values(on.ref.namespace, key)
        near = [] if not value or value in values else get_close_matches(value, values, 1, _ALIKE)
        if near:
            return f"{key}={near[0]}"
    return ""


def _peers(on: Subject) -> Iterator[Finding]:
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for peer in (one for rule in items(on.obj, "spec", direction) for one in items(rule, side)):
            wanted = peer.get("podSelector")
            # In another namespace the pods were perhaps not read.
            alike = "" if "namespaceSelector" in peer else _alike(on, wanted or {})
            if alike:
                text = f"{on.ref} names {spelled(wanted)} in its {direction} rules; only {alike} is there."
                told: JsonObject = {"direction": direction, "peer": spelled(wanted), "alike": alike}
                yield on.warning(PolicyCode.NO_PEER, text, **told)


def _no_dns(on: Subject, closing: list[JsonObject], pod: JsonObject) -> Iterator[Finding]:
    if on.obj not in closing or dig(pod, "spec", "dnsPolicy") == "None":
        return
    rules = [rule for policy in closing for rule in items(policy, "spec", "egress")]
    if not any(resolves_names(on.snapshot, pod, rule) for rule in rules):
        text = f"{on.ref} closes the way out of pods like {name_of(pod)}, and nothing lets them ask DNS."
        yield on.warning(
            PolicyCode.NO_DNS, text, pod=name_of(pod), policies=[name_of(one) for one in closing]
        )


def _reach(look: _Look, service: JsonObject) -> Iterator[Finding]:
    selector = dig(service, "spec", "selector") or {}
    chosen = look.snapshot.living(namespace_of(service), selector)
    # Pods that share their labels share their policies.
    unlike = {frozenset(labels_of(pod).items()): pod for pod in chosen if not dig(pod, "spec", "hostNetwork")}
    pods = list(unlike.values())
    if not pods:
        return
    # One pod that is open is enough: the rest is a rollout, or another matter.
    closing = [look.closed.by(pod, "Ingress") for pod in pods]
    if not all(closing):
        return
    for port in items(service, "spec", "ports"):
        yield from _port(look, service, (port, pods, closing))


def _port(
    look: _Look, service: JsonObject, way: tuple[JsonObject, list[JsonObject], list[list[JsonObject]]]
) -> Iterator[Finding]:
    port, pods, closing = way
    target, protocol = port.get("targetPort") or port.get("port"), port.get("protocol") or "TCP"
    opening = [
        rule
        for pod, policies in zip(pods, closing, strict=True)
        for policy in policies
        for rule in items(policy, "spec", "ingress")
        if admits(rule, Wanted(pod=pod, port=target, protocol=protocol))
    ]
    also = ("Service", "Pod", "Ingress", "HTTPRoute")
    on = Subject(snapshot=look.snapshot, obj=closing[0][0], also=also)
    name, names = name_of(service), [name_of(one) for one in closing[0]]
    told: JsonObject = {"service": name, "port": target, "protocol": protocol, "policies": names}
    if not opening:
        text = f"Nobody may reach Service {name} on port {target}: {', '.join(names)} close its pods."
        yield on.critical(PolicyCode.CUT_OFF, text, **told)
        return
    routes = look.routes.get((on.ref.namespace, name))
    if routes and not _lets_the_edge_in(on, opening):
        text = f"{routes[0]} leads to Service {name}, which only pods of its own namespace may reach."
        yield on.warning(PolicyCode.NOT_FROM_OUTSIDE, text, routes=routes, **told)


def _lets_the_edge_in(on: Subject, rules: list[JsonObject]) -> bool:
    """Whether these rules admit anything but plain pods of the namespace, or pods of the edge among them."""
    if any(not items(rule, "from") for rule in rules):
        return True
    peers = [peer for rule in rules for peer in items(rule, "from")]
    if any("namespaceSelector" in peer or "ipBlock" in peer for peer in peers):
        return True
    for wanted in (peer.get("podSelector") or {} for peer in peers):
        plain, place = wanted.get("matchLabels") or {}, on.ref.namespace
        pods = on.snapshot.selected(place, plain) if plain else on.snapshot.within(place, "Pod")
        if any(_at_the_edge(pod) and selects(wanted, labels_of(pod)) for pod in pods):
            return True
    return False


def _at_the_edge(pod: JsonObject) -> bool:
    return any(word in text for text in labels_of(pod).values() if text for word in _EDGE)


def _routes(snapshot: Snapshot) -> dict[tuple[str, str], list[str]]:
    """What leads in from outside, by namespace and Service."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for ingress in snapshot.objects("Ingress"):
        rules = items(ingress, "spec", "rules")
        backends = [path.get("backend") or {} for rule in rules for path in items(rule, "http", "paths")]
        backends.append(dig(ingress, "spec", "defaultBackend") or {})
        for name in {dig(backend, "service", "name") for backend in backends}:
            found[namespace_of(ingress), name or ""].append(f"Ingress {name_of(ingress)}")
    for route in snapshot.objects("HTTPRoute"):
        refs = [one for rule in items(route, "spec", "rules") for one in items(rule, "backendRefs")]
        for one in refs:
            place = one.get("namespace") or namespace_of(route)
            found[place, one.get("name") or ""].append(f"HTTPRoute {name_of(route)}")
    return found
