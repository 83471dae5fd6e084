"""How an API server takes admission policies: when they match, what they are given, and how they deny."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.kubernetes_world import (
    MERGE_PATCH,
    ContractCluster,
    Json,
    Reply,
    config_map,
    contract_cluster,
    deployment,
    eventually,
    need_world,
)
from tests.support.wall import ADMISSION, path_of

POLICIES, BINDINGS = path_of("ValidatingAdmissionPolicy"), path_of("ValidatingAdmissionPolicyBinding")
RED = "!has(object.data) || object.data.?color.orValue('') != 'red'"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("policies")) as found:
        yield found


@pytest.fixture
def shop(cluster: ContractCluster) -> Iterator[str]:
    """A namespace; what was written into the cluster beside it goes with it."""
    name = cluster.namespace()
    space = cluster.call("GET", f"/api/v1/namespaces/{name}").body
    space["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
    cluster.call("PUT", f"/api/v1/namespaces/{name}", space)
    yield name
    for path in (BINDINGS, POLICIES):
        cluster.call("DELETE", f"{path}/{name}")
    cluster.forget(name)


def enforce(cluster: ContractCluster, shop: str, spec: Json, binding: Json | None = None) -> None:
    """A policy about ConfigMaps of this namespace, in force when this returns."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
    inside = {"matchLabels": {"kubernetes.io/metadata.name": shop}}
    matched = {"matchConstraints": {"resourceRules": [rule], "namespaceSelector": inside}}
    answer = cluster.call("POST", POLICIES, {"metadata": {"name": shop}, "spec": {**matched, **spec}})
    assert answer.status == 201, answer.body
    bound = {"policyName": shop, "validationActions": ["Deny"], **(binding or {})}
    assert cluster.call("POST", BINDINGS, {"metadata": {"name": shop}, "spec": bound}).status == 201
    if cluster.world is None:
        # The server's informers need a moment; nothing tells when they have it.
        eventually(lambda: put(cluster, shop, "probe", dry=True).status != 201)


def put(cluster: ContractCluster, shop: str, name: str, *, color: str = "red", dry: bool = False) -> Reply:
    body = {"metadata": {"name": name}, "data": {"color": color}}
    params = {"dryRun": "All"} if dry else None
    return cluster.call("POST", path_of("ConfigMap", shop), body, params=params)


def test_a_denial_is_worded_as_the_api_server_words_it(cluster: ContractCluster, shop: str) -> None:
    enforce(cluster, shop, {"validations": [{"expression": RED, "message": "no red"}]})
    answer = put(cluster, shop, "one")
    said = f"ValidatingAdmissionPolicy '{shop}' with binding '{shop}' denied request: no red"
    assert answer.message == f'configmaps "one" is forbidden: {said}'
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["details"]["causes"] == [{"message": said}]
    assert put(cluster, shop, "one", color="blue").status == 201


def test_a_rehearsal_and_an_update_and_a_delete_pass_by_the_policy_too(
    cluster: ContractCluster, shop: str
) -> None:
    guarded = "request.operation != 'DELETE' || oldObject.data.color != 'gold'"
    rules = [{"expression": f"request.operation == 'DELETE' || ({RED})"}, {"expression": guarded}]
    enforce(cluster, shop, {"validations": [{**each, "reason": "Forbidden"} for each in rules]})
    assert put(cluster, shop, "one", dry=True).status == 403
    assert put(cluster, shop, "one", color="gold").status == 201
    path = path_of("ConfigMap", shop, "one")
    assert cluster.call("PATCH", path, {"data": {"color": "red"}}, type=MERGE_PATCH).status == 403
    assert cluster.call("DELETE", path).status == 403
    assert cluster.call("GET", path).body["data"] == {"color": "gold"}


def test_what_does_not_compile_is_refused_when_it_is_written(cluster: ContractCluster, shop: str) -> None:
    spec = {
        "matchConstraints": {"resourceRules": []},
        "validations": [{"expression": "object.data.color =="}],
    }
    answer = cluster.call("POST", POLICIES, {"metadata": {"name": shop}, "spec": spec})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert "spec.validations[0].expression" in answer.message
    assert "compilation failed" in answer.message


@pytest.mark.parametrize(("policy", "status"), [("Fail", 422), ("Ignore", 201)])
def test_an_error_denies_or_is_ignored_as_the_policy_says(
    cluster: ContractCluster, shop: str, policy: str, status: int
) -> None:
    need_world(cluster, "without a denial nothing tells when a real server has it")
    rules = [{"expression": "object.data.size == 'x'"}]
    enforce(cluster, shop, {"failurePolicy": policy, "validations": rules})
    answer = put(cluster, shop, "one")
    assert answer.status == status
    assert status == 201 or "resulted in error" in answer.message


def test_conditions_pick_the_requests_and_messages_can_be_made(cluster: ContractCluster, shop: str) -> None:
    spec = {
        "variables": [{"name": "color", "expression": "object.data.color"}],
        "matchConditions": [{"name": "red", "expression": "object.data.color == 'red'"}],
        "validations": [{"expression": "false", "messageExpression": "'not ' + variables.color"}],
    }
    enforce(cluster, shop, spec)
    assert put(cluster, shop, "one", color="blue").status == 201
    assert put(cluster, shop, "two").message.endswith("denied request: not red")


def test_a_policy_that_only_warns_lets_it_by(cluster: ContractCluster, shop: str) -> None:
    need_world(cluster, "without a denial nothing tells when a real server has it")
    spec = {"validations": [{"expression": RED, "message": "no red"}]}
    enforce(cluster, shop, spec, {"validationActions": ["Warn"]})
    answer = put(cluster, shop, "one")
    assert answer.status == 201
    assert "Validation failed for ValidatingAdmissionPolicy" in answer.headers["Warning"]


@pytest.mark.parametrize(("missing", "status"), [("Deny", 422), ("Allow", 201)])
def test_params_are_given_and_a_missing_one_denies_everybody_or_nobody(
    cluster: ContractCluster, shop: str, missing: str, status: int
) -> None:
    need_world(cluster, "a real server's informer of params has a life of its own")
    spec: Json = {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConditions": [{"name": "nobody", "expression": "request.userInfo.username == 'nobody'"}],
        "validations": [{"expression": "object.data.color != params.data.color"}],
    }
    reference = {"name": "forbidden", "namespace": "default", "parameterNotFoundAction": missing}
    enforce(cluster, shop, spec, {"paramRef": reference})
    answer = put(cluster, shop, "one")
    assert answer.status == status, "the conditions are asked after the params were looked for"
    assert status == 201 or "no params found for policy binding" in answer.message
    kept = config_map("forbidden")
    assert cluster.call("POST", path_of("ConfigMap", "default"), kept).status == 201
    try:
        assert put(cluster, shop, "two").status == 201, "the condition is nobody's"
        everybody = {"spec": {"matchConditions": None}}
        assert cluster.call("PATCH", f"{POLICIES}/{shop}", everybody, type=MERGE_PATCH).status == 200
        assert put(cluster, shop, "three").status == 422
        assert put(cluster, shop, "three", color="blue").status == 201
    finally:
        cluster.call("DELETE", path_of("ConfigMap", "default", "forbidden"))


def test_a_policy_can_always_be_taken_away(cluster: ContractCluster, shop: str) -> None:
    need_world(cluster, "a real cluster is not shut for a test")
    everything: dict[str, Any] = {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": ["*"],
        "resources": ["*/*"],
    }
    spec = {"matchConstraints": {"resourceRules": [everything]}, "validations": [{"expression": "false"}]}
    enforce(cluster, shop, spec)
    path = path_of("Deployment", shop)
    assert cluster.call("POST", path, deployment("web")).status == 422
    assert cluster.call("DELETE", f"{BINDINGS}/{shop}").status == 200
    assert cluster.call("POST", path, deployment("web")).status == 201


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_applies_what_is_shipped(cluster: ContractCluster) -> None:
    known = cluster.call("GET", "/api/v1/namespaces/midwatch").status
    if known != 200:
        cluster.call("POST", "/api/v1/namespaces", {"metadata": {"name": "midwatch"}})
    try:
        for _ in range(2):
            said = cluster.kubectl("apply", "-f", str(ADMISSION))
        assert "validatingadmissionpolicy.admissionregistration.k8s.io/midwatch-actor unchanged" in said
        assert "validatingadmissionpolicybinding.admissionregistration.k8s.io/midwatch-sealed" in said
        listed = cluster.kubectl("get", "validatingadmissionpolicies", "-o", "name")
        assert "midwatch-actor" in listed
    finally:
        if known != 200:
            cluster.kubectl("delete", "-f", str(ADMISSION))
