"""Ingresses that lead to nothing, and those that only look it."""

from __future__ import annotations

import json

import pytest

from agents.investigator.analyzers.ingress import ingresses
from tests.support.certificate import certificate
from tests.support.judged import judged, said, thing, unsure
from tests.support.kube_objects import Json, service
from tools.kubernetes.cleaning import cleaned

NGINX = thing("IngressClass", "nginx", {"controller": "k8s.io/ingress-nginx"}, namespace="")
WEB = service(ports=[{"name": "http", "port": 80}])
TLS = {"tls": [{"hosts": ["shop.example"], "secretName": "cert"}]}


def leading(name: str = "web", port: object = 80) -> Json:
    key = "number" if isinstance(port, int) else "name"
    return {"service": {"name": name, "port": {key: port}}}


def ingress(name: str = "shop", backend: Json | None = None, **more: object) -> Json:
    rule = {"host": "shop.example", "http": {"paths": [{"path": "/", "backend": backend or leading()}]}}
    about = more.pop("metadata", {})
    spec = {"ingressClassName": "nginx", "rules": [rule], **more}
    return thing("Ingress", name, {key: value for key, value in spec.items() if value}, metadata=about)


def secret(*hosts: str, days: int = 30, **data: str) -> Json:
    return thing("Secret", "cert", data={"tls.crt": certificate(*hosts, days=days), "tls.key": "k", **data})


SICK = {
    "ingress.class.missing": (ingress(ingressClassName="nginy"), WEB, NGINX),
    "ingress.class.unset": (ingress(ingressClassName=None), WEB, NGINX),
    "ingress.backend.service_missing": (ingress(backend=leading("gone")), WEB, NGINX),
    "ingress.backend.port_missing": (ingress(backend=leading(port=8080)), WEB, NGINX),
    "ingress.tls.secret_missing": (ingress(**TLS), WEB, NGINX),
    "ingress.tls.secret_incomplete": (ingress(**TLS), WEB, NGINX, thing("Secret", "cert", data={"ca": "x"})),
    "ingress.tls.certificate_expired": (ingress(**TLS), WEB, NGINX, secret("shop.example", days=-1)),
    "ingress.tls.host_not_covered": (ingress(**TLS), WEB, NGINX, secret("cart.example")),
}
GCE = thing("IngressClass", "gce", {}, namespace="", metadata={
    "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}})  # fmt: skip
HEALTHY = {
    "all there": (ingress(**TLS), WEB, NGINX, secret("shop.example")),
    "a star certificate": (ingress(**TLS), WEB, NGINX, secret("*.example")),
    "a port by name": (ingress(backend=leading(port="http")), WEB, NGINX),
    "a default class": (ingress(ingressClassName=None), WEB, GCE),
    "a built-in class": (ingress(ingressClassName="gce"), WEB),
    "a class by annotation": (
        ingress(ingressClassName=None, metadata={"annotations": {"kubernetes.io/ingress.class": "x"}}),
        WEB,
    ),
    "the controller's own certificate": (ingress(tls=[{"hosts": ["shop.example"]}]), WEB, NGINX),
    "a Secret read by its metadata": (ingress(**TLS), WEB, NGINX, thing("Secret", "cert")),
    "something that is no certificate": (
        ingress(**TLS), WEB, NGINX, thing("Secret", "cert", data={"tls.crt": "!", "tls.key": ""})),
    "a bucket behind it": (ingress(backend={"resource": {"kind": "Bucket", "name": "x"}}), NGINX),
    "an external name": (ingress(), service(type="ExternalName", externalName="x.example"), NGINX),
}  # fmt: skip


@pytest.mark.parametrize("code", SICK)
def test_what_is_wrong_is_found_and_nothing_else(code: str) -> None:
    assert said(ingresses, *SICK[code]) == [(code, "Ingress shop/shop")]


@pytest.mark.parametrize("case", HEALTHY)
def test_what_works_or_may_work_is_silent(case: str) -> None:
    assert said(ingresses, *HEALTHY[case]) == []


@pytest.mark.parametrize(
    ("code", "unread"),
    [
        ("ingress.class.missing", "IngressClass"),
        ("ingress.class.unset", "IngressClass"),
        ("ingress.backend.service_missing", "Service"),
        ("ingress.tls.secret_missing", "Secret"),
    ],
)
def test_nothing_is_missing_where_nobody_could_look(code: str, unread: str) -> None:
    kept = [one for one in SICK[code] if one["kind"] != unread]
    assert unsure(ingresses, *kept, unread=unread) == []


def test_the_default_backend_counts_and_a_service_is_named_once_with_all_its_routes() -> None:
    twice = ingress(backend=leading("gone"), defaultBackend=leading("gone"))
    (finding,) = judged(ingresses, twice, NGINX)
    assert finding.fields["routes"] == ["the default backend", "shop.example/"]


def test_the_younger_of_two_that_claim_one_path_is_shadowed() -> None:
    older = ingress("a", metadata={"creationTimestamp": "2026-01-01T00:00:00Z"})
    younger = ingress("b", backend=leading("cart"))
    both = (older, younger, WEB, service("cart", ports=[{"port": 80}]), NGINX)
    (finding,) = judged(ingresses, *both)
    assert (finding.code, finding.object.name, finding.fields["other"]) == (
        "ingress.path.shadowed",
        "b",
        "shop/a",
    )


def test_two_that_agree_or_are_a_canary_shadow_nobody() -> None:
    marks = {"annotations": {"nginx.ingress.kubernetes.io/canary": "true"}}
    cart = service("cart", ports=[{"port": 80}])
    canary = ingress("b", backend=leading("cart"), metadata=marks)
    assert said(ingresses, ingress("a"), ingress("c"), canary, WEB, cart, NGINX) == []


def test_of_a_tls_secret_only_the_names_and_the_end_of_its_certificate_are_kept() -> None:
    kept = cleaned(secret("shop.example"))
    assert kept["certificate"] == {"notAfter": "2026-12-24T02:00:00+00:00", "names": ["shop.example"]}
    assert cleaned(kept) == kept
    assert certificate("shop.example") not in json.dumps(kept)
