"""What an alert is about: the traps of real labels, names that must exist, the reach of a repair."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.incident import Alert
from agents.investigator.targets import Targets, targets
from tests.support.kube_objects import Json, deployment, meta, pod, replicaset, rolled_out, service, template
from tests.support.scenes import alert, scene

EXPORTER = {
    "container": "kube-state-metrics",
    "pod": "kube-prometheus-stack-kube-state-metrics-85f6b56f69-hsfxm",
    "service": "kube-prometheus-stack-kube-state-metrics",
    "endpoint": "http",
    "job": "kube-state-metrics",
}


def other(kind: str, name: str, namespace: str = "shop", **spec: object) -> Json:
    return {"kind": kind, "metadata": meta(kind, name, namespace=namespace), "spec": spec, "status": {}}


def about(objects: list[Json], *alerts: Alert) -> list[str]:
    return [str(ref) for ref in targets(alerts, scene(objects).inventory).refs]


def radius(objects: list[Json], *alerts: Alert) -> set[str]:
    return {str(ref) for ref in targets(alerts, scene(objects).inventory).radius}


def exporter_pod() -> Json:
    return other("Pod", EXPORTER["pod"], "monitoring")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"deployment": "web", "namespace": "shop"}, "Deployment shop/web"),
        ({"horizontalpodautoscaler": "web", "namespace": "shop"}, "HorizontalPodAutoscaler shop/web"),
        ({"job_name": "nightly", "namespace": "shop"}, "Job shop/nightly"),
        ({"node": "worker-2", "namespace": "monitoring"}, "Node worker-2"),
    ],
)
def test_the_exporters_own_labels_are_never_the_target(labels: dict[str, str], expected: str) -> None:
    node = {"kind": "Node", "metadata": {"name": "worker-2", "uid": "n2"}}
    objects = [
        deployment(),
        other("HorizontalPodAutoscaler", "web"),
        other("Job", "nightly"),
        node,
        exporter_pod(),
        other("Service", EXPORTER["service"], "monitoring"),
    ]
    assert about(objects, alert("Kube", **EXPORTER, **labels)) == [expected]


def test_an_exporter_series_that_names_nothing_else_has_no_target() -> None:
    assert about([exporter_pod()], alert("KubeSomething", namespace="monitoring", **EXPORTER)) == []


def test_exported_labels_win_over_the_exporters() -> None:
    labels = {"exported_namespace": "shop", "exported_pod": "web-r2-abcde", "namespace": "monitoring"}
    found = about([pod(), exporter_pod()], alert("KubePodNotReady", **{**EXPORTER, **labels}))
    assert found == ["Pod shop/web-r2-abcde"]


def test_a_claims_alert_is_about_the_claim_and_not_its_node_or_the_kubelet() -> None:
    objects = [
        other("PersistentVolumeClaim", "data-0"),
        {"kind": "Node", "metadata": {"name": "worker-2", "uid": "n2"}},
        other("Service", "kubelet"),
    ]
    labels = {
        "persistentvolumeclaim": "data-0",
        "node": "worker-2",
        "service": "kubelet",
        "namespace": "shop",
    }
    assert about(objects, alert("KubePersistentVolumeFillingUp", **labels)) == [
        "PersistentVolumeClaim shop/data-0"
    ]


def test_a_pods_alert_is_about_the_pod_and_not_the_scrape_job() -> None:
    labels = {"pod": "web-r2-abcde", "namespace": "shop", "job": "kube-state-metrics", "node": "worker-1"}
    objects = [pod(), {"kind": "Node", "metadata": {"name": "worker-1", "uid": "n1"}}]
    assert about(objects, alert("KubePodCrashLooping", **labels)) == ["Pod shop/web-r2-abcde"]


def test_an_applications_alert_is_about_its_service_or_else_the_workload_of_that_name() -> None:
    asked = alert("HttpErrorRateHigh", namespace="shop", service="web")
    assert about([deployment(), service()], asked) == ["Service shop/web"]
    assert about([deployment()], asked) == ["Deployment shop/web"]


def test_a_pod_that_was_replaced_meanwhile_leads_to_its_controller() -> None:
    gone = alert("KubePodNotReady", namespace="shop", pod="web-6d9f7c5b8d-x2kqv")
    assert about([deployment(), replicaset(1)], gone) == ["Deployment shop/web"]


def test_without_a_namespace_a_name_counts_only_if_it_is_unique() -> None:
    asked = alert("KubeDeploymentReplicasMismatch", deployment="web")
    assert about([deployment()], asked) == ["Deployment shop/web"]
    assert about([deployment(), deployment(namespace="other")], asked) == []


def test_a_name_that_does_not_exist_is_reported_as_missing() -> None:
    found = targets([alert("X", namespace="shop", deployment="ghost")], scene([deployment()]).inventory)
    assert found.refs == ()
    assert "Deployment ghost" in found.missing[0]
    assert found.radius == frozenset()


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["namespace", "pod", "deployment", "service", "node", "job", "container", "uid", "app"]
        ),
        st.one_of(
            st.sampled_from(["kube-system", "../../x", "web", "shop", "*", "", "a/b", "web\n"]),
            st.text(max_size=40),
        ),
    )
)
def test_t04_a_crafted_label_can_only_ever_name_what_exists(labels: dict[str, str]) -> None:
    objects = [*rolled_out(), service()]
    found = targets([alert("Crafted", **labels)], scene(objects).inventory)
    known = {(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects}
    assert {ref.key for ref in (*found.refs, *found.radius)} <= known


def test_the_radius_holds_owner_chain_services_scalers_and_neighbours_of_the_same_application() -> None:
    scaler = other("HorizontalPodAutoscaler", "web", scaleTargetRef={"kind": "Deployment", "name": "web"})
    sibling = deployment("web-worker", template=template("web"))
    objects = [*rolled_out(), service(), scaler, sibling]
    found = radius(objects, alert(namespace="shop", pod="web-r2-aaaaa"))
    assert found == {
        "Pod shop/web-r2-aaaaa", "Pod shop/web-r1-zzzzz", "ReplicaSet shop/web-r1", "ReplicaSet shop/web-r2",
        "Deployment shop/web", "Deployment shop/web-worker", "Service shop/web",
        "HorizontalPodAutoscaler shop/web",
    }  # fmt: skip


def test_strangers_and_namesakes_elsewhere_are_outside_the_radius() -> None:
    objects = [*rolled_out(), deployment("cart"), service("cart"), deployment(namespace="other")]
    found = radius(objects, alert(namespace="shop", deployment="web"))
    assert not {"Deployment shop/cart", "Service shop/cart", "Deployment other/web"} & found


def test_a_service_that_selects_nothing_reaches_the_workload_that_was_meant() -> None:
    objects = [deployment(), pod(), service(selector={"app": "web-v2"})]
    assert "Deployment shop/web" in radius(objects, alert("X", namespace="shop", service="web"))


def test_a_node_alert_reaches_the_node_alone() -> None:
    node = {"kind": "Node", "metadata": {"name": "worker-2", "uid": "n2"}}
    assert radius([node, *rolled_out()], alert("KubeNodeNotReady", node="worker-2")) == {"Node worker-2"}


def test_an_owner_reference_to_a_namesake_with_another_uid_is_no_owner() -> None:
    stray = pod("web-r2-aaaaa", labels={"app": "something-else"})
    stray["metadata"]["ownerReferences"][0]["uid"] = "somebody-else"
    found = radius([stray, replicaset(2), deployment()], alert(namespace="shop", pod="web-r2-aaaaa"))
    assert found == {"Pod shop/web-r2-aaaaa"}


def test_every_alert_keeps_its_own_objects() -> None:
    first, second = (
        alert("A", namespace="shop", deployment="web"),
        alert("B", namespace="shop", service="web"),
    )
    found: Targets = targets([first, second], scene([deployment(), service()]).inventory)
    assert [str(refs[0]) for _, refs in found.by_alert] == ["Deployment shop/web", "Service shop/web"]
