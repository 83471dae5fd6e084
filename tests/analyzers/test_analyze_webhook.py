"""Webhooks, extension APIs and converters that cannot be called, and those that only wait to be."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.api_extension import api_extensions
from agents.investigator.analyzers.webhook import webhooks
from tests.support.certificate import certificate
from tests.support.judged import judged, said, thing, unsure
from tests.support.kube_objects import Json, event, pod, replicaset, service

BACKEND = {"namespace": "shop", "name": "web"}
PODS = [{"operations": ["CREATE"], "apiGroups": [""], "resources": ["pods"]}]
UP = (service(ports=[{"port": 443}]), pod())
SPARED = {
    "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["shop"]}]
}


def hook(name: str = "check.example", *, ca: str = "", **more: object) -> Json:
    client = {"service": BACKEND | more.pop("service", {}), **({"caBundle": ca} if ca else {})}
    return {"name": name, "clientConfig": client, **more}


def checks(*hooks: Json, kind: str = "ValidatingWebhookConfiguration", **more: object) -> Json:
    return thing(kind, "checks", webhooks=list(hooks or (hook(),)), namespace="", metadata=more)


def mutates(*seconds: int) -> Json:
    named = [hook(f"m{at}.example", rules=PODS, timeoutSeconds=each, namespaceSelector=SPARED)
             for at, each in enumerate(seconds)]  # fmt: skip
    return checks(*named, kind="MutatingWebhookConfiguration")


def refused(words: str) -> Json:
    text = f'Error creating: Internal error occurred: failed calling webhook "check.example": {words}'
    return event(replicaset(1), "FailedCreate", text, count=4)


INJECTED = {"annotations": {"cert-manager.io/inject-ca-from": "shop/web"}}
SHOP = thing("Namespace", "shop", namespace="")
SICK = {
    "webhook.service_missing": (checks(),),
    "webhook.no_pods": (checks(), service()),
    "webhook.pods_not_ready": (checks(), service(), pod(ready=False)),
    "webhook.call_failed": (checks(), *UP, refused("context deadline exceeded")),
    "webhook.tls_rejected": (checks(), *UP, refused("x509: certificate is not valid for web.shop.svc")),
    "webhook.ca_expired": (checks(hook(ca=certificate("web.shop.svc", days=-1))), *UP),
    "webhook.ca_missing": (checks(**INJECTED), *UP),
    "webhook.timeouts_add_up": (mutates(30, 10), *UP, SHOP),
    "webhook.guards_itself": (checks(hook(rules=PODS)), *UP, SHOP),
}
HEALTHY = {
    "all there": (checks(hook(ca=certificate("web.shop.svc"))), *UP),
    "called by its address": (checks({"name": "x", "clientConfig": {"url": "https://10.0.0.1"}}),),
    "a Service that somebody else fills": (checks(), service(selector={})),
    "an answer of no": (checks(), *UP, event(replicaset(1), "FailedCreate", "denied the request: no team")),
    "timeouts within patience": (mutates(10, 10), *UP, SHOP),
    "one slow one": (mutates(30), *UP, SHOP),
    "its own namespace spared": (checks(hook(rules=PODS, namespaceSelector=SPARED)), *UP, SHOP),
    "one that may be skipped": (checks(hook(rules=PODS, failurePolicy="Ignore")), *UP, SHOP),
    "one that spares its own pods": (
        checks(hook(rules=PODS, objectSelector={"matchExpressions": [
            {"key": "app", "operator": "NotIn", "values": ["web"]}]})), *UP, SHOP),
    "a namespace whose labels nobody knows": (
        checks(hook(rules=PODS, namespaceSelector={"matchLabels": {"checked": "yes"}})), *UP),
}  # fmt: skip


@pytest.mark.parametrize("code", SICK)
def test_what_is_wrong_with_a_webhook_is_found_and_nothing_else(code: str) -> None:
    assert [found for found, _ in said(webhooks, *SICK[code])] == [code]


@pytest.mark.parametrize("case", HEALTHY)
def test_a_webhook_that_works_or_may_work_is_silent(case: str) -> None:
    assert judged(webhooks, *HEALTHY[case]) == []


def test_a_webhook_that_must_answer_is_critical_and_one_that_may_be_skipped_is_not() -> None:
    (closed,) = judged(webhooks, checks(hook(rules=PODS, namespaceSelector=SPARED)), SHOP)
    assert (closed.severity, closed.fields["resources"]) == ("critical", ["pods"])
    (open_,) = judged(webhooks, checks(hook(failurePolicy="Ignore")))
    assert open_.severity == "warning"


def test_calls_that_failed_are_counted_with_the_fault_and_not_told_twice() -> None:
    (finding,) = judged(webhooks, checks(), service(), refused("connection refused"))
    assert (finding.code, finding.fields["failed_calls"]) == ("webhook.no_pods", 4)


def test_a_port_that_the_service_does_not_have_is_told_with_those_it_has() -> None:
    (finding,) = judged(webhooks, checks(), service(ports=[{"port": 8443}]), pod())
    assert finding.fields["offered"] == [8443]
    assert (
        judged(webhooks, checks(hook(service={"port": 8443})), service(ports=[{"port": 8443}]), pod()) == []
    )


def test_nothing_is_missing_where_nobody_could_look() -> None:
    assert unsure(webhooks, checks(), unread="Service") == []
    assert unsure(webhooks, checks(), service(), unread="Pod") == []


def api(status: str, **backend: str) -> Json:
    told = {"type": "Available", "status": status, "reason": "MissingEndpoints", "message": "no endpoints"}
    return thing("APIService", "v1.metrics", {"service": BACKEND | backend}, namespace="",
                 status={"conditions": [told]})  # fmt: skip


def definition(kind: str = "Established", status: str = "True", **spec: object) -> Json:
    return thing("CustomResourceDefinition", "carts.example", spec, namespace="",
                 status={"conditions": [{"type": kind, "status": status}]})  # fmt: skip


CONVERTED = {"conversion": {"webhook": {"clientConfig": {"service": BACKEND}}}}


@pytest.mark.parametrize(
    ("code", "objects"),
    [
        ("apiservice.unavailable", (api("False"), *UP)),
        ("crd.not_established", (definition(status="False"),)),
        ("crd.not_established", (definition("Terminating"),)),
        ("crd.conversion_backend_down", (definition(**CONVERTED),)),
    ],
)
def test_an_extension_that_cannot_be_called_is_found(code: str, objects: tuple[Json, ...]) -> None:
    assert [found for found, _ in said(api_extensions, *objects)] == [code]


def test_what_stands_behind_an_api_is_said() -> None:
    (finding,) = judged(api_extensions, api("False"), service(), pod(ready=False))
    assert "none of the pods" in finding.fields["behind"]


def test_extensions_that_answer_or_serve_themselves_are_silent() -> None:
    local = thing("APIService", "v1.", {}, namespace="", status={"conditions": []})
    assert judged(api_extensions, api("True"), local, definition(**CONVERTED), definition(), *UP) == []
