"""Ports, protocols, selectors that take in too much, names that lead nowhere; and what only looks like it."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.endpoints import partly_ready
from agents.investigator.analyzers.service import services
from agents.investigator.analyzers.service_wiring import wiring
from tests.support.judged import judged, said, thing, unsure
from tests.support.kube_objects import Json, deployment, event, owned_by, pod, service, template

WEB = {"ports": [{"name": "http", "containerPort": 8080}]}
METRICS = {"ports": [{"name": "metrics", "containerPort": 9090}]}
PROBED = METRICS | {"readinessProbe": {"httpGet": {"port": 8080}}}
SERVING = pod("web-r2-aaaaa", container=WEB)


def to(target: object, **more: object) -> Json:
    return service(ports=[{"port": 80, "targetPort": target, **more}])


def worker(**more: object) -> Json:
    return pod("worker-r1-aaaaa", container=METRICS, **more)


SICK = {
    "name_unknown": (SERVING, to("web")),
    "not_declared": (SERVING, to(8081)),
    "protocol_mismatch": (SERVING, to("http", protocol="UDP")),
}
HEALTHY = {
    "by name": (SERVING, to("http")),
    "by number": (SERVING, to(8080)),
    "a number in quotes": (SERVING, to("8080")),
    "the same number as the port": (SERVING, service(ports=[{"port": 8080}])),
    "pods that declare no port": (pod("web-r2-aaaaa"), to(8081)),
    "a port that only a probe tells of": (pod("web-r2-aaaaa", container=PROBED), to(8080)),
    "a headless Service": (SERVING, service(clusterIP="None", ports=[{"port": 80}])),
    "no pods and no workload": (to("web"),),
}


@pytest.mark.parametrize("code", SICK)
def test_a_port_that_the_pods_do_not_have_is_found(code: str) -> None:
    (finding,) = judged(wiring, *SICK[code])
    assert finding.code == f"service.target_port.{code}"
    assert finding.fields["offered"] == ["http 8080/TCP"]


@pytest.mark.parametrize("case", HEALTHY)
def test_a_port_that_is_there_or_may_be_is_silent(case: str) -> None:
    assert judged(wiring, *HEALTHY[case]) == []


def test_without_pods_the_workload_tells_which_ports_there_would_be() -> None:
    (finding,) = judged(wiring, deployment(template=template(**WEB)), to("web"))
    assert finding.code == "service.target_port.name_unknown"


def test_a_sidecar_may_be_the_one_that_listens() -> None:
    proxy = {"name": "proxy", "restartPolicy": "Always", "ports": [{"containerPort": 15001}]}
    meshed = pod("web-r2-aaaaa", container=WEB, spec={"initContainers": [proxy]})
    assert judged(wiring, meshed, to(15001)) == []


def test_a_selector_that_also_takes_in_the_worker_is_too_wide() -> None:
    (finding,) = judged(wiring, SERVING, worker(), to("http"))
    assert (finding.code, finding.severity) == ("service.selector.too_wide", "warning")
    assert finding.fields["strangers"] == ["Deployment worker"]


def test_where_no_pod_has_the_port_the_port_is_wrong_and_not_the_selector() -> None:
    (finding,) = judged(wiring, pod("web-r2-aaaaa", container=METRICS), worker(), to(8081))
    assert finding.code == "service.target_port.not_declared"


def test_a_running_job_behind_a_service_is_a_stranger() -> None:
    job = pod("migrate-x", container=WEB) | {}
    job["metadata"]["ownerReferences"] = owned_by("Job", "migrate")
    (finding,) = judged(wiring, SERVING, job, to("http"))
    assert finding.fields["strangers"] == ["Job migrate"]
    job["status"]["phase"] = "Succeeded"
    assert judged(wiring, SERVING, job, to("http")) == []


def test_an_umbrella_over_two_applications_is_only_worth_knowing() -> None:
    cart = pod("cart-r1-aaaaa", container=WEB, labels={"app": "cart", "tier": "front"})
    web = pod("web-r2-aaaaa", container=WEB, labels={"app": "web", "tier": "front"})
    front = service("front", {"tier": "front"}, ports=[{"port": 80, "targetPort": "http"}])
    (finding,) = judged(wiring, cart, web, front)
    assert (finding.severity, finding.fields["applications"]) == ("info", ["cart", "web"])


def test_a_canary_beside_the_stable_one_is_silent() -> None:
    assert judged(wiring, SERVING, pod("web-canary-r1-aaaaa", container=WEB), to("http")) == []


@pytest.mark.parametrize("name", ["10.0.0.7", "db.shop.svc.cluster.local", "db.shop.svc"])
def test_an_external_name_that_cannot_resolve_is_found(name: str) -> None:
    leads = service("db-alias", {}, type="ExternalName", externalName=name)
    (finding,) = judged(wiring, leads)
    assert finding.code == "service.external_name.unresolvable"
    assert name in str(finding.fields)


def test_an_external_name_of_something_outside_or_there_is_silent() -> None:
    outside = service("a", {}, type="ExternalName", externalName="db.example.com")
    inside = service("b", {}, type="ExternalName", externalName="db.shop.svc.cluster.local")
    assert judged(wiring, outside, inside, service("db", {})) == []
    assert unsure(wiring, inside, unread="Service") == []


def test_a_node_without_a_local_pod_is_named() -> None:
    local = service(internalTrafficPolicy="Local")
    here = pod("web-r2-aaaaa", spec={"nodeName": "n1"})
    there = pod("cart-r1-aaaaa", labels={"app": "cart"}, spec={"nodeName": "n2"})
    (finding,) = judged(wiring, local, here, there)
    assert (finding.code, finding.fields["nodes"]) == ("service.traffic_policy.no_local_pod", ["n2"])
    assert judged(wiring, service(), here, there) == []
    there["metadata"]["ownerReferences"] = owned_by("DaemonSet", "agent")
    assert judged(wiring, local, here, there) == []


def test_a_load_balancer_without_an_address_is_found_after_some_minutes() -> None:
    waiting = service("web", {}, type="LoadBalancer")
    assert said(wiring, waiting) == [("service.load_balancer.pending", "Service shop/web")]
    given = waiting | {"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}}}
    assert judged(wiring, given) == []
    waiting["metadata"]["creationTimestamp"] = "2026-11-24T02:09:00Z"
    assert judged(wiring, waiting) == []


def test_warnings_about_a_service_are_quoted_and_a_lost_race_is_not() -> None:
    web = service("web", {})
    (finding,) = judged(wiring, web, event(web, "SyncLoadBalancerFailed", "quota of addresses used up"))
    assert (finding.code, finding.severity) == ("service.events.warning", "warning")
    assert finding.fields["messages"] == ["quota of addresses used up"]
    race = event(web, "FailedToUpdateEndpointSlices", "the object has been modified; please apply again")
    assert judged(wiring, web, race) == []
    assert judged(wiring, web, event(web, "Other", "moved on", type="Normal")) == []


def endpoints(*ready: str, unready: tuple[str, ...] = (), **more: object) -> Json:
    named = {key: [{"ip": "10.0.0.1", "targetRef": {"kind": "Pod", "name": one}} for one in found]
             for key, found in (("addresses", ready), ("notReadyAddresses", unready))}  # fmt: skip
    return thing("Endpoints", "web", subsets=[named], **more)


def test_endpoints_tell_of_pods_that_were_not_read() -> None:
    (finding,) = judged(services, service(), endpoints(unready=("web-1",)))
    assert (finding.code, finding.fields["pods"]) == ("service.endpoints.none_ready", ["web-1"])
    assert judged(services, service(), endpoints("web-1")) == []


def test_some_addresses_that_are_not_ready_are_worth_knowing() -> None:
    (finding,) = judged(partly_ready, service(), endpoints("web-1", unready=("web-2",)))
    assert finding.code == "service.endpoints.some_not_ready"
    assert finding.message == "1 of the 2 addresses of Service shop/web is not ready."
    assert (finding.severity, finding.fields["not_ready"]) == ("info", ["Pod web-2"])
    assert judged(partly_ready, service(), endpoints("web-1", "web-2")) == []
    assert judged(partly_ready, service(), endpoints(unready=("web-1",))) == []
    open_door = service(publishNotReadyAddresses=True)
    assert judged(partly_ready, open_door, endpoints("web-1", unready=("web-2",))) == []


def test_a_lease_kept_in_endpoints_serves_nobody_and_is_silent() -> None:
    lease = endpoints(metadata={"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}})
    assert judged(services, service(), lease) == []
