"""The official Python client against the API: typed answers, watches, evictions and logs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from tests.support.kubernetes_world import (
    OLD,
    ContractCluster,
    config_map,
    contract_cluster,
    deployment,
    eventually,
    need_world,
)
from tests.support.patience import PATIENCE_S


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        yield found


@pytest.fixture(scope="module")
def shop(cluster: ContractCluster) -> Iterator[str]:
    """A namespace in which Deployment `web` runs two pods behind a Service and a disruption budget."""
    name = cluster.namespace()
    base = f"namespaces/{name}"
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
    budget = {"selector": {"matchLabels": {"app": "web"}}, "minAvailable": 2}
    cluster.call("POST", f"/apis/apps/v1/{base}/deployments", deployment("web", replicas=2))
    cluster.call("POST", f"/api/v1/{base}/services", service)
    path = f"/apis/policy/v1/{base}/poddisruptionbudgets"
    cluster.call("POST", path, {"metadata": {"name": "web"}, "spec": budget})

    def ready() -> bool:
        status = cluster.call("GET", f"/apis/apps/v1/{base}/deployments/web").body["status"]
        healthy = cluster.call("GET", f"{path}/web").body["status"].get("currentHealthy")
        return bool(status.get("readyReplicas") == 2 and healthy == 2)

    eventually(ready)
    yield name
    cluster.forget(name)


@pytest.fixture
def core(cluster: ContractCluster) -> client.CoreV1Api:
    return client.CoreV1Api(cluster.api())


def test_the_typed_models_accept_every_list(cluster: ContractCluster, shop: str) -> None:
    api = cluster.api()
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    assert apps.list_namespaced_deployment(shop).items[0].status.ready_replicas == 2
    assert apps.list_namespaced_replica_set(shop).items[0].metadata.owner_references[0].kind == "Deployment"
    pods = core.list_namespaced_pod(shop, label_selector="app=web").items
    assert {pod.status.phase for pod in pods} == {"Running"}
    assert {pod.status.container_statuses[0].ready for pod in pods} == {True}
    assert core.list_namespaced_event(shop).items
    assert core.list_namespaced_service(shop).items[0].spec.ports[0].target_port == 80
    assert core.list_node().items[0].status.allocatable["cpu"]
    slices = client.DiscoveryV1Api(api).list_namespaced_endpoint_slice(shop).items
    assert len(slices[0].endpoints) == 2
    assert (
        client.PolicyV1Api(api).list_namespaced_pod_disruption_budget(shop).items[0].status.current_healthy
        == 2
    )
    assert client.VersionApi(api).get_code().git_version.startswith("v1.")


@pytest.mark.parametrize(
    "path",
    [
        "/apis/apps/v1/statefulsets",
        "/apis/apps/v1/daemonsets",
        "/apis/batch/v1/jobs",
        "/apis/batch/v1/cronjobs",
        "/apis/networking.k8s.io/v1/ingresses",
        "/apis/networking.k8s.io/v1/networkpolicies",
        "/apis/autoscaling/v2/horizontalpodautoscalers",
        "/apis/storage.k8s.io/v1/storageclasses",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "/apis/coordination.k8s.io/v1/leases",
        "/api/v1/persistentvolumeclaims",
        "/api/v1/resourcequotas",
        "/api/v1/limitranges",
        "/api/v1/serviceaccounts",
        "/api/v1/persistentvolumes",
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        "/apis/apiregistration.k8s.io/v1/apiservices",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    ],
)
def test_every_kind_an_on_call_engineer_looks_at_is_served(cluster: ContractCluster, path: str) -> None:
    reply = cluster.call("GET", path, params={"limit": "1"})
    assert reply.status == 200
    assert reply.body["metadata"]["resourceVersion"]


def test_a_deleted_pod_is_the_answer_to_its_delete(core: client.CoreV1Api, shop: str) -> None:
    body = {"metadata": {"name": "lone"}, "spec": {"containers": [{"name": "main", "image": OLD}]}}
    made = core.create_namespaced_pod(shop, body)
    gone = core.delete_namespaced_pod("lone", shop, body={"preconditions": {"uid": made.metadata.uid}})
    assert gone.metadata.uid == made.metadata.uid


def test_a_deleted_deployment_is_answered_with_a_status(cluster: ContractCluster, shop: str) -> None:
    apps = client.AppsV1Api(cluster.api())
    apps.create_namespaced_deployment(shop, deployment("brief"))
    status = apps.delete_namespaced_deployment("brief", shop)
    assert (status["kind"], status["status"], status["details"]["name"]) == ("Status", "Success", "brief")


def test_a_watch_resumes_where_a_list_ended(core: client.CoreV1Api, shop: str) -> None:
    start = core.list_namespaced_config_map(shop).metadata.resource_version
    core.create_namespaced_config_map(shop, config_map("seen", labels={"w": "1"}))
    core.patch_namespaced_config_map("seen", shop, {"data": {"color": "blue"}})
    core.delete_namespaced_config_map("seen", shop)
    seen = _watched(core, shop, 3, resource_version=start, label_selector="w=1")
    assert [kind for kind, _ in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert [obj.data["color"] for _, obj in seen] == ["red", "blue", "blue"]


def test_leaving_a_selector_looks_like_a_deletion_and_entering_like_a_creation(
    core: client.CoreV1Api, shop: str
) -> None:
    core.create_namespaced_config_map(shop, config_map("moves", labels={"team": "a"}))
    start = core.list_namespaced_config_map(shop).metadata.resource_version
    core.patch_namespaced_config_map("moves", shop, {"metadata": {"labels": {"team": "b"}}})
    core.patch_namespaced_config_map("moves", shop, {"metadata": {"labels": {"team": "a"}}})
    seen = _watched(core, shop, 2, resource_version=start, label_selector="team=a")
    assert [kind for kind, _ in seen] == ["DELETED", "ADDED"]


def test_a_watch_hears_what_happens_while_it_is_open(core: client.CoreV1Api, shop: str) -> None:
    start = core.list_namespaced_config_map(shop).metadata.resource_version
    found: list[Any] = []
    listener = threading.Thread(
        target=lambda: found.extend(
            _watched(core, shop, 1, resource_version=start, field_selector="metadata.name=live")
        )
    )
    listener.start()
    core.create_namespaced_config_map(shop, config_map("live"))
    listener.join(PATIENCE_S)
    assert [kind for kind, _ in found] == ["ADDED"]


def test_a_watch_from_before_the_history_is_told_410(cluster: ContractCluster, shop: str) -> None:
    world = need_world(cluster, "a real cluster compacts its history when it likes")
    cluster.call("POST", f"/api/v1/namespaces/{shop}/configmaps", config_map("old"))
    world.store.compact()
    params = {"watch": "true", "resourceVersion": "1", "timeoutSeconds": "2"}
    reply = cluster.call("GET", f"/api/v1/namespaces/{shop}/configmaps", params=params)
    (line,) = reply.body
    assert (line["type"], line["object"]["code"], line["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_an_idle_watch_tells_how_far_it_is(cluster: ContractCluster, shop: str) -> None:
    need_world(cluster, "a real cluster sends a bookmark a minute")
    params = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "1", "resourceVersion": "0"}
    reply = cluster.call("GET", "/apis/storage.k8s.io/v1/storageclasses", params=params)
    assert {line["type"] for line in reply.body} == {"BOOKMARK"}
    assert reply.body[0]["object"]["metadata"]["resourceVersion"].isdigit()


def test_a_budget_that_is_used_up_refuses_an_eviction(core: client.CoreV1Api, shop: str) -> None:
    pod = core.list_namespaced_pod(shop, label_selector="app=web").items[0]
    with pytest.raises(ApiException) as refused:
        core.create_namespaced_pod_eviction(pod.metadata.name, shop, _eviction(pod.metadata.name))
    assert refused.value.status == 429
    assert "Cannot evict pod as it would violate the pod's disruption budget." in refused.value.body
    assert "needs 2 healthy pods and has 2 currently" in refused.value.body
    assert core.read_namespaced_pod(pod.metadata.name, shop).metadata.uid == pod.metadata.uid


def test_an_eviction_of_another_pod_of_the_same_name_is_refused(core: client.CoreV1Api, shop: str) -> None:
    core.create_namespaced_pod(
        shop, {"metadata": {"name": "twin"}, "spec": {"containers": [{"name": "main", "image": OLD}]}}
    )
    with pytest.raises(ApiException) as refused:
        core.create_namespaced_pod_eviction("twin", shop, _eviction("twin", uid="another"))
    assert refused.value.status == 409
    core.create_namespaced_pod_eviction("twin", shop, _eviction("twin", dry_run=True))
    assert core.read_namespaced_pod("twin", shop)
    core.create_namespaced_pod_eviction("twin", shop, _eviction("twin"))
    eventually(lambda: not core.list_namespaced_pod(shop, field_selector="metadata.name=twin").items)


def test_a_log_is_cut_as_asked(cluster: ContractCluster, core: client.CoreV1Api, shop: str) -> None:
    need_world(cluster, "a real cluster would need an image that prints")
    body = {"metadata": {"name": "talker"}, "spec": {"containers": [{"name": "main", "image": "talks:1"}]}}
    core.create_namespaced_pod(shop, body)

    def log(**more: Any) -> str:
        return str(core.read_namespaced_pod_log("talker", shop, **more))

    eventually(lambda: _started(core, shop, "talker"))
    eventually(lambda: log() == "one\ntwo\nthree\n")
    assert log(tail_lines=1) == "three\n"
    assert log(limit_bytes=5) == "one\nt"
    assert log(timestamps=True).splitlines()[0].endswith("Z one")
    assert log(since_seconds=3600) == log()
    with pytest.raises(ApiException) as refused:
        log(previous=True)
    assert refused.value.status == 400
    assert 'previous terminated container \\"main\\" in pod \\"talker\\" not found' in refused.value.body
    with pytest.raises(ApiException, match="container nobody is not valid for pod talker"):
        log(container="nobody")


def _watched(core: client.CoreV1Api, namespace: str, count: int, **more: Any) -> list[tuple[str, Any]]:
    watcher, found = watch.Watch(), []
    for event in watcher.stream(core.list_namespaced_config_map, namespace, timeout_seconds=10, **more):
        found.append((event["type"], event["object"]))
        if len(found) == count:
            watcher.stop()
    return found


def _eviction(name: str, uid: str = "", dry_run: bool = False) -> dict[str, Any]:
    options: dict[str, Any] = {"preconditions": {"uid": uid}} if uid else {}
    if dry_run:
        options["dryRun"] = ["All"]
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name},
        "deleteOptions": options,
    }


def _started(core: client.CoreV1Api, namespace: str, name: str) -> bool:
    states = core.read_namespaced_pod(name, namespace).status.container_statuses or []
    return any(each.state.running is not None for each in states)
