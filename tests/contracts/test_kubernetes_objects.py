"""What every client may rely on: identity, versions, selectors, pages, preconditions, cascades."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.kubernetes_space import Space
from tests.support.kubernetes_world import (
    MERGE_PATCH,
    NEW,
    STRATEGIC_PATCH,
    ContractCluster,
    config_map,
    contract_cluster,
    deployment,
    eventually,
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        yield found


@pytest.fixture
def space(cluster: ContractCluster) -> Iterator[Space]:
    found = Space(cluster)
    yield found
    cluster.forget(found.name)


def test_the_cluster_has_an_identity_that_stays(cluster: ContractCluster) -> None:
    first = cluster.call("GET", "/api/v1/namespaces/kube-system").body["metadata"]["uid"]
    assert first == cluster.call("GET", "/api/v1/namespaces/kube-system").body["metadata"]["uid"]


def test_a_created_object_comes_back_complete(space: Space) -> None:
    made = space.make("deployments", deployment("web"))
    assert made["metadata"]["uid"]
    assert made["metadata"]["resourceVersion"]
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["creationTimestamp"].endswith("Z")
    assert made["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["terminationMessagePath"] == "/dev/termination-log"


def test_a_generated_name_begins_with_its_prefix(space: Space) -> None:
    body = {"metadata": {"generateName": "note-"}}
    first, second = space.make("configmaps", body), space.make("configmaps", body)
    assert first["metadata"]["name"].startswith("note-")
    assert first["metadata"]["name"] != second["metadata"]["name"]


def test_a_name_exists_once(space: Space) -> None:
    space.make("configmaps", config_map("one"))
    reply = space.cluster.call("POST", space.path("configmaps"), config_map("one"))
    assert (reply.status, reply.body["reason"]) == (409, "AlreadyExists")
    assert reply.message == 'configmaps "one" already exists'


def test_labels_select_by_equality_sets_and_presence(space: Space) -> None:
    for name, labels in (("a", {"tier": "web"}), ("b", {"tier": "db"}), ("c", {})):
        space.make("configmaps", config_map(name, labels=labels))
    for selector, expected in (
        ("tier=web", ["a"]),
        ("tier!=web", ["b", "c"]),
        ("tier in (web, db)", ["a", "b"]),
        ("tier notin (web)", ["b", "c"]),
        ("tier", ["a", "b"]),
        ("!tier", ["c"]),
        ("tier in (web,db),tier!=db", ["a"]),
    ):
        assert space.names("configmaps", labelSelector=selector) == expected, selector


def test_fields_select_and_unknown_ones_are_refused(space: Space) -> None:
    space.make("configmaps", config_map("a"))
    space.make("configmaps", config_map("b"))
    assert space.names("configmaps", fieldSelector="metadata.name=b") == ["b"]
    reply = space.cluster.call("GET", space.path("configmaps"), params={"fieldSelector": "data.color=red"})
    assert reply.status == 400
    assert "field label not supported: data.color" in reply.message


def test_pages_add_up_to_the_whole(space: Space) -> None:
    for name in "abcde":
        space.make("configmaps", config_map(name, labels={"page": "yes"}))
    found, token = [], ""
    for _ in range(3):
        params = {"limit": "2", "labelSelector": "page=yes", **({"continue": token} if token else {})}
        body = space.cluster.call("GET", space.path("configmaps"), params=params).body
        found += [each["metadata"]["name"] for each in body["items"]]
        token = body["metadata"].get("continue", "")
    assert (found, token) == (list("abcde"), "")


def test_generation_counts_changes_of_the_spec_only(space: Space) -> None:
    space.make("deployments", deployment("web"))
    before = space.settled("web")["metadata"]["generation"]
    labelled = space.patch("deployments", "web", {"metadata": {"labels": {"a": "b"}}}, MERGE_PATCH).body
    assert labelled["metadata"]["generation"] == before
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": NEW}]}}}}
    changed = space.patch("deployments", "web", patch, STRATEGIC_PATCH).body
    assert changed["metadata"]["generation"] == before + 1


def test_a_service_has_no_generation(space: Space) -> None:
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
    made = space.make("services", service)
    assert "generation" not in made["metadata"]
    assert made["spec"]["clusterIP"]
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]


def test_a_delete_with_the_wrong_uid_deletes_nothing(space: Space) -> None:
    space.make("configmaps", config_map("one"))
    body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "another"}}
    reply = space.cluster.call("DELETE", space.path("configmaps", "one"), body)
    assert (reply.status, reply.body["reason"]) == (409, "Conflict")
    assert "UID in the precondition" in reply.message.replace("Precondition failed: UID", "UID in the")
    assert space.get("configmaps", "one")


def test_what_a_deployment_owns_goes_with_it(space: Space) -> None:
    space.make("deployments", deployment("web", replicas=2))
    eventually(lambda: len(space.names("pods")) == 2)
    assert space.cluster.call("DELETE", space.path("deployments", "web")).status == 200
    eventually(lambda: not space.names("pods"))


def test_a_finalizer_keeps_an_object_until_it_is_taken_away(space: Space) -> None:
    space.make("configmaps", config_map("one", finalizers=["midwatch.dev/hold"]))
    space.cluster.call("DELETE", space.path("configmaps", "one"))
    assert space.get("configmaps", "one")["metadata"]["deletionTimestamp"]
    space.patch("configmaps", "one", {"metadata": {"finalizers": None}}, MERGE_PATCH)
    assert space.cluster.call("GET", space.path("configmaps", "one")).status == 404


def test_what_does_not_exist_is_named(space: Space) -> None:
    reply = space.cluster.call("GET", space.path("deployments", "ghost"))
    assert (reply.status, reply.message) == (404, 'deployments.apps "ghost" not found')
    assert reply.body["details"] == {"name": "ghost", "group": "apps", "kind": "deployments"}
    reply = space.cluster.call("POST", "/api/v1/namespaces/nowhere-at-all/configmaps", config_map("one"))
    assert (reply.status, reply.message) == (404, 'namespaces "nowhere-at-all" not found')
    assert space.cluster.call("GET", "/apis/apps/v1/gadgets").status == 404


def test_only_metadata_travels_when_only_metadata_is_asked_for(space: Space) -> None:
    space.make("configmaps", config_map("one"))
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    body = space.cluster.call("GET", space.path("configmaps"), accept=accept).body
    assert body["kind"] == "PartialObjectMetadataList"
    assert all("data" not in each for each in body["items"])
