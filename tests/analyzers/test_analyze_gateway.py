"""Gateways nobody takes, and routes that lead nowhere; and those that only look it."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.gateway import gateways
from agents.investigator.analyzers.route import routes
from tests.support.judged import judged, said, thing, unsure
from tests.support.kube_objects import Json, service


def stated(kind: str, status: str, reason: str = "Pending", message: str = "not yet") -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def gateway_class(*conditions: Json) -> Json:
    return thing("GatewayClass", "edge", {"controllerName": "edge.example/controller"}, namespace="",
                 status={"conditions": list(conditions)})  # fmt: skip


CLASS = gateway_class(stated("Accepted", "True"))


def gateway(*conditions: Json, listener: Json | None = None, **more: object) -> Json:
    opened = {"name": "web", "port": 80, **(listener or {})}
    status = {"conditions": list(conditions), "listeners": more.pop("listeners", [])}
    spec = {"gatewayClassName": "edge", "listeners": [opened], **more}
    return thing("Gateway", "front", spec, status=status, namespace="infra")


TLS = {"tls": {"certificateRefs": [{"name": "cert"}]}}
SICK = {
    "gatewayclass.not_accepted": (gateway_class(stated("Accepted", "Unknown")), gateway()),
    "gateway.class_missing": (gateway(),),
    "gateway.not_accepted": (CLASS, gateway(stated("Accepted", "False"))),
    "gateway.not_programmed": (CLASS, gateway(stated("Accepted", "True"), stated("Programmed", "False"))),
    "gateway.listener.unwell": (
        CLASS, gateway(listeners=[{"name": "web", "conditions": [stated("Conflicted", "True")]}])),
    "gateway.listener.certificate_missing": (CLASS, gateway(listener=TLS)),
}  # fmt: skip
WELL = [stated("Accepted", "True"), stated("Conflicted", "False"), stated("Other", "False")]
HEALTHY = {
    "all well": (CLASS, gateway(stated("Programmed", "True"), listeners=[{"conditions": WELL}])),
    "nobody has looked yet": (gateway_class(), gateway()),
    "the Secret is there": (CLASS, gateway(listener=TLS), thing("Secret", "cert", namespace="infra")),
    "a condition that nobody defines": (CLASS, gateway(stated("Fancy", "False"))),
}


@pytest.mark.parametrize("code", SICK)
def test_what_is_wrong_with_a_gateway_is_found_and_nothing_else(code: str) -> None:
    assert [found for found, _ in said(gateways, *SICK[code])] == [code]


@pytest.mark.parametrize("case", HEALTHY)
def test_a_gateway_that_works_or_may_work_is_silent(case: str) -> None:
    assert judged(gateways, *HEALTHY[case]) == []


def test_a_class_is_not_missing_where_nobody_could_look() -> None:
    assert unsure(gateways, gateway(), unread="GatewayClass") == []


def route(
    name: str = "shop", parent: Json | None = None, backend: Json | None = None, **more: object
) -> Json:
    rules = [{"backendRefs": [{"name": "web", "port": 80, **(backend or {})}]}]
    spec = {"parentRefs": [{"name": "front", "namespace": "infra", **(parent or {})}], "rules": rules, **more}
    status = {"parents": [{"conditions": spec.pop("conditions", [])}]}
    return thing("HTTPRoute", name, spec, status=status, metadata=spec.pop("metadata", None))


ALL = {"allowedRoutes": {"namespaces": {"from": "All"}}}
MARKED = {"allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"edge": "yes"}}}}}
OPEN = gateway(listener=ALL)
WEB = service(ports=[{"name": "http", "port": 80}])
FAR = service("far", ports=[{"port": 80}])
FAR["metadata"]["namespace"] = "other"
ACROSS = route(backend={"name": "far", "namespace": "other"})
GRANT = thing("ReferenceGrant", "g", {"from": [{"kind": "HTTPRoute", "namespace": "shop"}],
                                      "to": [{"kind": "Service"}]}, namespace="other")  # fmt: skip
SHOP = thing("Namespace", "shop", namespace="", metadata={"labels": {"edge": "yes"}})
BAD_ROUTES = {
    "route.parent.missing": (route(), WEB),
    "route.parent.closed": (route(), WEB, gateway()),
    "route.parent.no_listener": (route(parent={"sectionName": "tls"}), WEB, OPEN),
    "route.parent.host_unmatched": (
        route(hostnames=["shop.example"]), WEB, gateway(listener=ALL | {"hostname": "*.other.example"})),
    "route.backend.service_missing": (route(), OPEN),
    "route.backend.port_missing": (route(backend={"port": 8080}), OPEN, WEB),
    "route.backend.not_granted": (ACROSS, OPEN, FAR),
    "route.backend.no_weight": (route(backend={"weight": 0}), OPEN, WEB),
    "route.refused": (route(conditions=[stated("ResolvedRefs", "False")]), OPEN, WEB),
}  # fmt: skip
GOOD_ROUTES = {
    "all there": (route(), OPEN, WEB),
    "a host under the star": (
        route(hostnames=["shop.example"]), gateway(listener=ALL | {"hostname": "*.example"}), WEB),
    "a namespace with the label": (route(), gateway(listener=MARKED), SHOP, WEB),
    "a grant over there": (ACROSS, OPEN, FAR, GRANT),
    "a backend without a port": (route(backend={"port": None}), OPEN, WEB),
    "another kind of backend": (route(backend={"kind": "Bucket", "name": "x"}), OPEN),
    "a parent that is a Service": (route(parent={"kind": "Service", "name": "mesh"}), WEB),
}  # fmt: skip


@pytest.mark.parametrize("code", BAD_ROUTES)
def test_what_is_wrong_with_a_route_is_found_and_nothing_else(code: str) -> None:
    assert said(routes, *BAD_ROUTES[code]) == [(code, "HTTPRoute shop/shop")]


@pytest.mark.parametrize("case", GOOD_ROUTES)
def test_a_route_that_works_or_may_work_is_silent(case: str) -> None:
    assert judged(routes, *GOOD_ROUTES[case]) == []


def test_a_namespace_without_the_label_is_not_let_in_and_an_unread_one_is_not_judged() -> None:
    bare = thing("Namespace", "shop", namespace="")
    (finding,) = judged(routes, route(), gateway(listener=MARKED), bare, WEB)
    assert finding.fields["allowed"] == "only from namespaces with edge=yes"
    assert unsure(routes, route(), gateway(listener=MARKED), WEB, unread="Namespace") == []


@pytest.mark.parametrize(
    ("code", "unread"),
    [
        ("route.parent.missing", "Gateway"),
        ("route.backend.service_missing", "Service"),
        ("route.backend.not_granted", "ReferenceGrant"),
    ],
)
def test_nothing_is_missing_where_nobody_could_look(code: str, unread: str) -> None:
    assert unsure(routes, *BAD_ROUTES[code], unread=unread) == []


def test_the_younger_of_two_that_match_the_same_is_shadowed() -> None:
    old = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    (finding,) = judged(routes, route("a", metadata=old), route("b", backend={"name": "far"}), OPEN, WEB,
                        service("far", ports=[{"port": 80}]))  # fmt: skip
    assert (finding.code, finding.object.name, finding.fields["other"]) == (
        "route.rule.shadowed",
        "b",
        "shop/a",
    )


def test_routes_that_agree_or_differ_in_what_they_match_shadow_nobody() -> None:
    path = {"rules": [{"matches": [{"path": {"value": "/cart"}}], "backendRefs": [{"name": "cart"}]}]}
    assert said(routes, route("a"), route("b"), route("c", **path), OPEN, WEB, service("cart")) == []
