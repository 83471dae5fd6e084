"""Sealed mode: an API server admits from the actor what was signed, value by value, and nothing else."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from midwatch.rights import APPROVALS
from tests.support.kubernetes_world import (
    MERGE_PATCH,
    NEW,
    ContractCluster,
    Json,
    contract_cluster,
    eventually,
    need_world,
)
from tests.support.scale import PROVING, scale
from tests.support.wall import MARKED, dry_patch, installed, leaves, path_of, samples
from tests.support.wall_writes import FIXED, VERBS, others, step_of
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Refused, step_for
from tools.kubernetes.client import Request
from tools.kubernetes.sealing import entries_of, entry_of

PATH = path_of("ConfigMap", "midwatch", APPROVALS)
# By the wall, or before it by the kind's own rules.
REFUSED = (400, 403, 422)
JSON_PATCH = "application/json-patch+json"
APART = {"Node": "a real cluster's node is not cordoned", "PersistentVolumeClaim": "nothing binds it there"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContractCluster]:
    with contract_cluster(tmp_path_factory.mktemp("sealed")) as found:
        installed(found, "actor.yaml", "sealed.yaml")
        yield found


@pytest.fixture(scope="module")
def shop(cluster: ContractCluster) -> Iterator[dict[str, str]]:
    name = cluster.namespace()
    yield samples(cluster, name)
    cluster.forget(name)


def sign(cluster: ContractCluster, *steps: Step, plan: str = "p-1") -> dict[str, str]:
    """What the gatekeeper writes, by its own account."""
    entries = entries_of(steps, plan)
    assert not isinstance(entries, Refused), entries
    written(cluster, dict(entries))
    return entries


def written(cluster: ContractCluster, entries: dict[str, str | None]) -> None:
    answer = cluster.call("PATCH", PATH, {"data": entries}, type=MERGE_PATCH, user="gatekeeper")
    assert answer.status == 200, answer.body


def sent(cluster: ContractCluster, request: Request, **more: Any) -> Any:
    """By the actor, in earnest."""
    return cluster.call(
        request.method,
        request.path,
        request.body,
        type=request.content_type,
        user="actor",
        params=dict(request.query) | more,
    )


def admitted(cluster: ContractCluster, request: Request) -> bool:
    """Whether it goes through; in a real cluster an entry is seen a moment after it was written."""
    if cluster.world is not None:
        return bool(sent(cluster, request).status in (200, 201))
    return bool(eventually(lambda: sent(cluster, request).status in (200, 201)))


def performed(cluster: ContractCluster, verb: str, path: str, plan: str = "p-1") -> tuple[Step, Request]:
    step = step_of(cluster, verb, path)
    return step, CATALOGUE[verb].request(step, plan)


def undone(cluster: ContractCluster, path: str, before: Json) -> None:
    """Everything as it was, by the administrator."""
    now = cluster.call("GET", path).body
    now["spec"], now["metadata"] = before["spec"], dict(before["metadata"])
    # Controllers write to it as well: whatever version it has reached is put back.
    del now["metadata"]["resourceVersion"]
    assert cluster.call("PUT", path, now).status == 200


@pytest.mark.parametrize("verb", [each for each in VERBS if each != "expand_pvc"])
def test_a_verb_is_admitted_once_it_was_signed_and_only_as_it_was_signed(
    cluster: ContractCluster, shop: dict[str, str], verb: str
) -> None:
    kind, _ = VERBS[verb]
    if kind in APART:
        need_world(cluster, APART[kind])
    path = shop[kind]
    before = cluster.call("GET", path).body
    step, request = performed(cluster, verb, path)
    refused = sent(cluster, request)
    assert (refused.status, "nothing that was signed" in refused.message) == (403, True)
    assert sent(cluster, request, dryRun="All").status == 200, "a rehearsal comes before the signature"
    sign(cluster, step)
    other = CATALOGUE[verb].request(step, "p-2")
    refused = sent(cluster, other)
    assert (refused.status, "another write than this" in refused.message) == (403, True)
    for bent in _bent(step, request):
        answer = sent(cluster, bent)
        assert answer.status in REFUSED, (bent.body, answer.body)
    assert admitted(cluster, request)
    assert sent(cluster, request).status in (403, 422), "once is once"
    undone(cluster, path, before)
    written(cluster, {step.uid: None})
    # A controller may move it between the draft and the send, and then it is the precondition that refuses.
    eventually(lambda: sent(cluster, performed(cluster, verb, path)[1]).status == 403)


def test_a_whole_template_is_put_back_leaf_by_leaf(cluster: ContractCluster, shop: dict[str, str]) -> None:
    before = cluster.call("GET", shop["Deployment"]).body
    template = copy.deepcopy(before["spec"]["template"])
    main = template["spec"]["containers"][0]
    main["image"], main["args"] = NEW, ["--old", "two\nlines=100%", "--more"]
    template["spec"]["affinity"] = {"podAntiAffinity": {FAR: [{"weight": 5, "podAffinityTerm": TERM}]}}
    del template["spec"]["nodeSelector"]
    step = step_for(CATALOGUE["roll_back"], before, {"/spec/template": template})
    assert isinstance(step, Step), step
    entries = sign(cluster, step)
    assert any("two%0Alines=100%25" in entry for entry in entries.values())
    request = CATALOGUE["roll_back"].request(step, "p-1")
    # A slice of them: there are some hundred leaves.
    for bent in list(_bent(step, request))[:: 1 if PROVING else 9]:
        assert sent(cluster, bent).status in REFUSED, bent.body
    assert admitted(cluster, request)
    undone(cluster, shop["Deployment"], before)


FAR = "preferredDuringSchedulingIgnoredDuringExecution"
TERM = {
    "topologyKey": "zone",
    "labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["wall", "other"]}]},
}


def _bent(step: Step, request: Request) -> Iterator[Request]:
    """The signed patch with one of its values another, or without one of them."""
    patch: list[Json] = orjson.loads(request.body)
    for index, operation in enumerate(patch):
        if operation["op"] == "test" or operation["path"].startswith("/metadata"):
            continue
        rest = [each for n, each in enumerate(patch) if n != index]
        if len(step.set) > 1:
            yield Request(**(vars(request) | {"body": orjson.dumps(rest)}))
        for pointer, value in leaves(operation.get("value"), operation["path"]):
            for other in others(value)[:2]:
                bent = [*patch, {"op": "replace", "path": pointer, "value": other}]
                if other is not None and operation["op"] != "remove":
                    yield Request(**(vars(request) | {"body": orjson.dumps(bent)}))


def test_an_eviction_is_admitted_for_the_pod_that_was_signed(
    cluster: ContractCluster, shop: dict[str, str]
) -> None:
    namespace = shop["Deployment"].split("/")[5]
    # An owner whose controller does not care for pods.
    owner = cluster.call("GET", shop["NetworkPolicy"]).body
    owners = [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": "wall", "controller": True}]
    owners[0]["uid"] = owner["metadata"]["uid"]
    spec = {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.9"}]}
    requests = {}
    for name in ("one", "two"):
        body = {"metadata": {"name": name, "ownerReferences": owners}, "spec": spec}
        path = path_of("Pod", namespace, name)
        assert cluster.call("POST", path_of("Pod", namespace), body).status == 201
        placed = eventually(lambda at=path: _on_a_node(cluster, at))
        step = CATALOGUE["evict_pod"].draft(placed, {}, None)  # type: ignore[arg-type]
        assert isinstance(step, Step), step
        requests[name] = (step, CATALOGUE["evict_pod"].request(step, "p-1"))
    assert sent(cluster, requests["one"][1]).status == 403
    sign(cluster, requests["one"][0])
    assert sent(cluster, requests["two"][1]).status == 403
    assert admitted(cluster, requests["one"][1])


def _on_a_node(cluster: ContractCluster, path: str) -> Json | None:
    found: Json = cluster.call("GET", path).body
    return found if found["spec"].get("nodeName") else None


def test_what_is_created_cannot_be_sealed_and_is_refused_in_words(cluster: ContractCluster) -> None:
    gone = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "cart", "namespace": "shop", "uid": "u"},
        "spec": {"selector": {"app": "cart"}, "ports": [{"port": 80}]},
    }
    step = CATALOGUE["restore"].draft(gone, {}, None)  # type: ignore[arg-type]
    assert isinstance(step, Step)
    refused = entry_of(step, "p-1")
    assert isinstance(refused, Refused)
    assert "cannot be sealed" in refused.reason


def test_two_steps_on_one_object_are_not_sealed(cluster: ContractCluster, shop: dict[str, str]) -> None:
    step = step_of(cluster, "scale", shop["Deployment"])
    refused = entries_of((step, step), "p-1")
    assert isinstance(refused, Refused)


def test_the_gatekeepers_account_reaches_that_config_map_and_nothing_else(
    cluster: ContractCluster, shop: dict[str, str]
) -> None:
    elsewhere = path_of("ConfigMap", "midwatch", "other")
    for method, path in (("GET", elsewhere), ("PATCH", elsewhere), ("PATCH", shop["Deployment"])):
        body = {"data": {}} if method == "PATCH" else None
        assert cluster.call(method, path, body, type=MERGE_PATCH, user="gatekeeper").status == 403
    assert cluster.call("DELETE", PATH, user="gatekeeper").status == 403
    for user in ("actor", "reader"):
        answer = cluster.call("PATCH", PATH, {"data": {"a": "b"}}, type=MERGE_PATCH, user=user)
        assert answer.status == 403, answer.body


def thieves(cluster: ContractCluster, shop: dict[str, str], dice: random.Random) -> Iterator[Request]:
    """Writes of whoever stole the actor's token: like a verb's, beside them, and anything at all."""
    befores = {kind: cluster.call("GET", path).body for kind, path in shop.items()}
    kinds = sorted(shop)
    verbs = [each for each in VERBS if VERBS[each][0] not in APART]
    while True:
        verb = dice.choice(verbs)
        if dice.random() < 0.4:
            step = step_of(cluster, verb, shop[VERBS[verb][0]])
            yield CATALOGUE[verb].request(step, dice.choice(["p-0", "p-1", "p-9"]))
            continue
        kind = dice.choice(kinds)
        there = [each for each in leaves(befores[kind]) if not each[0].startswith(FIXED)]
        some = dice.sample(there, min(len(there), dice.randint(1, 3)))
        patch = [
            {"op": "replace", "path": pointer, "value": dice.choice(others(value))} for pointer, value in some
        ]
        body = orjson.dumps([*patch, {**MARKED, "value": "p-1"}])
        yield Request(method="PATCH", path=shop[kind], body=body, content_type=JSON_PATCH)


@pytest.mark.proof
def test_of_a_thiefs_writes_none_is_admitted_while_other_things_are_signed(
    cluster: ContractCluster, shop: dict[str, str]
) -> None:
    # What is signed for one object, and for another state of it, must open nothing else.
    scale_step = step_of(cluster, "scale", shop["Deployment"])
    image = step_of(cluster, "set_image", shop["DaemonSet"])
    elsewhere = scale_step.model_copy(update={"set": {"/spec/replicas": 77}})
    entries = sign(cluster, elsewhere, image.model_copy(update={"uid": "other", "expect": image.expect}))
    before = {kind: cluster.call("GET", path).body["metadata"]["uid"] for kind, path in shop.items()}
    answers: dict[int, int] = {}
    shaped = 0
    writes = thieves(cluster, shop, random.Random(19))
    for _ in range(scale("stolen_writes")):
        request = next(writes)
        rehearsed = sent(cluster, request, dryRun="All")
        shaped += rehearsed.status in (200, 201)
        answer = sent(cluster, request)
        answers[answer.status] = answers.get(answer.status, 0) + 1
        if answer.status == 200:
            # A patch that sets what is there already is admitted and no write.
            assert rehearsed.body["metadata"]["uid"] in before.values()
    written(cluster, dict.fromkeys(entries))
    print("admitted by the plain wall:", shaped, "answers when sealed:", answers)  # noqa: T201
    assert set(answers) <= set(REFUSED), answers
    assert answers[403] > scale("stolen_writes") // 2
    assert shaped > scale("stolen_writes") // 5, "nearly nothing was shaped like the catalogue"


def test_while_the_config_map_is_away_only_its_policy_is_out_of_force_and_nobody_else_is_stopped(
    cluster: ContractCluster, shop: dict[str, str]
) -> None:
    """See docs/decisions/0013: the other way round a missing ConfigMap would stop everybody's writes."""
    kept = cluster.call("GET", PATH).body
    assert cluster.call("DELETE", PATH).status == 200
    try:
        patch = [{"op": "add", "path": "/metadata/labels/other", "value": "x"}, MARKED]
        assert dry_patch(cluster, shop["Deployment"], patch, "admin").status == 200
        assert dry_patch(cluster, shop["Deployment"], patch).status == 403
    finally:
        head = {"name": APPROVALS, "namespace": "midwatch"}
        body = {"metadata": head, "data": kept.get("data") or {}}
        assert cluster.call("POST", path_of("ConfigMap", "midwatch"), body).status == 201
