"""Who may do what: tokens, the two accounts of the product, and what they may ask about themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.support.kubernetes_world import (
    MERGE_PATCH,
    ContractCluster,
    contract_cluster,
    deployment,
    eventually,
    need_world,
)

_NO_USERS = "a real cluster has other users"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("kubernetes")) as found:
        yield found


@pytest.fixture(scope="module")
def shop(cluster: ContractCluster) -> Iterator[str]:
    """A namespace in which Deployment `web` runs a pod."""
    name = cluster.namespace()
    path = f"/apis/apps/v1/namespaces/{name}/deployments"
    cluster.call("POST", path, deployment("web", replicas=1))
    eventually(lambda: cluster.call("GET", f"{path}/web").body["status"].get("readyReplicas"))
    yield name
    cluster.forget(name)


def test_without_a_token_nobody_comes_in(cluster: ContractCluster) -> None:
    need_world(cluster, "a real cluster may let anonymous users look")
    known = cluster.api().configuration
    settings = client.Configuration(host=known.host, ssl_ca_cert=known.ssl_ca_cert)
    settings.api_key = {"BearerToken": "Bearer wrong"}
    with client.ApiClient(settings) as stranger, pytest.raises(ApiException) as refused:
        client.CoreV1Api(stranger).list_pod_for_all_namespaces()
    assert (refused.value.status, refused.value.reason) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("user", "request_line", "words"),
    [
        ("reader", "GET /api/v1/namespaces/{ns}/secrets", 'cannot list resource "secrets" in API group ""'),
        (
            "reader",
            "PATCH /apis/apps/v1/namespaces/{ns}/deployments/web",
            'cannot patch resource "deployments" in API group "apps" in the namespace "{ns}"',
        ),
        ("actor", "GET /api/v1/pods", 'cannot list resource "pods" in API group "" at the cluster scope'),
        ("actor", "DELETE /api/v1/namespaces/{ns}/pods/x", 'cannot delete resource "pods"'),
        ("actor", "GET /api/v1/namespaces/{ns}/pods/x/log", 'cannot get resource "pods/log"'),
        ("actor", "POST /api/v1/namespaces/{ns}/configmaps", 'cannot create resource "configmaps"'),
    ],
)
def test_a_right_that_was_not_given_is_refused(
    cluster: ContractCluster, shop: str, user: str, request_line: str, words: str
) -> None:
    need_world(cluster, _NO_USERS)
    method, path = request_line.format(ns=shop).split()
    body = {} if method in ("PATCH", "POST") else None
    reply = cluster.call(method, path, body, type=MERGE_PATCH, user=user)
    assert (reply.status, reply.body["reason"]) == (403, "Forbidden")
    assert f'User "system:serviceaccount:midwatch:{user}" ' + words.format(ns=shop) in reply.message


def test_the_two_accounts_can_do_their_work(cluster: ContractCluster, shop: str) -> None:
    need_world(cluster, _NO_USERS)
    reader, actor = client.CoreV1Api(cluster.api("reader")), client.AppsV1Api(cluster.api("actor"))
    pods = reader.list_namespaced_pod(shop, label_selector="app=web").items
    reader.read_namespaced_pod_log(pods[0].metadata.name, shop)
    patch = [{"op": "add", "path": "/metadata/annotations/tried", "value": "yes"}]
    changed = actor.patch_namespaced_deployment("web", shop, patch, dry_run="All")
    assert changed.metadata.annotations["tried"] == "yes"
    assert "tried" not in actor.read_namespaced_deployment("web", shop).metadata.annotations


def test_a_user_can_ask_what_it_may_do(cluster: ContractCluster, shop: str) -> None:
    need_world(cluster, _NO_USERS)
    api = client.AuthorizationV1Api(cluster.api("actor"))

    def may(**attributes: str) -> bool:
        review = {"spec": {"resourceAttributes": {"namespace": shop, **attributes}}}
        return bool(api.create_self_subject_access_review(review).status.allowed)

    assert may(verb="patch", group="apps", resource="deployments")
    assert may(verb="create", resource="pods", subresource="eviction")
    assert not may(verb="delete", group="apps", resource="deployments")
    assert not may(verb="get", resource="secrets")
    rules = api.create_self_subject_rules_review({"spec": {"namespace": shop}}).status.resource_rules
    assert ["pods/eviction"] in [rule.resources for rule in rules]
