"""What `midwatch check` and the page of rights say of the second wall: measured, and never assumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from midwatch.admission import SEAL, WALL
from midwatch.check import _wall
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.wiring import ledger_of
from tests.support.kubernetes_world import (
    MERGE_PATCH,
    ContractCluster,
    Json,
    contract_cluster,
    deployment,
    need_world,
)
from tests.support.pages import BEARER, settings_in
from tests.support.wall import installed, no_wall, path_of

POLICY = path_of("ValidatingAdmissionPolicy", "", WALL)
BINDING = path_of("ValidatingAdmissionPolicyBinding", "", WALL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("told")) as found:
        installed(found, "actor.yaml", "sealed.yaml")
        name = found.namespace()
        found.call("POST", path_of("Deployment", name), deployment("web"))
        yield found
        found.forget(name)


@pytest.fixture
def settings(cluster: ContractCluster, tmp_path: Path) -> Settings:
    files = {f"{who}_kubeconfig": cluster.config_of(who) for who in ("reader", "actor", "gatekeeper")}
    return Settings(state_dir=tmp_path, sealed=True, **files)  # type: ignore[arg-type]


def told(settings: Settings) -> dict[str, tuple[bool, str]]:
    return {each.what: (each.ok, each.says) for each in _wall(settings)}


def test_a_wall_that_stands_is_said_to_stand(settings: Settings) -> None:
    found = told(settings)
    assert all(ok for ok, _ in found.values()), found
    tried = {"second wall, tried", "sealed mode, tried"}
    assert found.keys() == {"second wall", "sealed mode", "gatekeeper kubeconfig"} | tried


def test_a_policy_that_is_not_bound_is_found_by_looking_and_by_trying(
    cluster: ContractCluster, settings: Settings
) -> None:
    need_world(cluster, "a real API server takes a moment to notice")
    with no_wall(cluster, WALL):
        found = told(settings)
    assert found["second wall"] == (
        False,
        "not installed: apply deploy/admission/actor.yaml (Kubernetes 1.30)",
    )
    assert found["second wall, tried"][0] is False or "midwatch-sealed" in found["second wall, tried"][1]
    with no_wall(cluster, WALL), no_wall(cluster, SEAL):
        found = told(settings)
    assert {found[each][0] for each in ("second wall", "sealed mode", "second wall, tried")} == {False}
    assert "is not in force" in found["sealed mode, tried"][1]


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        (POLICY, {"failurePolicy": "Ignore"}, "the policy is not this version's"),
        (POLICY, {"validations": [{"expression": "true"}]}, "the policy is not this version's"),
        (BINDING, {"validationActions": ["Audit"]}, "the binding does not put it in force"),
        (
            BINDING,
            {"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}},
            "the binding does not put it in force",
        ),
    ],
)
def test_a_wall_that_was_changed_is_not_taken_for_ours(
    cluster: ContractCluster, settings: Settings, path: str, change: Json, words: str
) -> None:
    kept = cluster.call("GET", path).body
    assert cluster.call("PATCH", path, {"spec": change}, type=MERGE_PATCH).status == 200
    try:
        ok, says = told(settings)["second wall"]
        assert (ok, words in says) == (False, True), says
    finally:
        spec = dict.fromkeys(change) | kept["spec"]
        assert cluster.call("PATCH", path, {"spec": spec}, type=MERGE_PATCH).status == 200


def test_a_missing_config_map_is_said(cluster: ContractCluster, settings: Settings) -> None:
    need_world(cluster, "it is not taken away from a real cluster")
    path = path_of("ConfigMap", "midwatch", "midwatch-approvals")
    kept = cluster.call("GET", path).body
    cluster.call("DELETE", path)
    try:
        found = told(settings)
        assert found["gatekeeper kubeconfig"][0] is False
        assert found["sealed mode, tried"][0] is False, "without it the policy lets everything by"
    finally:
        body = {"metadata": {"name": "midwatch-approvals"}, "data": kept.get("data") or {}}
        cluster.call("POST", path.rpartition("/")[0], body)


async def test_the_page_shows_what_the_reader_finds_and_holds_nothing_of_the_actor(
    cluster: ContractCluster, settings: Settings
) -> None:
    need_world(cluster, "the reader of a real cluster may hold more")
    # This process is `serve`, where the actor's credential must not be needed.
    without = settings.model_copy(update={"actor_kubeconfig": None})
    settings_in(settings.state_dir)
    ledger = ledger_of(without)
    transport = httpx.ASGITransport(app=application(without, ledger))
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=BEARER) as client:
        text = (await client.get("/installation/rights")).text
        with no_wall(cluster, WALL):
            torn = (await client.get("/installation/rights")).text
    ledger.close()
    assert '<th scope="row">second wall</th>' in text
    assert "installed and bound" in text
    assert "rights as they should be" in text
    assert "not ok" not in text
    assert "not ok" in torn
    assert '<th scope="row">actor</th><td>actor_kubeconfig</td>' in text
