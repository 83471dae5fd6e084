"""Policies that cut off what must be reached; and those that deny on purpose, which are silent."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.network_policy import network_policies
from tests.support.judged import judged, said, thing, unsure
from tests.support.kube_objects import Json, deployment, pod, service

WEB = pod("web-r2-aaaaa", container={"ports": [{"name": "http", "containerPort": 8080}]})
SERVICE = service(ports=[{"port": 80, "targetPort": "http"}])
INSIDE = [{"podSelector": {"matchLabels": {"app": "web"}}}]
DNS = {"ports": [{"port": 53, "protocol": "UDP"}]}
SYSTEM = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}


def policy(name: str = "p", app: str = "web", **spec: object) -> Json:
    selector = {"matchLabels": {"app": app}} if app else {}
    return thing("NetworkPolicy", name, {"podSelector": selector, **spec})


def letting_in(*ports: Json, peers: object = None) -> Json:
    rule = {"ports": list(ports), **({"from": peers} if peers else {})}
    return policy(ingress=[rule])


def letting_out(*rules: Json) -> Json:
    return policy(policyTypes=["Egress"], egress=list(rules))


DENY = policy("deny", app="", policyTypes=["Ingress"])
INGRESS = thing("Ingress", "shop", {"defaultBackend": {"service": {"name": "web"}}})
SICK = {
    "networkpolicy.matches_no_pods": (policy(app="gone"),),
    "networkpolicy.peer_misspelled": (
        WEB, policy(ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "webb"}}}]}])),
    "networkpolicy.service_cut_off": (WEB, SERVICE, DENY),
    "networkpolicy.route_denied": (WEB, SERVICE, letting_in(peers=INSIDE), INGRESS),
    "networkpolicy.no_dns": (WEB, letting_out({"ports": [{"port": 5432}]})),
}  # fmt: skip
HEALTHY = {
    "a pod that is selected": (WEB, policy(ingress=[{}])),
    "a workload scaled to zero": (deployment(replicas=0, available=0), policy()),
    "a default deny without a Service": (WEB, DENY),
    "a default deny with an opening": (WEB, SERVICE, DENY, letting_in({"port": 8080})),
    "an opening by name": (WEB, SERVICE, letting_in({"port": "http"})),
    "an opening for a range": (WEB, SERVICE, letting_in({"port": 8000, "endPort": 9000})),
    "an opening for all ports of a protocol": (WEB, SERVICE, letting_in({"protocol": "TCP"})),
    "peers that are not there yet": (
        WEB, policy(ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "database"}}}]}])),
    "a route, and the whole cluster let in": (
        WEB, SERVICE, INGRESS, letting_in(peers=[{"namespaceSelector": {}}])),
    "a route, and an edge in the same namespace": (
        WEB, SERVICE, INGRESS, pod("edge", labels={"app": "traefik"}),
        letting_in(peers=[{"podSelector": {}}])),
    "no route from outside": (WEB, SERVICE, letting_in(peers=INSIDE)),
    "a way out to DNS": (WEB, letting_out({"ports": [{"port": 5432}]}, DNS)),
    "a way out to DNS in its namespace": (WEB, letting_out({"to": [SYSTEM], **DNS})),
    "a way out to everywhere": (WEB, letting_out({})),
    "a way out to addresses": (WEB, letting_out({"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]})),
    "a pod that resolves names by itself": (
        pod("web-r2-aaaaa", spec={"dnsPolicy": "None"}), letting_out({"ports": [{"port": 5432}]})),
}  # fmt: skip


@pytest.mark.parametrize("code", SICK)
def test_what_is_cut_off_or_selects_nobody_is_found_and_nothing_else(code: str) -> None:
    assert [found for found, _ in said(network_policies, *SICK[code])] == [code]


@pytest.mark.parametrize("case", HEALTHY)
def test_what_is_denied_on_purpose_is_silent(case: str) -> None:
    assert judged(network_policies, *HEALTHY[case]) == []


@pytest.mark.parametrize("port", [{"port": 9090}, {"port": 8080, "protocol": "UDP"}, {"port": "metrics"}])
def test_an_opening_for_another_port_does_not_help(port: Json) -> None:
    (finding,) = judged(network_policies, WEB, SERVICE, letting_in(port))
    assert (finding.code, finding.fields["policies"]) == ("networkpolicy.service_cut_off", ["p"])


@pytest.mark.parametrize(
    "rule",
    [
        {"ports": [{"port": 53}]},
        {"to": [{"podSelector": {}}]},
        {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}}}], **DNS},
    ],
)
def test_a_way_out_that_dns_is_not_on_does_not_help(rule: Json) -> None:
    assert [code for code, _ in said(network_policies, WEB, letting_out(rule))] == ["networkpolicy.no_dns"]


def test_a_misspelled_selector_is_wrong_and_one_for_later_is_only_worth_knowing() -> None:
    (typo,) = judged(network_policies, WEB, policy(app="webb"))
    assert (typo.severity, typo.fields["alike"]) == ("warning", "app=web")
    (later,) = judged(network_policies, WEB, policy(app="database"))
    assert later.severity == "info"


def test_nobody_is_selected_only_where_pods_could_be_read() -> None:
    assert unsure(network_policies, policy(app="gone"), unread="Pod") == []


def test_expressions_select_as_the_api_server_says() -> None:
    either = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "cart"]}]}
    neither = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}
    bare = {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}
    made = [
        thing("NetworkPolicy", f"p{at}", {"podSelector": one})
        for at, one in enumerate((either, neither, bare))
    ]
    found = judged(network_policies, WEB, *made)
    assert [(one.object.name, one.fields["selector"]) for one in found] == [
        ("p1", "app notin (web)"),
        ("p2", "app doesnotexist"),
    ]
