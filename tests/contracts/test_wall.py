"""The second wall: an API server admits from the actor what the catalogue changes, and nothing else.

The actor here may do everything by RBAC, so that it is the admission policy alone that says no.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evals.world.kubernetes.rbac import Rule, User
from evals.world.kubernetes.users import standard_users
from midwatch.admission import FILES, WALL, changed_kinds
from midwatch.admission import main as write_all
from tests.support.kubernetes_world import OLD, ContractCluster, Json, contract_cluster, need_world
from tests.support.scale import PROVING, scale
from tests.support.wall import (
    ADMISSION,
    MARKED,
    by_the_catalogue,
    changed,
    dry_patch,
    installed,
    leaves,
    no_wall,
    path_of,
    samples,
)
from tests.support.wall_writes import FIXED, POD, VERBS, others, step_of, tries
from tools.kubernetes.actions.catalogue import CATALOGUE

KINDS = sorted(changed_kinds())
# A DaemonSet differs from a StatefulSet by one field; every run has random patches of both.
THOROUGH = KINDS if PROVING else [each for each in KINDS if each != "DaemonSet"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    folder = tmp_path_factory.mktemp("wall")
    with contract_cluster(folder, _mighty()) as found, _everything_granted(found):
        installed(found, "actor.yaml")
        yield found


def _mighty() -> tuple[User, ...]:
    everything = Rule(api_groups=("*",), resources=("*",), verbs=("*",))
    return tuple(
        replace(user, rules=(everything,)) if user.name.endswith(":actor") else user
        for user in standard_users()
    )


@contextlib.contextmanager
def _everything_granted(cluster: ContractCluster) -> Iterator[None]:
    """The same in a real cluster, by a binding that goes again."""
    path = path_of("ClusterRoleBinding", "", "midwatch-wall-test")
    body = {
        "metadata": {"name": "midwatch-wall-test"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "actor", "namespace": "midwatch"}],
    }
    assert cluster.call("POST", path.rpartition("/")[0], body).status == 201
    try:
        yield
    finally:
        cluster.call("DELETE", path)


@pytest.fixture(scope="module")
def shop(cluster: ContractCluster) -> Iterator[dict[str, str]]:
    """One object of each kind that a verb changes: kind → path."""
    name = cluster.namespace()
    yield samples(cluster, name)
    cluster.forget(name)


def live(cluster: ContractCluster, path: str) -> Json:
    found: Json = cluster.call("GET", path).body
    return found


@dataclass(frozen=True)
class Sample:
    """An object of some kind, as it is and stays: everything here is a rehearsal."""

    kind: str
    path: str
    before: Json


def judged(cluster: ContractCluster, sample: Sample, patch: list[Json]) -> bool | None:
    """Whether the patch changes only what the catalogue does; None when nobody could write it, or in vain.

    Fails when the actor is judged otherwise.
    """
    kind, path, before = sample.kind, sample.path, sample.before
    as_admin = dry_patch(cluster, path, [*patch, MARKED], "admin")
    if as_admin.status != 200 or not changed(before, as_admin.body):
        return None
    allowed = by_the_catalogue(kind, before, as_admin.body)
    as_actor = dry_patch(cluster, path, [*patch, MARKED])
    words = (kind, patch, as_actor.status, as_actor.body.get("message"), changed(before, as_admin.body))
    assert (as_actor.status == 200) is allowed, words
    assert allowed or f"ValidatingAdmissionPolicy '{WALL}'" in as_actor.message, words
    return allowed


@pytest.mark.parametrize("kind", THOROUGH)
def test_of_every_kind_only_the_fields_of_its_verbs_can_be_changed(
    cluster: ContractCluster, shop: dict[str, str], kind: str
) -> None:
    sample = Sample(kind, shop[kind], live(cluster, shop[kind]))
    told = [
        # The first of the ways that anybody could go says it all.
        next(filter(_is_told, (judged(cluster, sample, patch) for patch in ways)), None)
        for ways in tries(sample.before)
        # All of a Deployment's template is a field: a roll-back may write any of it.
        if PROVING or kind != "Deployment" or not ways[0][0]["path"].startswith("/spec/template/")
    ]
    # A node has no other field yet; a claim's cannot be changed by anybody, and in a real cluster nothing
    # binds it.
    assert told.count(False) >= 1 or kind in ("Node", "PersistentVolumeClaim"), "nothing else was tried"
    assert told.count(True) >= 1 or kind in ("Node", "PersistentVolumeClaim"), "nothing of it was tried"


def _is_told(verdict: bool | None) -> bool:
    return verdict is not None


_ADDED: dict[str, list[tuple[str, Any]]] = {
    "Deployment": [("/spec/strategy", {"type": "Recreate"}), ("/spec/minReadySeconds", 5)],
    "StatefulSet": [
        (f"{POD}/hostNetwork", True),
        (f"{POD}/hostPID", True),
        (f"{POD}/serviceAccountName", "admin"),
        (f"{POD}/volumes/-", {"name": "root", "hostPath": {"path": "/"}}),
        (f"{POD}/volumes/1/hostPath", {"path": "/"}),
        (f"{POD}/containers/-", {"name": "more", "image": OLD}),
        (f"{POD}/containers/0/securityContext/privileged", True),
        (f"{POD}/containers/0/command", ["sh"]),
        (f"{POD}/containers/0/env/-", {"name": "C", "value": "3"}),
        (f"{POD}/containers/0/env/0/value", "9"),
        (f"{POD}/containers/0/livenessProbe", {"exec": {"command": ["sh"]}}),
        (f"{POD}/containers/0/lifecycle", {"preStop": {"exec": {"command": ["sh"]}}}),
        (f"{POD}/containers/0/resources/limits/example.com~1gpu", "1"),
        ("/spec/template/metadata/labels/other", "x"),
        ("/spec/template/metadata/annotations/other", "x"),
    ],
    "Service": [
        ("/spec/externalIPs", ["192.0.2.1"]),
        ("/spec/type", "NodePort"),
        ("/spec/ports/-", {"name": "third", "port": 99}),
    ],
    "HorizontalPodAutoscaler": [("/spec/behavior", {"scaleDown": {"stabilizationWindowSeconds": 9}})],
    "Node": [("/spec/taints", [{"key": "a", "effect": "NoExecute"}]), ("/spec/podCIDR", "10.9.0.0/24")],
    "ResourceQuota": [("/spec/hard/pods", "5")],
    "NetworkPolicy": [("/spec/policyTypes/-", "Egress"), ("/spec/podSelector/matchLabels/more", "x")],
    "Job": [("/spec/backoffLimit", 9)],
    "CronJob": [("/spec/startingDeadlineSeconds", 9)],
}
_ON_ALL = [
    ("/metadata/labels/other", "x"),
    ("/metadata/labels/team", "bank"),
    ("/metadata/annotations/other", "x"),
    ("/metadata/finalizers", ["example.com/keep"]),
    (
        "/metadata/ownerReferences",
        [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": "x",
                "uid": "00000000-0000-0000-0000-000000000001",
            }
        ],
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_can_be_added_to_an_object_but_what_its_verbs_add(
    cluster: ContractCluster, shop: dict[str, str], kind: str
) -> None:
    sample = Sample(kind, shop[kind], live(cluster, shop[kind]))
    added = [*_ADDED.get(kind, []), *_ON_ALL]
    if not sample.before["metadata"].get("labels"):
        added = [each for each in added if "/labels/" not in each[0]]
    patches = [[{"op": "add", "path": path, "value": value}] for path, value in added]
    told = [judged(cluster, sample, patch) for patch in patches]
    assert True not in told
    assert told.count(False) >= len(told) - 2, list(zip(told, added, strict=True))


@st.composite
def random_patches(draw: st.DrawFn, before: Json) -> list[Json]:
    """Some changes at once, in and outside the catalogue: anything may slip in beside what is allowed."""
    there = [each for each in leaves(before) if not each[0].startswith(FIXED)]
    found: list[Json] = []
    for pointer, value in draw(st.lists(st.sampled_from(there), min_size=1, max_size=4)):
        op = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if op == "add":
            parent = pointer.rpartition("/")[0]
            name = draw(st.sampled_from(["-", "0", "other", "name", "image", "replicas", "value"]))
            found.append(
                {"op": "add", "path": f"{parent}/{name}", "value": draw(st.sampled_from(others(value)))}
            )
        else:
            other = {"value": draw(st.sampled_from(others(value)))} if op == "replace" else {}
            found.append({"op": op, "path": pointer, **other})
    return found


@pytest.mark.proof
def test_of_random_patches_none_outside_the_catalogue_is_admitted_and_none_inside_refused(
    cluster: ContractCluster, shop: dict[str, str]
) -> None:
    found = {kind: Sample(kind, path, live(cluster, path)) for kind, path in shop.items()}
    told: list[bool | None] = []

    @settings(
        max_examples=scale("wall_patches"),
        deadline=None,
        derandomize=not PROVING,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.sampled_from(KINDS).flatmap(
            lambda kind: st.tuples(st.just(kind), random_patches(found[kind].before))
        )
    )
    def tried(drawn: tuple[str, list[Json]]) -> None:
        told.append(judged(cluster, found[drawn[0]], drawn[1]))

    tried()
    assert told.count(False) > scale("wall_patches") // 8, (
        "the schema refused nearly everything before the wall"
    )
    assert told.count(True) > scale("wall_patches") // 50


def test_every_verb_that_changes_a_field_is_tried() -> None:
    apart = {"evict_pod", "restore", "silence", "webhook"}
    assert VERBS.keys() == CATALOGUE.keys() - apart


@pytest.mark.parametrize("verb", VERBS)
def test_what_a_verb_sends_gets_through(cluster: ContractCluster, shop: dict[str, str], verb: str) -> None:
    kind, _ = VERBS[verb]
    if kind == "PersistentVolumeClaim":
        need_world(cluster, "nothing binds the claim in a real cluster")
    step = step_of(cluster, verb, shop[kind])
    sent = CATALOGUE[verb].rehearsal(step, "a-plan")
    answer = cluster.call(
        sent.method, sent.path, sent.body, type=sent.content_type, user="actor", params=dict(sent.query)
    )
    assert answer.status == 200, answer.body


def test_without_the_binding_the_same_patch_would_be_admitted(
    cluster: ContractCluster, shop: dict[str, str]
) -> None:
    patch = [{"op": "add", "path": f"{POD}/hostNetwork", "value": True}, MARKED]
    assert dry_patch(cluster, shop["StatefulSet"], patch).status == 403
    with no_wall(cluster, WALL):
        if cluster.world is not None:
            assert dry_patch(cluster, shop["StatefulSet"], patch).status == 200
    others = dry_patch(cluster, shop["StatefulSet"], patch, "admin")
    assert others.status == 200, "the wall is the actor's and nobody else's"


def test_a_write_that_names_no_plan_is_refused(cluster: ContractCluster, shop: dict[str, str]) -> None:
    answer = dry_patch(cluster, shop["Deployment"], [{"op": "replace", "path": "/spec/replicas", "value": 1}])
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")
    assert "names no plan" in answer.message


def test_whatever_else_the_actor_was_granted_it_cannot_use(
    cluster: ContractCluster, shop: dict[str, str]
) -> None:
    namespace = shop["Deployment"].split("/")[5]
    meta = {"name": "made", "namespace": namespace, "annotations": {"midwatch.dev/applied-plan": "p"}}
    dry = {"dryRun": "All"}
    secret = {"metadata": meta, "stringData": {"a": "b"}}
    scale_to = {"spec": {"replicas": 5}}
    asked = [
        ("POST", path_of("Secret", namespace), secret),
        ("POST", path_of("Deployment", namespace), {**live(cluster, shop["Deployment"]), "metadata": meta}),
        ("POST", path_of("ServiceAccount", namespace), {"metadata": meta}),
        ("POST", path_of("Role", namespace), {"metadata": meta, "rules": []}),
        ("DELETE", shop["Service"], None),
        ("DELETE", path_of("Deployment", namespace), None),
        ("PATCH", f"{shop['Deployment']}/scale", scale_to),
        ("PATCH", f"{shop['Deployment']}/status", {"status": {"replicas": 9}}),
        ("PATCH", path_of("Namespace", "", namespace), {"metadata": {"labels": {"a": "b"}}}),
    ]
    for method, path, body in asked:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = cluster.call(method, path, body, type=kind, user="actor", params=dry)
        assert answer.status == 403, (method, path, answer.body)
        assert "the catalogue holds no such change" in answer.message, (method, path)
    whole = live(cluster, shop["Service"])
    whole["metadata"]["labels"] = {"other": "x"}
    whole["metadata"]["annotations"]["midwatch.dev/applied-plan"] = "p"
    answer = cluster.call("PUT", shop["Service"], whole, user="actor", params=dry)
    assert (answer.status, "a Service that no verb" in answer.message) == (403, True)


def test_what_is_created_again_owns_itself(cluster: ContractCluster, shop: dict[str, str]) -> None:
    namespace = shop["Deployment"].split("/")[5]
    meta = {"name": "back", "annotations": {"midwatch.dev/applied-plan": "p"}}
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1"}
    heads = [
        (201, meta),
        (403, {"name": "back"}),
        (403, {**meta, "finalizers": ["example.com/keep"]}),
        (403, {**meta, "ownerReferences": [owner]}),
    ]
    for status, head in heads:
        body = {"metadata": head, "data": {"a": "b"}}
        path, dry = path_of("ConfigMap", namespace), {"dryRun": "All"}
        answer = cluster.call("POST", path, body, user="actor", params=dry)
        assert answer.status == status, answer.body


def test_an_eviction_names_the_pod_by_its_uid_and_keeps_its_grace(
    cluster: ContractCluster, shop: dict[str, str]
) -> None:
    namespace = shop["Deployment"].split("/")[5]
    pod = {"metadata": {"name": "lone"}, "spec": {"containers": [{"name": "main", "image": OLD}]}}
    made = cluster.call("POST", path_of("Pod", namespace), pod).body
    uid = {"preconditions": {"uid": made["metadata"]["uid"]}}
    mark = {"midwatch.dev/applied-plan": "p"}
    cases: list[tuple[int, Json, Json]] = [
        (403, {}, mark),
        (403, {"deleteOptions": {"gracePeriodSeconds": 30}}, mark),
        (403, {"deleteOptions": {**uid, "gracePeriodSeconds": 0}}, mark),
        (403, {"deleteOptions": uid}, {}),
        (201, {"deleteOptions": uid}, mark),
    ]
    for status, options, marks in cases:
        head = {"name": "lone", "namespace": namespace, "annotations": marks}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": head, **options}
        path = f"{path_of('Pod', namespace, 'lone')}/eviction"
        answer = cluster.call("POST", path, body, user="actor", params={"dryRun": "All"})
        assert answer.status == status, (options, answer.body)


def test_the_reader_can_write_nothing(cluster: ContractCluster, shop: dict[str, str]) -> None:
    dry = {"dryRun": "All"}
    for kind, path in shop.items():
        body = live(cluster, path)
        kept = path.rpartition("/")[0]
        made = {**body, "metadata": {"name": "made"}}
        asked = [("PATCH", path, [MARKED]), ("PUT", path, body), ("DELETE", path, None), ("POST", kept, made)]
        for method, at, content in asked:
            type_ = "application/json-patch+json" if method == "PATCH" else "application/json"
            answer = cluster.call(method, at, content, type=type_, user="reader", params=dry)
            assert answer.status == 403, (kind, method, answer.body)


def test_no_policy_sees_a_write_to_a_webhook_configuration(cluster: ContractCluster) -> None:
    """So the right to it stands in the optional role; see the limits."""
    hook = {
        "name": "never.wall.example",
        "clientConfig": {"url": "https://127.0.0.1:9/never"},
        "rules": [{"apiGroups": ["x"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["x"]}],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
    }
    path = path_of("ValidatingWebhookConfiguration")
    body = {"metadata": {"name": "midwatch-wall-test"}, "webhooks": [hook]}
    assert cluster.call("POST", path, body).status == 201
    try:
        patch = [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]
        assert dry_patch(cluster, f"{path}/midwatch-wall-test", patch).status == 200
    finally:
        cluster.call("DELETE", f"{path}/midwatch-wall-test")


def test_the_actor_may_still_ask_what_it_may_do(cluster: ContractCluster) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    answer = cluster.call("POST", path, asked, user="actor")
    assert answer.status == 201, answer.body


@pytest.mark.parametrize("name", FILES)
def test_a_policy_is_what_the_catalogue_says(name: str) -> None:
    assert (ADMISSION / name).read_text(encoding="utf-8") == FILES[name](), "run `make manifests`"


def test_the_chore_writes_every_policy_and_no_other_is_there(tmp_path: Path) -> None:
    write_all(tmp_path)
    for folder in (tmp_path, ADMISSION):
        assert {path.name for path in folder.iterdir()} == set(FILES)
