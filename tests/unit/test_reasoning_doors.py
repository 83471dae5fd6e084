"""What runs in the cluster and is asked by it: webhooks, APIs, DNS; and what a node or a policy keeps off.

Each fault has a twin that is well: the twin accuses nobody of it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.incident import Alert
from agents.investigator.reasoning import Reasoned
from agents.investigator.survey import survey
from agents.investigator.which_places import answering
from tests.support.held_out import (
    CALL,
    ENDLESS,
    LOST_NAME,
    SCALER,
    away,
    ending,
    fenced,
    giving,
    injector,
    measured,
    nameless,
    pressed,
    stuck,
)
from tests.support.kube_objects import Json, crashing, deployment, event, owned_by, pod, service, template
from tests.support.scenes import Scene, alert, scene
from tests.support.troubles import SHORT, node
from tools.kubernetes.inventory import Inventory


def first(found: Reasoned) -> tuple[str, str]:
    assert found.cause is not None, found
    return found.cause.code, str(found.cause.object)


TAINT = (
    "0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }, "
    "2 node(s) didn't match Pod's node affinity/selector."
)


@pytest.mark.parametrize(
    ("at", "code", "what"),
    [
        (scene(measured(), SCALER), "pod.start.mount_failed", "Deployment kube-system/gauge"),
        (nameless(), "workload.container.crashes", "Deployment kube-system/dns"),
        (fenced(LOST_NAME), "networkpolicy.no_dns", "NetworkPolicy shop/deny"),
        (pressed(TAINT), "node.disk_pressure", "Node n1"),
        (scene(ending(), ENDLESS), "apiservice.unavailable", "APIService v1beta1.custom.metrics.k8s.io"),
        (giving("/etc/cni/net.d", network=True), "workload.container.crashes", "DaemonSet shop/agent"),
        (
            giving("/var/lib/kubelet/device-plugins", network=False),
            "workload.container.crashes",
            "DaemonSet shop/agent",
        ),
    ],
    ids=["metrics", "dns", "policy", "pressure", "namespace", "network", "devices"],
)
def test_what_is_behind_it_comes_before_what_follows(at: Scene, code: str, what: str) -> None:
    assert first(at.reasoned) == (code, what)


def test_who_does_not_answer_for_a_webhook_comes_before_it_and_what_it_refuses() -> None:
    (cause,) = survey(scene(injector()).snapshot).causes
    assert (cause.code, str(cause.object)) == ("pod.start.mount_failed", "Deployment mesh/mesh")
    explained = {key.partition("@")[0] for key in cause.explains}
    assert {"webhook.pods_not_ready", "workload.create.webhook_unreachable"} <= explained


def test_where_nothing_may_be_changed_behind_a_webhook_it_is_the_cause_itself() -> None:
    found = scene(injector(), SHORT).reasoned
    assert first(found) == ("webhook.pods_not_ready", "MutatingWebhookConfiguration mesh")
    assert ("pod.start.mount_failed", "Deployment mesh/mesh") in [
        (one.code, str(one.object)) for one in found.hypotheses
    ]


@pytest.mark.parametrize(
    "at",
    [
        scene(injector(ready=True), SHORT),
        scene(measured(ready=True), SCALER),
        scene([], ENDLESS),
    ],
    ids=["webhook", "metrics", "namespace"],
)
def test_where_all_of_it_answers_nothing_is_the_cause(at: Scene) -> None:
    assert at.reasoned.cause is None
    assert survey(at.snapshot).causes == ()


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (giving("/var/log", network=True), "node.network_plugin_down"),
        (giving("/var/log", network=False), "node.devices_unusable"),
        (giving("/opt/cni/bin", network=False), "node.devices_unusable"),
    ],
    ids=["no network of its making", "no devices of its making", "networks are no devices"],
)
def test_a_pod_that_gives_its_node_nothing_of_it_is_not_blamed_for_what_the_node_lacks(
    at: Scene, code: str
) -> None:
    assert first(at.reasoned) == (code, "Node n1")


def test_dns_that_is_well_is_not_blamed_for_a_name_that_does_not_resolve() -> None:
    assert first(nameless(resolves=True).reasoned)[1] == "Deployment shop/web"


@pytest.mark.parametrize("said", ["panic: index out of range\n", "Error: unknown flag: --colour\n"])
def test_a_process_that_tells_its_own_fault_is_not_the_doing_of_dns_or_a_policy(said: str) -> None:
    assert first(nameless(said=said).reasoned)[1] == "Deployment shop/web"
    assert first(fenced(said).reasoned)[1] == "Deployment shop/web"


def test_a_policy_is_no_cause_for_a_pod_that_is_well_or_for_an_alert_that_names_nothing() -> None:
    policy = fenced(LOST_NAME).inventory.by_kind["NetworkPolicy"][0]
    well = [policy, deployment(), pod("web-r1-aaaaa")]
    named = alert("KubePodNotReady", namespace="shop", pod="web-r1-aaaaa")
    assert scene(well, named).reasoned.cause is None
    assert scene([*ending(), *well], alert("SomethingIsWrong")).reasoned.cause is None
    assert scene([node("n1", "False")], alert("SomethingIsWrong")).reasoned.cause is None


def test_a_policy_that_lets_pods_ask_dns_is_not_the_cause() -> None:
    assert first(fenced(LOST_NAME, open_dns=True).reasoned)[1] == "Deployment shop/web"


@pytest.mark.parametrize(
    ("reason", "pressure"),
    [
        (TAINT.replace("disk-pressure", "memory-pressure"), "True"),
        ("0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }, "
         "2 Insufficient cpu.", "True"),
        (TAINT, "False"),
    ],
    ids=["another taint", "the others are full", "the node is well"],
)  # fmt: skip
def test_a_node_is_the_cause_only_where_its_own_state_keeps_the_pod_off(reason: str, pressure: str) -> None:
    assert first(pressed(reason, pressure=pressure).reasoned)[1] == "Deployment shop/web"


def test_a_webhook_that_refuses_its_own_pods_is_the_way_in() -> None:
    objects = injector()
    own = next(
        one for one in objects if one["kind"] == "ReplicaSet" and one["metadata"]["namespace"] == "mesh"
    )
    own["spec"]["replicas"] = 1
    told = event(own, "FailedCreate", f"Error creating: {CALL}")
    told["involvedObject"]["namespace"] = told["metadata"]["namespace"] = "mesh"
    gone = [one for one in objects if one["kind"] != "Pod" and one.get("reason") != "FailedMount"]
    (cause,) = survey(scene([*gone, told]).snapshot).causes
    assert str(cause.object) == "MutatingWebhookConfiguration mesh"


def test_only_an_api_that_somebody_here_waits_for_is_looked_behind() -> None:
    api, hpa = measured()[0], measured()[-1]
    assert answering(Inventory.of_list({"items": [api, hpa]}), ["shop"]) == ["kube-system"]
    assert answering(Inventory.of_list({"items": [api, hpa]}), ["shop", "kube-system"]) == []
    assert answering(Inventory.of_list({"items": [api]}), ["shop"]) == []
    assert answering(Inventory.of_list({"items": [measured(ready=True)[0], hpa]}), ["shop"]) == []


STRANGERS: tuple[list[Json], ...] = (
    [crashing("noise-r1-aaaaa", labels={"app": "noise"})],
    [deployment("well"), service("well"), pod("well-r1-aaaaa", labels={"app": "well"})],
    [node("stranger", "False")],
    away(stuck("other"), "elsewhere"),
    [pod("one-r1-a", labels={"job": "x"}, ownerReferences=owned_by("Job", "x"))],
    [deployment("plain", template=template("plain"), replicas=4, available=1)],
)


@pytest.mark.parametrize("stranger", range(len(STRANGERS)))
@pytest.mark.parametrize(
    "at", [scene(injector(), SHORT), scene(measured(), SCALER), nameless(), pressed(TAINT)]
)
def test_strangers_change_nothing_of_it(at: Scene, stranger: int) -> None:
    listed = [obj for found in at.inventory.by_kind.values() for obj in found]
    crowd: list[Json] = [*STRANGERS[stranger], *listed]
    asked: tuple[Alert, ...] = at.alerts
    after = replace(at, inventory=Inventory.of_list({"items": crowd}), alerts=asked)
    assert first(after.reasoned) == first(at.reasoned)
