"""What alerts about the way in are about: routes, Gateways, hosts, leases, images; and what only looks so."""

from __future__ import annotations

import pytest

from agents.incident import Alert
from agents.investigator.targets import targets
from agents.investigator.targets_hosts import place_of
from agents.investigator.targets_labels import namespace_label
from tests.support.kube_objects import Json, deployment, meta, service
from tests.support.scenes import alert, scene


def other(kind: str, name: str, namespace: str = "shop", **spec: object) -> Json:
    return {"kind": kind, "metadata": meta(kind, name, namespace=namespace), "spec": spec, "status": {}}


def ingress(name: str, host: str, *paths: str, namespace: str = "shop", kind: str = "Prefix") -> Json:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {
        "host": host,
        "http": {"paths": [{"path": p, "pathType": kind, "backend": backend} for p in paths]},
    }
    return other("Ingress", name, namespace, rules=[rule])


def route(name: str, *hosts: str, gateway: str = "edge") -> Json:
    return other("HTTPRoute", name, hostnames=list(hosts), parentRefs=[{"name": gateway}])


GATEWAY = other("Gateway", "edge", listeners=[{"name": "https", "hostname": "*.shop.example"}])
SHOP = (
    ingress("front", "shop.example", "/", "/cart/"),
    ingress("orders", "shop.example", "/orders"),
    ingress("wild", "*.old.example", "/"),
    GATEWAY,
    route("api", "api.shop.example"),
    route("rest"),
    deployment(),
    service(),
)


def about(*alerts: Alert) -> list[str]:
    return [str(ref) for ref in targets(alerts, scene([*SHOP]).inventory).refs]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"ingress": "front", "namespace": "shop"}, ["Ingress shop/front"]),
        # As ingress-nginx says it through a ServiceMonitor: the plain labels are those of the controller.
        (
            {
                "ingress": "front",
                "exported_namespace": "shop",
                "namespace": "ingress-nginx",
                "pod": "nginx-1",
            },
            ["Ingress shop/front"],
        ),
        ({"gateway": "edge", "namespace": "shop"}, ["Gateway shop/edge"]),
        ({"httproute": "api", "namespace": "shop"}, ["HTTPRoute shop/api"]),
        (
            {"customresource_kind": "HTTPRoute", "name": "api", "namespace": "shop"},
            ["HTTPRoute shop/api"],
        ),
        (
            {"envoy_cluster_name": "httproute/shop/api/rule/0", "namespace": "envoy-gateway-system"},
            ["HTTPRoute shop/api"],
        ),
        # Istio's reporter stands in `namespace`, and what was called in the destination's.
        (
            {
                "destination_service_name": "web",
                "destination_service_namespace": "shop",
                "namespace": "elsewhere",
            },
            ["Service shop/web"],
        ),
    ],
)
def test_exporters_name_routes_and_gateways_each_in_their_way(
    labels: dict[str, str], expected: list[str]
) -> None:
    asked = alert("SomethingSlow")
    assert about(asked.model_copy(update={"labels": asked.labels | labels})) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"instance": "https://shop.example/orders/17?x=1"}, ["Ingress shop/orders"]),
        ({"instance": "https://shop.example/ordersheet"}, ["Ingress shop/front"]),
        ({"host": "shop.example", "path": "/cart"}, ["Ingress shop/front"]),
        ({"host": "a.old.example"}, ["Ingress shop/wild"]),
        (
            {"target": "API.shop.example:443"},
            ["HTTPRoute shop/api", "HTTPRoute shop/rest", "Gateway shop/edge"],
        ),
        ({"instance": "http://web.shop.svc.cluster.local:80/healthz"}, ["Service shop/web"]),
        ({"destination_service": "web.shop.svc.cluster.local"}, ["Service shop/web"]),
    ],
)
def test_a_probed_address_leads_to_what_answers_for_it(labels: dict[str, str], expected: list[str]) -> None:
    probe = {"job": "blackbox", "namespace": "monitoring", **labels}
    assert about(alert("ProbeFailed", **probe)) == expected


@pytest.mark.parametrize(
    "labels",
    [
        {"instance": "10.0.0.7:8080"},
        {"instance": "https://elsewhere.example/"},
        {"host": "example"},
        {"host": "old.example"},
        {"host": "ghost.shop.svc"},
        {"host": "a b'}) or vector(1)"},
    ],
)
def test_an_address_that_nothing_here_answers_for_is_nobodys_and_nothing_is_missing(
    labels: dict[str, str],
) -> None:
    found = targets([alert("ProbeFailed", namespace="shop", **labels)], scene([*SHOP]).inventory)
    assert (found.refs, found.missing) == ((), ())


def test_what_an_application_calls_a_gateway_is_no_gateway() -> None:
    asked = alert("PaymentsFail", gateway="paypal", service="web", namespace="shop")
    assert about(asked) == ["Service shop/web"]


def test_a_leader_that_is_away_is_its_lease_whatever_was_scraped_for_it() -> None:
    lease = other("Lease", "kube-scheduler", "kube-system")
    objects = [lease, other("Service", "kube-dns", "kube-system")]
    by_job = alert("TargetDown", job="kube-scheduler", namespace="kube-system", service="kube-dns")
    by_name = alert("KubeSchedulerDown", severity="critical")
    for asked in (by_job, by_name):
        found = targets([asked], scene(objects).inventory)
        assert [str(ref) for ref in found.refs] == ["Lease kube-system/kube-scheduler"]
    # The lease of no part of the control plane is what a label may say.
    assert targets([alert("TargetDown", job="some-operator")], scene(objects).inventory).refs == ()


def test_an_image_is_the_workloads_that_are_to_run_it() -> None:
    workload = deployment()
    workload["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/web:2"
    asked = alert("ResultsWrong", namespace="shop", image="registry.example/web:2")
    assert [str(ref) for ref in targets([asked], scene([workload]).inventory).refs] == ["Deployment shop/web"]
    # Next door the same image is somebody else's.
    assert targets([asked], scene([deployment(namespace="other")]).inventory).refs == ()


def test_the_namespace_that_is_looked_at_is_that_of_what_was_called() -> None:
    told = alert("X", namespace="monitoring", envoy_cluster_name="httproute/shop/api/rule/1")
    assert namespace_label(told.labels) == "shop"


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("https://Shop.example:8443/a/b?q#f", ("shop.example", "/a/b")),
        ("shop.example", ("shop.example", "/")),
        ("*.shop.example/x", ("*.shop.example", "/x")),
    ],
)
def test_an_address_is_taken_apart(value: str, place: tuple[str, str]) -> None:
    assert place_of(value) == place
