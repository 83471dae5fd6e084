"""Verbs beyond one workload, carried through: drafted, rehearsed, signed, done, undone.

One pretend cluster and Alertmanager, one ledger, the real actor's code in this process, and the rights of the
generated manifests.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from agents.ledger.protocol import PlanState
from evals.world.kubernetes.faults import Fault
from evals.world.loopback import Asked, LoopbackServer, Reply
from tests.support.act import Act, an_act
from tests.support.kubernetes_space import Space
from tests.support.kubernetes_world import MERGE_PATCH, deployment, eventually
from tests.support.verb_cases import RULE
from tools.alertmanager import Alertmanager
from tools.kubernetes.actions.catalogue import CATALOGUE, is_applied
from tools.kubernetes.actions.drain import drain
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused
from tools.kubernetes.errors import BudgetSpent, Conflict, KubernetesError, PreconditionFailed

Json = dict[str, Any]
NODE = "/api/v1/nodes/worker-2"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies"


@pytest.fixture(scope="module")
def act(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Act]:
    with an_act(tmp_path_factory.mktemp("act")) as found:
        admin = found.cluster
        # As every real node: annotated, and with a spec of its own.
        for name in ("worker-1", "worker-2"):
            body = {"metadata": {"annotations": {"node": name}}, "spec": {"podCIDR": "10.0.0.0/24"}}
            admin.call("PATCH", f"/api/v1/nodes/{name}", body, type=MERGE_PATCH)
        admin.call(
            "POST",
            CLASSES,
            {"metadata": {"name": "fast"}, "provisioner": "csi.example", "allowVolumeExpansion": True},
        )
        yield found


@pytest.fixture
def space(act: Act) -> Space:
    return Space(act.cluster)


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
    eventually(lambda: act.cluster.call("GET", path).body["status"].get("phase") == "Bound", 60)
    return path, {"value": "20Gi", "storage_class": act.seen(f"{CLASSES}/fast", "StorageClass")}


def quota_in(act: Act, space: Space) -> tuple[str, Json]:
    body = {"metadata": {"name": "compute"}, "spec": {"hard": {"limits.memory": "4Gi"}}}
    path = put(act, f"/api/v1/namespaces/{space.name}/resourcequotas", body)
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
    eventually(lambda: "taints" not in act.cluster.call("GET", NODE).body["spec"], 60)
    return NODE, {"others": 1}


def cordoned_node(act: Act, space: Space) -> tuple[str, Json]:
    del space
    act.cluster.call("PATCH", NODE, {"spec": {"unschedulable": True}}, type=MERGE_PATCH)
    eventually(lambda: "taints" in act.cluster.call("GET", NODE).body["spec"], 60)
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
        eventually(lambda: "taints" in act.live(step)["spec"], 60)
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

    names = [each["metadata"]["name"] for each in eventually(ready, 60)]
    return [act.seen(f"{path}/{name}", "Pod") for name in names]


def budget(space: Space) -> None:
    """A disruption budget that wants one ready pod of ``web``, once it is known what it allows."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    space.make("poddisruptionbudgets", {"metadata": {"name": "web"}, "spec": spec})
    eventually(lambda: "disruptionsAllowed" in space.get("poddisruptionbudgets", "web").get("status", {}), 60)


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
    eventually(lambda: is_applied(step, plan.id, act.hands.target(step)), 60)
    eventually(lambda: [each for each in space.names("pods") if each != step.name], 60)
    assert [one.verb for one in act.effects() if one.namespace == space.name] == ["create"]
    with pytest.raises(KubernetesError):
        act.hands.send(verb, verb.request(step, plan.id))


def test_a_spent_budget_is_told_in_the_servers_words_and_never_worked_around(act: Act, space: Space) -> None:
    (pod,) = pods_of(act, space, 1)
    step = CATALOGUE["evict_pod"].draft(pod, {}, Context())
    assert isinstance(step, Step)
    signed_before = act.rehearsed([step])
    act.signed(signed_before)
    budget(space)
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
    budget(space)
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


def test_a_service_that_disappeared_comes_back_and_is_not_put_over_another(act: Act, space: Space) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    space.make("services", {"metadata": {"name": "cart", "labels": {"team": "shop"}}, "spec": spec})
    path = space.path("services", "cart")
    step = drafted(act, "restore", path, {})
    present = act.rehearsed([step])
    assert act.stands(present)[0] is PlanState.REFUSED
    assert "it is there" in act.stands(present)[1]
    act.cluster.call("DELETE", path)
    plan = act.done(step)
    assert act.stands(plan)[0] is PlanState.SUCCEEDED
    back = space.get("services", "cart")
    assert (back["metadata"]["labels"], back["spec"]["selector"]) == ({"team": "shop"}, {"app": "web"})
    assert is_applied(step, plan.id, act.live(step))
    with pytest.raises(Conflict):
        act.hands.send(CATALOGUE["restore"], CATALOGUE["restore"].request(step, plan.id))
    assert isinstance(CATALOGUE["restore"].inverse(step, back), Refused)


def test_a_name_taken_in_the_last_moment_makes_the_plan_stale(act: Act, space: Space) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    service = {"metadata": {"name": "cart"}, "spec": spec}
    space.make("services", service)
    step = drafted(act, "restore", space.path("services", "cart"), {})
    act.cluster.call("DELETE", space.path("services", "cart"))
    plan = act.rehearsed([step])
    act.signed(plan)
    actor, faults = act.server.user("actor").name, act.server.faults
    faults.add(Fault(user=actor, verb="create", namespace=space.name, dry_run=False, delay=1.5))
    doing = threading.Thread(target=act.advance, args=(plan,))
    doing.start()
    # The actor has checked everything, and its request is in the server's hands.
    eventually(lambda: not faults.as_json(), 60)
    space.make("services", service)
    doing.join(60)
    assert act.stands(plan) == (PlanState.STALE, 'services "cart" already exists')
    assert "annotations" not in space.get("services", "cart")["metadata"]


def test_a_config_map_whose_values_were_never_read_is_not_made_up(act: Act, space: Space) -> None:
    space.make("configmaps", {"metadata": {"name": "flags"}, "data": {"color": "red"}})
    seen = act.seen(space.path("configmaps", "flags"), "ConfigMap")
    refused = CATALOGUE["restore"].draft(seen, {}, Context())
    assert isinstance(refused, Refused)
    assert "never read" in refused.reason
    whole = space.get("configmaps", "flags")
    step = CATALOGUE["restore"].draft({**whole, "kind": "ConfigMap"}, {}, Context())
    assert isinstance(step, Step)
    act.cluster.call("DELETE", space.path("configmaps", "flags"))
    assert act.stands(act.done(step))[0] is PlanState.SUCCEEDED
    assert space.get("configmaps", "flags")["data"] == {"color": "red"}


def silence_for(act: Act, hours: float = 1) -> Step:
    now = datetime.now(UTC).replace(microsecond=0)
    params = {
        "incident": f"INC-{act.number + 1}",
        "namespace": "shop",
        "matchers": {"alertname": "KubePodNotReady", "namespace": "shop"},
        "link": "http://127.0.0.1:8480/incidents/1",
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=hours)).isoformat(),
    }
    step = CATALOGUE["silence"].draft({}, params, Context())
    assert isinstance(step, Step), step
    return step


def test_a_silence_mutes_the_incidents_alerts_and_can_be_ended(act: Act) -> None:
    step, labels = silence_for(act), {"alertname": "KubePodNotReady", "namespace": "shop", "pod": "a"}
    plan = act.done(step)
    assert act.stands(plan)[0] is PlanState.SUCCEEDED
    assert act.alertmanager.silences.by(labels)
    assert act.alertmanager.silences.by({**labels, "namespace": "bank"}) == []
    assert is_applied(step, plan.id, act.live(step))
    assert act.stands(act.rehearsed([step]))[0] is PlanState.REFUSED
    undo = CATALOGUE["silence"].inverse(step, act.live(step))
    assert isinstance(undo, Step)
    assert act.stands(act.done(undo))[0] is PlanState.SUCCEEDED
    assert act.alertmanager.silences.by(labels) == []
    assert act.hands.target(undo) is None
    listed = httpx.get(f"{act.alertmanager.url}/api/v2/silences", trust_env=False).json()
    assert plan.id in listed[0]["comment"]


def test_a_silence_whose_answer_got_lost_is_found_by_its_plan(act: Act) -> None:
    silences = act.alertmanager.silences

    def lossy(asked: Asked) -> Reply:
        reply = silences.answer(asked)
        if asked.method == "POST":
            raise ConnectionAbortedError
        return reply

    server, known = LoopbackServer({}, rest=lossy), act.hands
    server.start()
    act.hands = replace(known, alertmanager=Alertmanager(url=server.url))
    try:
        plan = act.done(silence_for(act))
        assert act.stands(plan)[0] is PlanState.UNKNOWN
        eventually(lambda: (act.advance(plan), act.stands(plan)[0] is PlanState.SUCCEEDED)[1], 60)
        assert act.hands.alertmanager is not None
        act.hands.alertmanager.close()
    finally:
        act.hands = known
        server.stop()
    listed = httpx.get(f"{act.alertmanager.url}/api/v2/silences", trust_env=False).json()
    assert [one["comment"].endswith(f"(plan {plan.id})") for one in listed].count(True) == 1


def test_without_alertmanager_a_silence_is_refused_in_words(act: Act) -> None:
    step = silence_for(act)
    known = act.hands
    act.hands = replace(known, alertmanager=None)
    try:
        plan = act.rehearsed([step])
    finally:
        act.hands = known
    assert act.stands(plan) == (
        PlanState.REFUSED,
        "alertmanager_url is not set, so nothing can be asked of Alertmanager",
    )


@pytest.mark.parametrize("name", ["evict_pod", "restore"])
def test_an_answer_that_got_lost_is_looked_for_and_never_sent_again(
    name: str, act: Act, space: Space
) -> None:
    """The server did it and then broke the line: the plan is UNKNOWN until the object has been read."""
    if name == "evict_pod":
        (pod,) = pods_of(act, space, 1)
        step = CATALOGUE[name].draft(pod, {}, Context())
    else:
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
        space.make("services", {"metadata": {"name": "cart"}, "spec": spec})
        step = drafted(act, name, space.path("services", "cart"), {})
        act.cluster.call("DELETE", space.path("services", "cart"))
    assert isinstance(step, Step)
    plan = act.rehearsed([step])
    act.signed(plan)
    act.server.faults.add(Fault(verb="create", namespace=space.name, dry_run=False, reset="after"))
    act.advance(plan)
    assert act.stands(plan)[0] is PlanState.UNKNOWN
    eventually(lambda: (act.advance(plan), act.stands(plan)[0] is PlanState.SUCCEEDED)[1], 60)
    assert len([one for one in act.effects() if one.namespace == space.name]) == 1
