"""Services that lead nowhere, and the many that are fine without looking it."""

from __future__ import annotations

from agents.incident import Finding
from agents.investigator.analyzers.service import services
from agents.investigator.analyzers.snapshot import Snapshot
from tests.support.kube_objects import Json, deployment, pod, service, template
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory, Query

SICK_POD = pod("web-r2-aaaaa", ready=False)


def found(*objects: Json) -> list[Finding]:
    return list(services(scene(list(objects)).snapshot))


def test_the_differing_label_and_the_workload_that_was_meant_are_named() -> None:
    (finding,) = found(deployment(), pod(), service(selector={"app": "web-v2"}))
    assert finding.code == "service.selector.matches_nothing"
    assert finding.fields["workload_name"] == "web"
    assert finding.fields["differs"] == {"app": {"service": "web-v2", "workload": "web"}}


def test_of_several_labels_only_the_wrong_one_differs() -> None:
    made = template()
    made["metadata"]["labels"] |= {"tier": "front"}
    (finding,) = found(deployment(template=made), pod(), service(selector={"app": "web", "tier": "frontend"}))
    assert finding.fields["differs"] == {"tier": {"service": "frontend", "workload": "front"}}


def test_a_shared_team_label_does_not_make_a_stranger_the_one_that_was_meant() -> None:
    stranger = template("cart")
    stranger["metadata"]["labels"] |= {"team": "shop"}
    (finding,) = found(
        deployment("cart", template=stranger), service(selector={"app": "gone", "team": "shop"})
    )
    assert "workload_name" not in finding.fields


def test_two_workloads_that_fit_equally_well_are_none() -> None:
    (finding,) = found(deployment("web-a"), deployment("web-b"), service("x", {"app": "web-c"}))
    assert "workload_name" not in finding.fields


def test_where_pods_may_be_that_were_not_read_no_selector_is_called_wrong() -> None:
    refused = Query(kind="Pod", namespace="shop", path="/pods", count=0, ok=False, problem="403")
    other = {"kind": "Deployment", **deployment("other")}
    for inventory in (
        Inventory(by_kind={"Service": (service(),)}),
        Inventory(by_kind={"Service": (service(),), "Deployment": (other,)}, queries=(refused,)),
    ):
        assert list(services(Snapshot(inventory=inventory, taken_at=scene([]).taken_at))) == []
    assert [one.code for one in found(other, service())] == ["service.selector.matches_nothing"]


def test_pods_that_are_not_ready_leave_a_service_empty() -> None:
    (finding,) = found(deployment(), SICK_POD, service())
    assert finding.code == "service.endpoints.none_ready"
    assert finding.fields["pods"] == ["web-r2-aaaaa"]


def test_a_selected_workload_without_pods_is_no_selector_mismatch() -> None:
    (finding,) = found(deployment(replicas=0, available=0), service())
    assert finding.code == "service.endpoints.none_ready"
    assert finding.fields["workload"] == "Deployment shop/web"


def test_a_service_with_one_ready_pod_is_silent() -> None:
    assert found(deployment(), SICK_POD, pod("web-r2-bbbbb"), service()) == []


def test_services_that_need_no_ready_pod_are_silent() -> None:
    assert (
        found(
            SICK_POD,
            service("manual", {}),
            service("outside", {"app": "x"}, type="ExternalName"),
            service("peers", {"app": "web"}, publishNotReadyAddresses=True),
        )
        == []
    )


def test_a_ready_endpoint_in_a_slice_counts() -> None:
    slice_ = {
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {}}],
    }
    assert found(SICK_POD, service(), slice_) == []
    slice_["endpoints"][0]["conditions"] = {"ready": False}
    assert len(found(SICK_POD, service(), slice_)) == 1


def test_a_namesake_in_another_namespace_changes_nothing() -> None:
    elsewhere = deployment(namespace="other")
    (finding,) = found(elsewhere, service(selector={"app": "web-v2"}))
    assert "workload_name" not in finding.fields
