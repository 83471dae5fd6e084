"""Verbs beyond one workload, carried through: drafted, rehearsed, signed, done, undone.

One pretend cluster and Alertmanager, one ledger, the real actor's code in this process, and the rights of the
generated manifests.
"""

from __future__ import annotations

from typing import Any

import pytest

from agents.ledger.protocol import PlanState
from tests.stories.conftest import CLASSES
from tests.support.act import Act
from tests.support.kubernetes_space import Space
from tests.support.kubernetes_world import MERGE_PATCH, deployment, eventually
from tests.support.verb_cases import RULE
from tools.kubernetes.actions.catalogue import CATALOGUE, is_applied
from tools.kubernetes.actions.drain import drain
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused
from tools.kubernetes.errors import BudgetSpent, Conflict, KubernetesError, PreconditionFailed

Json = dict[str, Any]
NODE = "/api/v1/nodes/worker-2"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies"


def put(act: Act, path: str, body: Json) -> str:
    """Create an object as a person would; its path."""
    reply = act.cluster.call("POST", path, body)
    assert reply.status == 201, reply.body
    return f"{path}/{body['metadata']['name']}"


def drafted(act: Act, verb: str, path: str, params: Json, kind: str = "") -> Step:
    step = CATALOGUE[verb].draft(act.seen(path, kind or CATALOGUE[verb].kinds[0]), params, Context())
    assert isinstance(step, Step), step
    return step


def claim_in(act: Act, space: Space) -> tuple[str, Json]:
    body = {
        "metadata": {"name": "data"},
        "spec": {
            "storageClassName": "fast",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "10Gi"}},
        },
    }
    path = put(act, f"/api/v1/namespaces/{space.name}/persistentvolumeclaims", body)
    eventually(lambda: act.cluster.call("GET", path).body["status"].get("phase") == "Bound")
    return path, {"value": "20Gi", "storage_class": act.seen(f"{CLASSES}/fast", "StorageClass")}


def quota_in(act: Act, space: Space) -> tuple[str, Json]:
    body = {"metadata": {"name": "compute"}, "spec": {"hard": {"limits.memory": "4Gi"}}}
    path = put(act, f"/api/v1/namespaces/{space.name}/resourcequotas", body)
    act.counted(path)
    return path, {"resource": "limits.memory", "value": "8Gi"}


def policy_in(act: Act, space: Space) -> tuple[str, Json]:
    spec = {"podSelector": {"matchLabels": {"app": "cart"}}, "policyTypes": ["Ingress"]}
    path = put(act, POLICIES.format(ns=space.name), {"metadata": {"name": "cart"}, "spec": spec})
    return path, {"direction": "ingress", "rule": RULE}


def hooks_of(act: Act, space: Space) -> tuple[str, Json]:
    hook = {
        "name": "pods.guard.example",
        "clientConfig": {"url": "https://127.0.0.1:9/none"},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    path = put(act, HOOKS, {"metadata": {"name": f"guard-{space.name}"}, "webhooks": [hook]})
    return path, {"webhook": "pods.guard.example", "ignore": True}


def free_node(act: Act, space: Space) -> tuple[str, Json]:
    del space
    act.cluster.call("PATCH", NODE, {"spec": {"unschedulable": None}}, type=MERGE_PATCH)
    eventually(lambda: "taints" not in act.cluster.call("GET", NODE).body["spec"])
    return NODE, {"others": 1}


def cordoned_node(act: Act, space: Space) -> tuple[str, Json]:
    del space
    act.cluster.call("PATCH", NODE, {"spec": {"unschedulable": True}}, type=MERGE_PATCH)
    eventually(lambda: "taints" in act.cluster.call("GET", NODE).body["spec"])
    return NODE, {}


SCENES = {
    "expand_pvc": (claim_in, {"spec": {"resources": {"requests": {"storage": "15Gi"}}}}),
    "quota": (quota_in, {"spec": {"hard": {"limits.memory": "5Gi"}}}),
    "network_policy": (policy_in, {"spec": {"ingress": [{"ports": [{"port": 1}]}]}}),
    "webhook": (hooks_of, {"metadata": {"annotations": {"touched": "yes"}, "labels": {"a": "b"}}}),
    "cordon": (free_node, {"spec": {"unschedulable": True}}),
    "uncordon": (cordoned_node, {"spec": {"unschedulable": None}}),
}
"""Verb → what it is tried on, and a change by somebody else that must make its plan stale."""


@pytest.mark.parametrize("name", SCENES)
def test_a_patch_is_rehearsed_without_effect_done_once_read_again_and_undone(
    name: str, act: Act, space: Space
) -> None:
    path, params = SCENES[name][0](act, space)
    step = drafted(act, name, path, params)
    before = len(act.effects())
    plan = act.rehearsed([step])
    assert act.stands(plan) == (PlanState.DRAFT, "")
    assert act.shown(plan).diffs[0]
    assert len(act.effects()) == before
    act.signed(plan)
    act.advance(plan)
    assert act.stands(plan)[0] is PlanState.SUCCEEDED
    assert len(act.effects()) == before + 1
    assert is_applied(step, plan.id, act.live(step))
    with pytest.raises((PreconditionFailed, Conflict)):
        act.hands.send(CATALOGUE[name], CATALOGUE[name].request(step, plan.id))
    undone(act, name, step)


def undone(act: Act, name: str, step: Step) -> None:
    """The undo, as a plan of its own; or its refusal."""
    # Controllers follow the change (a taint, a size): the undo is drafted from what stands then.
    if name == "cordon":
        eventually(lambda: "taints" in act.live(step)["spec"])
    if name == "quota":
        act.counted(f"/api/v1/namespaces/{step.target.namespace}/resourcequotas/{step.target.name}")
    undo = CATALOGUE[name].inverse(step, {**act.live(step), "kind": step.kind})
    if not CATALOGUE[name].reversible:
        assert isinstance(undo, Refused)
        return
    assert isinstance(undo, Step), undo
    plan = act.done(undo)
    assert act.stands(plan)[0] is PlanState.SUCCEEDED
    for pointer in step.set:
        assert step.expect[pointer] == value_at(act.live(step), pointer)


def value_at(obj: Json, pointer: str) -> Any:
    """What stands there now; None when nothing does."""
    here: Any = obj
    for token in pointer.split("/")[1:]:
        here = here[int(token)] if isinstance(here, list) else here.get(token)
    return here


@pytest.mark.parametrize("name", SCENES)
def test_what_somebody_else_changed_after_the_signature_is_left_alone(
    name: str, act: Act, space: Space
) -> None:
    path, params = SCENES[name][0](act, space)
    step = drafted(act, name, path, params)
    plan = act.rehearsed([step])
    act.signed(plan)
    other = act.cluster.call("PATCH", path, SCENES[name][1], type=MERGE_PATCH)
    assert other.status == 200, other.body
    if name == "webhook":
        act.cluster.call("PATCH", path, {"webhooks": []}, type=MERGE_PATCH)
    before = len(act.effects())
    with pytest.raises((PreconditionFailed, Conflict)):
        act.hands.send(CATALOGUE[name], CATALOGUE[name].request(step, plan.id))
    act.advance(plan)
    assert act.stands(plan)[0] is PlanState.STALE
    assert len(act.effects()) == before


def test_a_class_that_does_not_allow_it_is_the_servers_word(act: Act, space: Space) -> None:
    path, params = claim_in(act, space)
    step = drafted(act, "expand_pvc", path, params)
    act.cluster.call("PATCH", f"{CLASSES}/fast", {"allowVolumeExpansion": False}, type=MERGE_PATCH)
    try:
        state, reason = act.stands(act.rehearsed([step]))
    finally:
        act.cluster.call("PATCH", f"{CLASSES}/fast", {"allowVolumeExpansion": True}, type=MERGE_PATCH)
    assert state is PlanState.REFUSED
    assert "must support resize" in reason


def pods_of(act: Act, space: Space, count: int) -> list[Json]:
    """Ready pods of a Deployment ``web``, as the reader sees them."""
    space.make("deployments", deployment("web", replicas=count))
    path = f"/api/v1/namespaces/{space.name}/pods"

    def ready() -> list[Json] | None:
        items = act.cluster.call("GET", path).body["items"]
        up = [
            each
            for each in items
            if any(
                c["type"] == "Ready" and c["status"] == "True" for c in each["status"].get("conditions", [])
            )
        ]
        return up if len(up) == count else None

    names = [each["metadata"]["name"] for each in eventually(ready)]
    return [act.seen(f"{path}/{name}", "Pod") for name in names]


def budget(space: Space, allowed: int) -> None:
    """A disruption budget that wants one ready pod of ``web``, once it is known what it allows."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    space.make("poddisruptionbudgets", {"metadata": {"name": "web"}, "spec": spec})
    known = {"observedGeneration": 1, "disruptionsAllowed": allowed}
    eventually(lambda: known.items() <= space.get("poddisruptionbudgets", "web")["status"].items())


def test_an_evicted_pod_is_that_very_pod_and_another_takes_its_place(act: Act, space: Space) -> None:
    (pod,) = pods_of(act, space, 1)
    step = CATALOGUE["evict_pod"].draft(pod, {}, Context())
    assert isinstance(step, Step)
    verb = CATALOGUE["evict_pod"]
    namesake = step.model_copy(update={"uid": "another"})
    with pytest.raises(Conflict):
        act.hands.send(verb, verb.request(namesake, "p"))
    assert not is_applied(step, "p", act.live(step))
    plan = act.done(step)
    assert act.stands(plan)[0] is PlanState.SUCCEEDED
    assert step.name in act.shown(plan).diffs[0]
    eventually(lambda: is_applied(step, plan.id, act.hands.target(step)))
    eventually(lambda: [each for each in space.names("pods") if each != step.name])
    assert [one.verb for one in act.effects() if one.namespace == space.name] == ["create"]
    with pytest.raises(KubernetesError):
        act.hands.send(verb, verb.request(step, plan.id))


def test_a_spent_budget_is_told_in_the_servers_words_and_never_worked_around(act: Act, space: Space) -> None:
    (pod,) = pods_of(act, space, 1)
    step = CATALOGUE["evict_pod"].draft(pod, {}, Context())
    assert isinstance(step, Step)
    signed_before = act.rehearsed([step])
    act.signed(signed_before)
    budget(space, 0)
    asked = len(act.server.effects.all())
    act.advance(signed_before)
    state, reason = act.stands(signed_before)
    assert state is PlanState.FAILED
    assert "disruption budget web needs 1 healthy pods and has 1 currently" in reason
    assert act.stands(act.rehearsed([step]))[0] is PlanState.REFUSED
    with pytest.raises(BudgetSpent) as refused:
        act.hands.send(CATALOGUE["evict_pod"], CATALOGUE["evict_pod"].request(step, "p"))
    assert not refused.value.retryable
    assert len(act.server.effects.all()) == asked
    assert space.names("pods") == [step.name]


def test_a_drain_stops_where_the_budget_says_no_and_does_not_go_on(act: Act, space: Space) -> None:
    cordoned_node(act, space)
    pods = pods_of(act, space, 2)
    free_node(act, space)
    budget(space, 1)
    steps = drain(act.seen("/api/v1/nodes/worker-1", "Node"), pods, others=1)
    assert isinstance(steps, tuple)
    # Without a ready replacement the second eviction finds the budget spent.
    act.cluster.call("PATCH", NODE, {"spec": {"unschedulable": True}}, type=MERGE_PATCH)
    try:
        plan = act.done(*steps)
    finally:
        for name in ("worker-1", "worker-2"):
            body = {"spec": {"unschedulable": None}}
            act.cluster.call("PATCH", f"/api/v1/nodes/{name}", body, type=MERGE_PATCH)
    assert plan.tier == 3
    state, reason = act.stands(plan)
    assert state is PlanState.PARTIAL
    assert "disruption budget" in reason
    act.advance(plan)
    assert act.stands(plan)[0] is PlanState.PARTIAL
    evicted = [one for one in act.effects() if one.subresource == "eviction" and one.namespace == space.name]
    assert len(evicted) == 1
