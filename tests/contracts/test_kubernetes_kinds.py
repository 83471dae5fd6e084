"""Autoscalers, Jobs, CronJobs and ConfigMaps over the API: defaults, rules, patches and watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.kubernetes_world import (
    JSON_PATCH,
    OLD,
    ContractCluster,
    Json,
    Reply,
    config_map,
    contract_cluster,
)

PATHS = {
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "jobs": "/apis/batch/v1",
    "cronjobs": "/apis/batch/v1",
    "configmaps": "/api/v1",
}
POD = {"restartPolicy": "Never", "containers": [{"name": "main", "image": OLD}]}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def of(resource: str, name: str = "", **spec: Any) -> Json:
    head = {"metadata": {"name": name or "one", "annotations": {"seen": "yes"}}}
    if resource == "configmaps":
        return config_map(name or "one", annotations={"seen": "yes"}) | spec
    bodies: dict[str, Json] = {
        "horizontalpodautoscalers": {"scaleTargetRef": TARGET, "maxReplicas": 3},
        "jobs": {"suspend": True, "template": {"spec": POD}},
        "cronjobs": {
            "suspend": True,
            "schedule": "0 4 * * *",
            "jobTemplate": {"spec": {"template": {"spec": POD}}},
        },
    }
    return head | {"spec": bodies[resource] | spec}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        yield found


@pytest.fixture(scope="module")
def shop(cluster: ContractCluster) -> Iterator[str]:
    name = cluster.namespace()
    yield name
    cluster.forget(name)


def path(shop: str, resource: str, name: str = "") -> str:
    return f"{PATHS[resource]}/namespaces/{shop}/{resource}" + (f"/{name}" if name else "")


def patch(cluster: ContractCluster, where: str, *operations: Json, **more: Any) -> Reply:
    return cluster.call("PATCH", where, list(operations), type=JSON_PATCH, **more)


@pytest.mark.parametrize(
    ("resource", "pointer", "value"),
    [
        ("horizontalpodautoscalers", "/spec/maxReplicas", 5),
        ("jobs", "/spec/parallelism", 2),
        ("cronjobs", "/spec/suspend", False),
        ("configmaps", "/data/color", "blue"),
    ],
)
def test_it_is_made_found_rehearsed_changed_watched_and_deleted(
    cluster: ContractCluster, shop: str, resource: str, pointer: str, value: object
) -> None:
    made = cluster.call("POST", path(shop, resource), of(resource))
    assert made.status == 201, made.body
    where = path(shop, resource, "one")
    listed = cluster.call("GET", path(shop, resource))
    assert "one" in [each["metadata"]["name"] for each in listed.body["items"]]
    change = {"op": "replace", "path": pointer, "value": value}
    pinned = {"op": "test", "path": "/metadata/uid", "value": made.body["metadata"]["uid"]}
    field = pointer.split("/")[1:]
    rehearsed = patch(cluster, where, pinned, change, params={"dryRun": "All"})
    assert rehearsed.body[field[0]][field[1]] == value
    assert cluster.call("GET", where).body[field[0]][field[1]] != value
    stranger = {"op": "test", "path": "/metadata/uid", "value": "another"}
    assert patch(cluster, where, stranger, change).status == 422
    assert patch(cluster, where, pinned, change).body[field[0]][field[1]] == value
    params = {
        "watch": "true",
        "resourceVersion": made.body["metadata"]["resourceVersion"],
        "timeoutSeconds": "1",
        "fieldSelector": "metadata.name=one",
    }
    assert cluster.call("DELETE", where).status == 200
    seen = [line["type"] for line in cluster.call("GET", path(shop, resource), params=params).body]
    assert seen[0] == "MODIFIED"
    assert seen[-1] == "DELETED"


@pytest.mark.parametrize(
    ("resource", "field", "value"),
    [
        ("horizontalpodautoscalers", "minReplicas", 1),
        ("jobs", "parallelism", 1),
        ("jobs", "completions", 1),
        ("jobs", "backoffLimit", 6),
        ("cronjobs", "concurrencyPolicy", "Allow"),
        ("cronjobs", "successfulJobsHistoryLimit", 3),
    ],
)
def test_what_is_left_out_gets_the_value_it_has_everywhere(
    cluster: ContractCluster, shop: str, resource: str, field: str, value: object
) -> None:
    made = cluster.call("POST", path(shop, resource), of(resource), params={"dryRun": "All"})
    assert made.body["spec"][field] == value


@pytest.mark.parametrize(
    ("resource", "spec", "words"),
    [
        ("horizontalpodautoscalers", {"maxReplicas": 0}, "spec.maxReplicas: Invalid value: 0"),
        ("horizontalpodautoscalers", {"minReplicas": 0}, "spec.minReplicas: Invalid value: 0"),
        (
            "horizontalpodautoscalers",
            {"minReplicas": 4},
            "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
        ),
        ("jobs", {"template": {"spec": {**POD, "restartPolicy": "Always"}}}, 'supported values: "OnFailure"'),
        ("jobs", {"parallelism": -1}, "spec.parallelism: Invalid value: -1"),
        ("cronjobs", {"schedule": "at noon"}, "spec.schedule: Invalid value"),
        ("cronjobs", {"concurrencyPolicy": "Never"}, "spec.concurrencyPolicy: Unsupported value"),
    ],
)
def test_what_breaks_a_rule_is_not_stored(
    cluster: ContractCluster, shop: str, resource: str, spec: Json, words: str
) -> None:
    refused = cluster.call("POST", path(shop, resource), of(resource, "bad", **spec))
    assert refused.status == 422
    assert words in refused.message
    assert cluster.call("GET", path(shop, resource, "bad")).status == 404


def test_a_config_key_with_a_slash_is_refused(cluster: ContractCluster, shop: str) -> None:
    refused = cluster.call("POST", path(shop, "configmaps"), of("configmaps", "bad", data={"a/b": "c"}))
    assert refused.status == 422
    assert "a valid config key must consist of alphanumeric characters" in refused.message


@pytest.mark.parametrize("resource", ["jobs", "cronjobs"])
def test_a_generation_counts_changes_of_the_spec_only(
    cluster: ContractCluster, shop: str, resource: str
) -> None:
    made = cluster.call("POST", path(shop, resource), of(resource, "counted"))
    assert made.body["metadata"]["generation"] == 1
    where = path(shop, resource, "counted")
    labelled = patch(cluster, where, {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}})
    assert labelled.body["metadata"]["generation"] == 1
    resumed = patch(cluster, where, {"op": "replace", "path": "/spec/suspend", "value": False})
    assert resumed.body["metadata"]["generation"] == 2


def test_a_probe_with_an_impossible_port_is_refused(cluster: ContractCluster, shop: str) -> None:
    probe = {"readinessProbe": {"httpGet": {"port": 70000}, "periodSeconds": -1}}
    pod = {"containers": [{**POD["containers"][0], **probe}], "restartPolicy": "Never"}  # type: ignore[dict-item]
    refused = cluster.call("POST", path(shop, "jobs"), of("jobs", "bad", template={"spec": pod}))
    assert refused.status == 422
    assert "readinessProbe.httpGet.port: Invalid value: 70000" in refused.message
    assert "readinessProbe.periodSeconds: Invalid value: -1" in refused.message
