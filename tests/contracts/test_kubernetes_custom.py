"""The kinds of add-ons: not there until they are defined, and served as any other kind from then on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from evals.world.kubernetes.kinds import KINDS, Kind
from tests.support.definitions import definition
from tests.support.kubernetes_world import (
    JSON_PATCH,
    STRATEGIC_PATCH,
    ContractCluster,
    contract_cluster,
    need_world,
)

CUSTOM = [kind for kind in KINDS.values() if kind.custom]
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        need_world(found, "a real cluster has definitions of its own")
        yield found


@pytest.fixture(params=CUSTOM, ids=lambda kind: kind.kind)
def kind(request: pytest.FixtureRequest, cluster: ContractCluster) -> Iterator[Kind]:
    """Each of them, defined while the test lasts."""
    found: Kind = request.param
    assert cluster.call("GET", path(found)).status == 404
    assert cluster.call("POST", DEFINITIONS, definition(found.kind)).status == 201
    yield found
    assert cluster.call("DELETE", f"{DEFINITIONS}/{found.qualified}").status == 200
    assert cluster.call("GET", path(found)).status == 404


def path(kind: Kind, name: str = "") -> str:
    place = "/namespaces/default" if kind.namespaced else ""
    return f"/apis/{kind.api_version}{place}/{kind.resource}" + (f"/{name}" if name else "")


def test_it_is_made_found_changed_and_watched(cluster: ContractCluster, kind: Kind) -> None:
    made = cluster.call("POST", path(kind), {"metadata": {"name": "one"}, "spec": {"any": ["thing"]}})
    assert (made.status, made.body["spec"]) == (201, {"any": ["thing"]})
    listed = cluster.call("GET", path(kind), params={"limit": "10"})
    assert (listed.body["kind"], len(listed.body["items"])) == (f"{kind.kind}List", 1)
    change = [{"op": "replace", "path": "/spec/any/0", "value": "other"}]
    changed = cluster.call("PATCH", path(kind, "one"), change, type=JSON_PATCH)
    assert changed.body["metadata"]["generation"] == 2
    status = [{"op": "add", "path": "/status", "value": {"phase": "Ready"}}]
    told = cluster.call("PATCH", f"{path(kind, 'one')}/status", status, type=JSON_PATCH)
    assert (told.body["status"], told.body["metadata"]["generation"]) == ({"phase": "Ready"}, 2)
    params = {
        "watch": "true",
        "resourceVersion": made.body["metadata"]["resourceVersion"],
        "timeoutSeconds": "1",
    }
    seen = [line["type"] for line in cluster.call("GET", path(kind), params=params).body]
    assert seen[:2] == ["MODIFIED", "MODIFIED"]
    assert cluster.call("DELETE", path(kind, "one")).status == 200


def test_a_strategic_merge_patch_of_it_is_refused(cluster: ContractCluster, kind: Kind) -> None:
    cluster.call("POST", path(kind), {"metadata": {"name": "two"}})
    refused = cluster.call("PATCH", path(kind, "two"), {"spec": {}}, type=STRATEGIC_PATCH)
    assert refused.status == 415
    cluster.call("DELETE", path(kind, "two"))


def test_discovery_tells_it_in_both_forms_only_while_it_is_there(cluster: ContractCluster) -> None:
    assert found(cluster, "gateway.networking.k8s.io") == {}
    for name in ("Gateway", "TLSRoute"):
        cluster.call("POST", DEFINITIONS, definition(name))
    assert found(cluster, "gateway.networking.k8s.io") == {"v1": ["gateways"], "v1alpha2": ["tlsroutes"]}
    plain = cluster.call("GET", "/apis").body["groups"]
    (group,) = [each for each in plain if each["name"] == "gateway.networking.k8s.io"]
    assert [each["version"] for each in group["versions"]] == ["v1", "v1alpha2"]
    (row,) = cluster.call("GET", "/apis/gateway.networking.k8s.io/v1").body["resources"][:1]
    assert (row["name"], row["kind"]) == ("gateways", "Gateway")
    assert cluster.kubectl("get", "gateways", "-A") == ""
    for name in ("gateways", "tlsroutes"):
        cluster.call("DELETE", f"{DEFINITIONS}/{name}.gateway.networking.k8s.io")
    assert found(cluster, "gateway.networking.k8s.io") == {}


def test_what_is_defined_and_not_established_is_not_served(cluster: ContractCluster) -> None:
    cluster.call("POST", DEFINITIONS, definition("ScaledObject"))
    where = f"{DEFINITIONS}/scaledobjects.keda.sh"
    clash = [{"type": "Established", "status": "False", "reason": "NotAccepted"}]
    patch = [{"op": "replace", "path": "/status/conditions", "value": clash}]
    assert cluster.call("PATCH", f"{where}/status", patch, type=JSON_PATCH).status == 200
    assert cluster.call("GET", "/apis/keda.sh/v1alpha1/scaledobjects").status == 404
    cluster.call("DELETE", where)


def test_a_definition_without_a_scope_is_refused(cluster: ContractCluster) -> None:
    body = definition("Gateway")
    del body["spec"]["scope"]
    refused = cluster.call("POST", DEFINITIONS, body)
    assert (refused.status, "spec.scope: Required value" in refused.message) == (422, True)


def found(cluster: ContractCluster, group: str) -> dict[str, list[str]]:
    """Version and resources of a group, by aggregated discovery."""
    items: list[Any] = cluster.call("GET", "/apis", accept=AGGREGATED).body["items"]
    return {
        version["version"]: [each["resource"] for each in version["resources"]]
        for item in items
        if item["metadata"]["name"] == group
        for version in item["versions"]
    }
