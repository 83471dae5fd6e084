"""kubectl as people type it. Skipped where there is no kubectl."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest

from tests.support.kubernetes_world import (
    NEW,
    OLD,
    ContractCluster,
    contract_cluster,
    deployment,
    eventually,
    need_world,
)
from tests.support.patience import PATIENCE_S

PATIENT = f"--timeout={PATIENCE_S:.0f}s"
pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        yield found


@pytest.fixture
def shop(cluster: ContractCluster) -> Iterator[str]:
    name = cluster.namespace()
    yield name
    cluster.forget(name)


@pytest.fixture
def web(cluster: ContractCluster, shop: str) -> str:
    """Deployment `web` with one ready pod; the namespace it is in."""
    body = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment("web", replicas=1)}
    cluster.kubectl("apply", "-n", shop, "-f", "-", stdin=json.dumps(body))
    cluster.kubectl("rollout", "status", "-n", shop, "deploy/web", PATIENT)
    return shop


def test_get_prints_the_columns_people_know(cluster: ContractCluster, web: str) -> None:
    head, row = cluster.kubectl("get", "pods", "-n", web, "-o", "wide").splitlines()
    assert head.split()[:6] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP"]
    assert row.split()[1:4] == ["1/1", "Running", "0"]
    head, row = cluster.kubectl("get", "deploy", "-n", web).splitlines()
    assert head.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row.split()[:4] == ["web", "1/1", "1", "1"]
    assert "image: " + OLD in cluster.kubectl("get", "deploy", "web", "-n", web, "-o", "yaml")
    everything = cluster.kubectl("get", "all", "-n", web, "-o", "name").split()
    assert "deployment.apps/web" in everything
    assert any(name.startswith("replicaset.apps/web-") for name in everything)


def test_describe_tells_the_pods_story(cluster: ContractCluster, web: str) -> None:
    told = cluster.kubectl("describe", "pod", "-n", web)
    for words in (
        "Controlled By:  ReplicaSet/web-",
        "Image:          " + OLD,
        "State:          Running",
        "Scheduled",
    ):
        assert words in told
    assert "ScalingReplicaSet" in cluster.kubectl("describe", "deploy", "web", "-n", web)


def test_a_server_side_dry_run_prints_and_changes_nothing(cluster: ContractCluster, web: str) -> None:
    patch = json.dumps(
        [
            {"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
        ]
    )
    words = ("patch", "deploy", "web", "-n", web, "--type=json", "-p", patch)
    printed = cluster.kubectl(*words, "--dry-run=server", "-o", "jsonpath={.spec.replicas}")
    assert printed == "3"
    assert cluster.kubectl("get", "deploy", "web", "-n", web, "-o", "jsonpath={.spec.replicas}") == "1"
    cluster.kubectl(*words)
    failed = cluster.try_kubectl(*words)
    assert failed.returncode == 1
    assert "the server rejected our request due to an error in our request" in failed.stderr


def test_scale_changes_the_number_of_pods(cluster: ContractCluster, web: str) -> None:
    cluster.kubectl("scale", "deploy", "web", "-n", web, "--replicas=3")
    cluster.kubectl("rollout", "status", "-n", web, "deploy/web", PATIENT)
    assert len(cluster.kubectl("get", "pods", "-n", web, "-o", "name").split()) == 3


def test_a_rollout_has_a_history_and_can_be_undone(cluster: ContractCluster, web: str) -> None:
    cluster.kubectl("set", "image", "-n", web, "deploy/web", f"main={NEW}")
    cluster.kubectl("rollout", "status", "-n", web, "deploy/web", PATIENT)
    history = cluster.kubectl("rollout", "history", "-n", web, "deploy/web").split()
    assert history[-4:] == ["1", "<none>", "2", "<none>"]
    cluster.kubectl("rollout", "undo", "-n", web, "deploy/web")
    cluster.kubectl("rollout", "status", "-n", web, "deploy/web", PATIENT)
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert cluster.kubectl("get", "deploy", "web", "-n", web, "-o", image) == OLD


def test_rollout_restart_replaces_the_pods(cluster: ContractCluster, web: str) -> None:
    before = cluster.kubectl("get", "pods", "-n", web, "-o", "name").split()
    cluster.kubectl("rollout", "restart", "-n", web, "deploy/web")
    cluster.kubectl("rollout", "status", "-n", web, "deploy/web", PATIENT)
    eventually(
        lambda: set(cluster.kubectl("get", "pods", "-n", web, "-o", "name").split()).isdisjoint(before)
    )


def test_apply_merges_what_changed_and_refuses_unknown_fields(cluster: ContractCluster, web: str) -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment("web", replicas=1)}
    del body["spec"]["template"]["spec"]["containers"][0]["env"][1]
    assert "configured" in cluster.kubectl("apply", "-n", web, "-f", "-", stdin=json.dumps(body))
    env = "jsonpath={.spec.template.spec.containers[0].env[*].name}"
    assert cluster.kubectl("get", "deploy", "web", "-n", web, "-o", env) == "A"
    body["spec"]["nonsense"] = 1
    refused = cluster.try_kubectl("apply", "-n", web, "-f", "-", stdin=json.dumps(body))
    assert 'unknown field "spec.nonsense"' in refused.stderr


def test_logs_come_from_the_container(cluster: ContractCluster, shop: str) -> None:
    need_world(cluster, "a real cluster would need an image that prints")
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "talker"}}
    body["spec"] = {"containers": [{"name": "main", "image": "talks:1"}]}
    cluster.kubectl("apply", "-n", shop, "-f", "-", stdin=json.dumps(body))
    cluster.kubectl("wait", "-n", shop, "pod/talker", "--for=condition=Ready", PATIENT)
    eventually(lambda: cluster.kubectl("logs", "-n", shop, "talker", "--tail=1") == "three\n")


def test_delete_waits_until_the_object_is_gone(cluster: ContractCluster, web: str) -> None:
    cluster.kubectl("delete", "deploy", "web", "-n", web, PATIENT)
    gone = cluster.try_kubectl("get", "deploy", "web", "-n", web)
    assert 'deployments.apps "web" not found' in gone.stderr


def test_can_i_answers_for_every_account(cluster: ContractCluster, shop: str) -> None:
    need_world(cluster, "a real cluster has other users")

    def can(user: str, *words: str) -> str:
        return cluster.try_kubectl("auth", "can-i", "-n", shop, *words, user=user).stdout.strip()

    assert can("reader", "list", "pods") == "yes"
    assert can("reader", "get", "secrets") == "no"
    assert can("actor", "patch", "deployments.apps") == "yes"
    assert can("actor", "create", "pods", "--subresource=eviction") == "yes"
    assert can("actor", "delete", "pods") == "no"
    assert "pods/eviction" in cluster.kubectl("auth", "can-i", "--list", user="actor")


def test_a_drain_cordons_and_evicts(cluster: ContractCluster, web: str) -> None:
    need_world(cluster, "a contract does not drain somebody's node")
    where = cluster.kubectl("get", "pods", "-n", web, "-o", "jsonpath={.items[0].spec.nodeName}")
    words = (
        "drain",
        where,
        "--ignore-daemonsets",
        "--force",
        "--pod-selector=app=web",
        PATIENT,
    )
    assert "evict" in cluster.kubectl(*words)
    assert cluster.kubectl("get", "node", where, "-o", "jsonpath={.spec.unschedulable}") == "true"
    cluster.kubectl("uncordon", where)
