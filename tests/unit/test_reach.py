"""How far a proposal reaches: along what the objects say, each case beside one without the link."""

from __future__ import annotations

import pytest

from agents.incident import Alert
from agents.investigator.proposals import Limits, NoPlan, Proposal, Proposed, propose
from agents.investigator.targets_touched import radius_of
from agents.investigator.which_places import answering
from tests.support.kube_objects import Json, deployment, meta, pod, replicaset
from tests.support.scenes import alert, scene
from tests.support.surroundings import (
    HOOK,
    call_failed,
    guard,
    hooked,
    nameless,
    short,
    shut_out,
    space,
)
from tests.support.troubles import SHORT, node, starved
from tools.kubernetes.inventory import Inventory

CALLS_FAIL = alert("CallsFail", namespace="shop", service="web")


def proposed(objects: list[Json], asked: Alert = SHORT, limits: Limits | None = None) -> Proposal:
    at = scene(objects, asked)
    return propose(at.case, at.reasoned.cause, limits or Limits())


def changed(objects: list[Json], asked: Alert = SHORT) -> tuple[str, Json]:
    found = proposed(objects, asked)
    assert isinstance(found, Proposed), found
    return found.step.verb, dict(found.step.set)


def refused(**more: object) -> list[Json]:
    return [*short(call_failed()), hooked(**more), space(team="shop"), *guard()]


def test_a_webhook_that_nobody_answers_fails_open_for_the_workload_it_stops() -> None:
    assert changed(refused()) == ("webhook", {"/webhooks/0/failurePolicy": "Ignore"})


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([*refused()[:-2], *guard(answers=True)], id="somebody answers"),
        pytest.param([*short(call_failed()), hooked(), *guard()], id="labels of the namespace were not read"),
        pytest.param(
            [*short(call_failed()), hooked(), space(team="bank"), *guard()], id="not asked about shop"
        ),
        pytest.param(refused(rules=[]), id="not asked about pods"),
        pytest.param(
            refused(objectSelector={"matchLabels": {"app": "cart"}}), id="not asked about these pods"
        ),
        pytest.param(refused(failurePolicy="Ignore"), id="it fails open already"),
    ],
)
def test_a_webhook_is_left_alone_unless_it_stops_these_very_pods(objects: list[Json]) -> None:
    found = proposed(objects)
    assert isinstance(found, NoPlan), found


def test_what_is_in_no_namespace_touches_no_pods_and_no_budget() -> None:
    at = scene(refused(), SHORT)
    found = propose(at.case, at.reasoned.cause, Limits())
    assert isinstance(found, Proposed)
    touched = radius_of(found.step, at.case)
    assert (touched.replicas, touched.budget, touched.services) == (None, None, ())


def test_only_the_home_of_a_known_webhook_that_failed_is_looked_at_too() -> None:
    events = [one for one in short(call_failed()) if one["kind"] == "Event"]
    both = Inventory.of_list({"items": [*events, hooked()]})
    assert answering(both, ["shop"]) == ["guard"]
    assert answering(both, ["shop", "guard"]) == []
    assert answering(Inventory.of_list({"items": events}), ["shop"]) == []
    assert answering(Inventory.of_list({"items": [hooked()]}), ["shop"]) == []


def test_a_quota_gets_room_for_the_pods_that_are_missing() -> None:
    assert changed(starved()) == ("quota", {"/spec/hard/pods": "2"})


def test_a_quota_of_memory_gets_what_the_missing_pods_ask_for() -> None:
    objects = starved()
    full, owner = objects[0], objects[2]
    hard = {"limits.memory": "512Mi", "pods": "9"}
    full["spec"]["hard"], full["status"] = (
        hard,
        {"hard": hard, "used": {"limits.memory": "512Mi", "pods": "1"}},
    )
    owner["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": "200Mi"}}
    assert changed(objects) == ("quota", {"/spec/hard/limits.memory": "712Mi"})


def test_a_quota_that_would_have_to_grow_beyond_policy_or_in_two_places_is_advice() -> None:
    objects = starved()
    objects[2]["spec"]["replicas"] = 5
    assert isinstance(proposed(objects), NoPlan)
    objects = starved()
    hard = {"pods": "1", "count/pods": "1"}
    objects[0]["spec"]["hard"], objects[0]["status"] = hard, {"hard": hard, "used": hard}
    assert isinstance(proposed(objects), NoPlan)


def test_a_quota_of_a_namespace_where_no_pod_is_missing_is_left_alone() -> None:
    objects = starved()
    objects[2]["status"]["replicas"] = 2
    objects[1]["status"]["availableReplicas"] = 2
    assert isinstance(proposed(objects), NoPlan)


def test_a_caller_that_is_shut_out_is_let_in_on_the_port_it_calls() -> None:
    verb, values = changed(shut_out(), CALLS_FAIL)
    assert verb == "network_policy"
    let_in = {
        "from": [{"podSelector": {"matchLabels": {"app": "web"}}}],
        "ports": [{"port": 5432, "protocol": "TCP"}],
    }
    assert values["/spec/ingress"][1:] == [let_in]


def test_a_policy_that_shuts_out_somebody_else_is_left_alone() -> None:
    others = shut_out("cart")
    others[0]["metadata"]["labels"] = others[0]["spec"]["template"]["metadata"]["labels"] = {"app": "cart"}
    objects = [*others[:-1], *shut_out()[:2], others[-1]]
    objects[-1]["spec"]["ingress"][0]["from"] = [{"podSelector": {"matchLabels": {"app": "web"}}}]
    found = proposed(objects, CALLS_FAIL)
    assert isinstance(found, NoPlan), found


def test_pods_that_may_ask_nobody_for_names_may_ask_the_clusters_dns() -> None:
    verb, values = changed(nameless(), CALLS_FAIL)
    assert verb == "network_policy"
    (rule,) = values["/spec/egress"][1:]
    assert [one["port"] for one in rule["ports"]] == [53, 53]
    assert rule["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}


def test_dns_pods_that_carry_another_label_are_not_guessed() -> None:
    strange = {
        "kind": "Pod",
        "metadata": meta("Pod", "dns-1", namespace="kube-system", labels={"app": "dns"}),
    }
    found = proposed([*nameless(), strange], CALLS_FAIL)
    assert isinstance(found, NoPlan), found


def test_the_hook_of_the_event_is_the_hook_that_is_changed() -> None:
    two = hooked()
    two["webhooks"].insert(0, {**two["webhooks"][0], "name": "other.example"})
    verb, values = changed([*short(call_failed(HOOK)), two, space(team="shop"), *guard()])
    assert (verb, values) == ("webhook", {"/webhooks/1/failurePolicy": "Ignore"})


def cordoned(*taints: Json, waits: bool = True, **pod_spec: object) -> list[Json]:
    """Node ``n1``, ready and cordoned, and a pod of ``web`` that no node takes."""
    closed = node("n1")
    closed["spec"] = {
        "unschedulable": True,
        "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, *taints],
    }
    lost = pod("web-r1-bbbbb", phase="Pending", ready=False, state={}, spec=dict(pod_spec))
    said = "0/1 nodes are available: 1 node(s) were unschedulable."
    refusal = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    lost["status"] = {"phase": "Pending", "conditions": [refusal]}
    return [closed, deployment(available=1), replicaset(1), pod("web-r1-aaaaa"), *([lost] if waits else [])]


def test_a_cordoned_node_is_opened_for_pods_that_would_go_there() -> None:
    found = proposed(cordoned())
    assert isinstance(found, Proposed), found
    assert (found.step.verb, str(found.step.target)) == ("uncordon", "Node n1")
    assert "only if the work" in found.why


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param(
            cordoned({"key": "patching", "effect": "NoSchedule"}), id="another taint keeps them out"
        ),
        pytest.param(cordoned(nodeSelector={"disk": "ssd"}), id="they would not go there"),
        pytest.param(cordoned(waits=False), id="nobody waits"),
    ],
)
def test_a_cordoned_node_that_helps_nobody_is_left_as_it_is(objects: list[Json]) -> None:
    found = proposed(objects)
    assert isinstance(found, NoPlan) or found.step.verb != "uncordon", found
