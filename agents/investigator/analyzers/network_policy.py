"""NetworkPolicies that select nobody, and those that cut off what must be reached.

Source: NetworkPolicySpec (networking/v1). Policies add up: a pod that any of them selects is closed for
that direction but for what one of them allows. A policy that denies everything is a choice, not a fault,
until a Service stands behind it that nobody can reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import (
    dig,
    is_finished,
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


def network_policies(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for NetworkPolicies, each by itself and then together against the Services behind them."""
    closed = Policies(snapshot)
    for policy in snapshot.objects("NetworkPolicy"):
        on = Subject(snapshot=snapshot, obj=policy, also=("Pod",))
        pod = _first_selected(on)
        if pod is None:
            yield from _no_pods(on)
        else:
            yield from _no_dns(on, closed.by(pod, "Egress"), pod)
        yield from _peers(on)
    for service in snapshot.objects("Service"):
        yield from _reach(snapshot, closed, service)


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
        near = [] if value in values else get_close_matches(value, values, 1, _ALIKE)
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


def _reach(snapshot: Snapshot, closed: Policies, service: JsonObject) -> Iterator[Finding]:
    selector = dig(service, "spec", "selector") or {}
    chosen = snapshot.selected(namespace_of(service), selector)
    # Pods that share their labels share their policies.
    unlike = {
        tuple(sorted(labels_of(pod).items())): pod
        for pod in chosen
        if not is_finished(pod) and not dig(pod, "spec", "hostNetwork")
    }
    pods = list(unlike.values())
    if not pods:
        return
    # One pod that is open is enough: the rest is a rollout, or another matter.
    closing = [closed.by(pod, "Ingress") for pod in pods]
    if not all(closing):
        return
    for port in items(service, "spec", "ports"):
        yield from _port(snapshot, service, (port, pods, closing))


def _port(
    snapshot: Snapshot, service: JsonObject, way: tuple[JsonObject, list[JsonObject], list[list[JsonObject]]]
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
    on = Subject(snapshot=snapshot, obj=closing[0][0], also=("Service", "Pod", "Ingress", "HTTPRoute"))
    name, names = name_of(service), [name_of(one) for one in closing[0]]
    told: JsonObject = {"service": name, "port": target, "protocol": protocol, "policies": names}
    if not opening:
        text = f"Nobody may reach Service {name} on port {target}: {', '.join(names)} close its pods."
        yield on.critical(PolicyCode.CUT_OFF, text, **told)
    elif routes := _only_inside(snapshot, service, opening):
        text = f"{routes[0]} leads to Service {name}, which only pods of its own namespace may reach."
        yield on.warning(PolicyCode.NOT_FROM_OUTSIDE, text, routes=routes, **told)


def _only_inside(snapshot: Snapshot, service: JsonObject, rules: list[JsonObject]) -> list[str]:
    """The routes from outside to this Service, when only plain pods of its own namespace are let in."""
    peers = [peer for rule in rules for peer in items(rule, "from")]
    if any(not items(rule, "from") for rule in rules):
        return []
    if any("namespaceSelector" in peer or "ipBlock" in peer for peer in peers):
        return []
    for pod in snapshot.within(namespace_of(service), "Pod"):
        edge = any(word in text for text in labels_of(pod).values() for word in _EDGE)
        if edge and any(selects(peer.get("podSelector"), labels_of(pod)) for peer in peers):
            return []
    return sorted(_routes(snapshot, service))


def _routes(snapshot: Snapshot, service: JsonObject) -> Iterator[str]:
    place, name = namespace_of(service), name_of(service)
    for ingress in snapshot.within(place, "Ingress"):
        rules = items(ingress, "spec", "rules")
        backends = [path.get("backend") or {} for rule in rules for path in items(rule, "http", "paths")]
        backends.append(dig(ingress, "spec", "defaultBackend") or {})
        if any(dig(backend, "service", "name") == name for backend in backends):
            yield f"Ingress {name_of(ingress)}"
    for route in snapshot.within(place, "HTTPRoute"):
        refs = [one for rule in items(route, "spec", "rules") for one in items(rule, "backendRefs")]
        if any(one.get("name") == name for one in refs):
            yield f"HTTPRoute {name_of(route)}"
