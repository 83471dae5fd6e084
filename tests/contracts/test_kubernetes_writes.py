"""What a write does and does not do: conflicts, the patch formats, subresources, dry runs, refusals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.kubernetes_space import Space
from tests.support.kubernetes_world import (
    MERGE_PATCH,
    NEW,
    OLD,
    STRATEGIC_PATCH,
    ContractCluster,
    config_map,
    contract_cluster,
    deployment,
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


def test_a_stale_put_is_a_conflict_and_changes_nothing(space: Space) -> None:
    stale = space.make("configmaps", config_map("one"))
    space.patch("configmaps", "one", {"data": {"color": "blue"}}, MERGE_PATCH)
    stale["data"]["color"] = "green"
    reply = space.cluster.call("PUT", space.path("configmaps", "one"), stale)
    assert (reply.status, reply.body["reason"]) == (409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest version" in reply.message
    assert space.get("configmaps", "one")["data"] == {"color": "blue"}


def test_a_write_that_changes_nothing_makes_no_new_version(space: Space) -> None:
    made = space.make("configmaps", config_map("one"))
    reply = space.patch("configmaps", "one", {"data": {"color": "red"}}, MERGE_PATCH)
    assert reply.body["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_failed_test_op_writes_nothing(space: Space) -> None:
    before = space.make("configmaps", config_map("one"))
    patch = [
        {"op": "replace", "path": "/data/color", "value": "blue"},
        {"op": "test", "path": "/metadata/uid", "value": "another"},
    ]
    reply = space.patch("configmaps", "one", patch)
    assert (reply.status, reply.body["reason"]) == (422, "Invalid")
    assert reply.message == "the server rejected our request due to an error in our request"
    assert (
        space.get("configmaps", "one")["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    )


def test_the_same_guarded_patch_works_once_only(space: Space) -> None:
    made = space.make("deployments", deployment("web"))
    patch = [
        {"op": "test", "path": "/metadata/uid", "value": made["metadata"]["uid"]},
        {"op": "test", "path": "/spec/template/spec/containers/0/image", "value": OLD},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": NEW},
    ]
    assert space.patch("deployments", "web", patch).status == 200
    assert space.patch("deployments", "web", patch).status == 422


def test_null_deletes_in_a_merge_patch(space: Space) -> None:
    space.make("configmaps", config_map("one"))
    body = space.patch("configmaps", "one", {"data": {"color": None, "size": "l"}}, MERGE_PATCH).body
    assert body["data"] == {"size": "l"}


def test_a_strategic_merge_goes_by_the_merge_keys(space: Space) -> None:
    space.make("deployments", deployment("web"))
    env = [{"name": "B", "value": "3"}, {"$patch": "delete", "name": "A"}]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "env": env}]}}}}
    reply = space.patch("deployments", "web", patch, STRATEGIC_PATCH)
    container = reply.body["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["env"]) == (OLD, [{"name": "B", "value": "3"}])


def test_a_merge_patch_replaces_whole_lists(space: Space) -> None:
    space.make("deployments", deployment("web"))
    containers = [{"name": "other", "image": NEW}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    body = space.patch("deployments", "web", patch, MERGE_PATCH).body
    assert [each["name"] for each in body["spec"]["template"]["spec"]["containers"]] == ["other"]


def test_status_is_written_through_its_own_door_only(space: Space) -> None:
    space.make("poddisruptionbudgets", {"metadata": {"name": "b"}, "spec": {"minAvailable": 1}})
    condition = {
        "type": "Tried",
        "status": "True",
        "reason": "R",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    both = {"spec": {"minAvailable": 7}, "status": {"conditions": [condition]}}
    through_status = space.patch("poddisruptionbudgets", "b/status", both, MERGE_PATCH).body
    assert through_status["spec"]["minAvailable"] == 1
    assert "Tried" in [each["type"] for each in through_status["status"]["conditions"]]
    through_spec = space.patch(
        "poddisruptionbudgets", "b", {"status": {"expectedPods": 99}}, MERGE_PATCH
    ).body
    assert through_spec["status"]["expectedPods"] != 99


def test_the_scale_door_moves_replicas_and_nothing_else(space: Space) -> None:
    space.make("deployments", deployment("web"))
    scale = space.get("deployments", "web/scale")
    assert (scale["kind"], scale["status"]["selector"]) == ("Scale", "app=web")
    reply = space.patch("deployments", "web/scale", {"spec": {"replicas": 2}}, MERGE_PATCH)
    assert reply.body["spec"]["replicas"] == 2
    whole = space.get("deployments", "web")
    assert whole["spec"]["replicas"] == 2
    assert whole["spec"]["template"]["spec"]["containers"][0]["image"] == OLD


@pytest.mark.parametrize("verb", ["create", "patch", "put", "scale", "delete"])
def test_a_dry_run_never_writes(space: Space, verb: str) -> None:
    space.make("deployments", deployment("web"))
    before = space.settled("web")
    dry = {"params": {"dryRun": "All"}}
    changed = deployment("web", replicas=5)
    calls = {
        "create": ("POST", space.path("deployments"), deployment("other"), {}),
        "patch": (
            "PATCH",
            space.path("deployments", "web"),
            {"spec": {"replicas": 5}},
            {"type": MERGE_PATCH},
        ),
        "put": ("PUT", space.path("deployments", "web"), changed, {}),
        "scale": (
            "PATCH",
            space.path("deployments", "web/scale"),
            {"spec": {"replicas": 5}},
            {"type": MERGE_PATCH},
        ),
        "delete": ("DELETE", space.path("deployments", "web"), None, {}),
    }
    method, path, body, more = calls[verb]
    reply = space.cluster.call(method, path, body, **dry, **more)
    assert reply.status in (200, 201), reply.body
    if verb in ("patch", "put", "scale"):
        assert reply.body["spec"]["replicas"] == 5
    after = space.get("deployments", "web")
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["spec"] == before["spec"]
    assert space.names("deployments") == ["web"]


def test_a_dry_run_hears_the_same_refusal(space: Space) -> None:
    space.make("deployments", deployment("web"))
    patch = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}
    reply = space.patch("deployments", "web", patch, MERGE_PATCH, params={"dryRun": "All"})
    assert reply.status == 422


def test_a_selector_of_a_deployment_never_changes(space: Space) -> None:
    space.make("deployments", deployment("web"))
    both = {
        "spec": {
            "selector": {"matchLabels": {"app": "other"}},
            "template": {"metadata": {"labels": {"app": "other"}}},
        }
    }
    reply = space.patch("deployments", "web", both, STRATEGIC_PATCH)
    assert reply.status == 422
    assert "spec.selector: Invalid value" in reply.message
    assert "field is immutable" in reply.message


def test_wrong_types_and_missing_fields_are_refused_in_the_servers_words(space: Space) -> None:
    reply = space.cluster.call("POST", space.path("deployments"), deployment("web", replicas="three"))
    assert reply.status == 400
    assert (
        "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        in reply.message
    )
    nameless = {"metadata": {"name": "p"}, "spec": {"containers": [{"image": OLD}]}}
    reply = space.cluster.call("POST", space.path("pods"), nameless)
    assert (reply.status, reply.body["reason"]) == (422, "Invalid")
    assert "spec.containers[0].name: Required value" in reply.message
    reply = space.cluster.call("POST", space.path("configmaps"), config_map("Not_A_Name"))
    assert "a lowercase RFC 1123 subdomain must consist of" in reply.message


def test_unknown_fields_are_dropped_or_refused_as_asked(space: Space) -> None:
    odd = deployment("web", foo=1)
    reply = space.cluster.call("POST", space.path("deployments"), odd, params={"fieldValidation": "Strict"})
    assert reply.status == 400
    assert 'strict decoding error: unknown field "spec.foo"' in reply.message
    reply = space.cluster.call("POST", space.path("deployments"), odd)
    assert reply.status == 201
    assert "foo" not in reply.body["spec"]
    assert "unknown field" in reply.headers["warning"]


def test_a_body_of_an_unknown_type_is_a_415(space: Space) -> None:
    space.make("configmaps", config_map("one"))
    reply = space.patch("configmaps", "one", {}, "application/json")
    assert (reply.status, reply.body["reason"]) == (415, "UnsupportedMediaType")


def test_the_writer_of_a_field_is_on_record(space: Space) -> None:
    space.make("configmaps", config_map("one"), params={"fieldManager": "creator"})
    space.patch("configmaps", "one", {"data": {"size": "l"}}, MERGE_PATCH, params={"fieldManager": "fixer"})
    entries = space.get("configmaps", "one")["metadata"]["managedFields"]
    assert {each["manager"]: "f:size" in each["fieldsV1"]["f:data"] for each in entries} == {
        "creator": False,
        "fixer": True,
    }
