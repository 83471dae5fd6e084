"""What runs in the cluster and is asked by it: webhooks, APIs, DNS; and what a node or a policy keeps off.

Faults that nobody tuned for, each with a twin that is well: the twin accuses nobody of it.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agents.incident import Alert
from agents.investigator.reasoning import Reasoned
from agents.investigator.survey import survey
from agents.investigator.which_places import answering
from tests.support.kube_objects import (
    Json,
    crashing,
    deployment,
    event,
    meta,
    owned_by,
    pod,
    replicaset,
    service,
    template,
    waiting,
)
from tests.support.scenes import Scene, alert, scene
from tests.support.troubles import SHORT, node
from tools.kubernetes.inventory import Inventory

CREATED = "2026-11-24T01:55:00Z"
CALL = (
    'Internal error occurred: failed calling webhook "inject.mesh.example": failed to call webhook: Post '
    '"https://mesh.mesh.svc:443/inject": no endpoints available for service "mesh"'
)
METRICS = (
    "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics "
    "for resource cpu: unable to fetch metrics from resource metrics API: the server is currently unable to "
    "handle the request (get pods.metrics.k8s.io)"
)
SCALER = alert("KubeHpaReplicasMismatch", namespace="shop", horizontalpodautoscaler="web")
ENDLESS = alert("NamespaceTerminating", namespace="old")
LOST_NAME = "dial tcp: lookup api.shop.svc on 10.96.0.10:53: i/o timeout\n"


def away(objects: list[Json], namespace: str) -> list[Json]:
    """The same objects in another namespace: what they are to each other stays."""
    said = json.dumps(objects).replace('"namespace": "shop"', f'"namespace": "{namespace}"')
    made: list[Json] = json.loads(said.replace("-shop-", f"-{namespace}-"))
    return made


def stuck(name: str, *, ready: bool = False) -> list[Json]:
    """A Deployment with a Service, whose pod waits for a volume's ConfigMap, or runs."""
    state = {"running": {"startedAt": CREATED}} if ready else waiting("ContainerCreating")
    one = pod(f"{name}-r1-aaaaa", state=state, ready=ready, phase="Running" if ready else "Pending",
              labels={"app": name})  # fmt: skip
    told = event(one, "FailedMount", 'MountVolume.SetUp failed for volume "ca" : configmap "ca" not found')
    port = [{"name": "https", "port": 443, "targetPort": 8443}]
    made = [deployment(name, replicas=1, available=int(ready)), replicaset(1, owner=name), one]
    return [*made, service(name, ports=port), *([] if ready else [told])]


def injector(*, ready: bool = False, spec: Json | None = None) -> list[Json]:
    """A mesh whose webhook every new pod passes, and a Deployment whose pods it does not let in."""
    hook = {
        "name": "inject.mesh.example",
        "failurePolicy": "Fail",
        "clientConfig": {"service": {"name": "mesh", "namespace": "mesh", "port": 443}},
        "rules": [{"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]}],
    }
    guard = {
        "kind": "MutatingWebhookConfiguration",
        "metadata": meta("MutatingWebhookConfiguration", "mesh", namespace=""),
        "webhooks": [{**hook, **(spec or {})}],
    }
    short = replicaset(1)
    short["spec"]["replicas"] = 2
    told = [] if ready else [event(short, "FailedCreate", f"Error creating: {CALL}")]
    web = deployment(available=2 if ready else 0)
    return [guard, *away(stuck("mesh", ready=ready), "mesh"), web, short, *told]


def measured(*, ready: bool = False) -> list[Json]:
    """An autoscaler without metrics, since the pod behind the API for them is not ready."""
    api = {
        "kind": "APIService",
        "metadata": meta("APIService", "v1beta1.metrics.k8s.io", namespace=""),
        "spec": {"group": "metrics.k8s.io", "service": {"name": "gauge", "namespace": "kube-system"}},
        "status": {"conditions": [{"type": "Available", "status": str(ready), "reason": "MissingEndpoints"}]},
    }
    condition = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric",
                 "message": METRICS, "lastTransitionTime": CREATED}  # fmt: skip
    hpa = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta("HorizontalPodAutoscaler", "web"),
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5},
        "status": {"conditions": [] if ready else [condition]},
    }
    given = template(resources={"requests": {"cpu": "100m"}})
    return [api, *away(stuck("gauge", ready=ready), "kube-system"), deployment(template=given), hpa]


def nameless(*, resolves: bool = False, said: str = LOST_NAME) -> Scene:
    """A container that ends because a name does not resolve, and the DNS of the cluster."""
    labels = {"app": "dns"}
    dns = pod("dns-r1-aaaaa") if resolves else crashing("dns-r1-aaaaa")
    dns["metadata"]["labels"] = labels
    made = [deployment("dns", available=int(resolves)), replicaset(1, owner="dns"), dns]
    logs = {("shop", "web-r1-aaaaa", "web"): said}
    asked = alert("KubePodCrashLooping", namespace="shop", pod="web-r1-aaaaa", container="web")
    api = [deployment("api"), service("api"), pod("api-r1-aaaaa", labels={"app": "api"})]
    sick = [*api, deployment(available=0), replicaset(1), crashing("web-r1-aaaaa")]
    return scene([*away([*made, service("kube-dns", labels)], "kube-system"), *sick], asked, logs=logs)


def fenced(said: str, *, open_dns: bool = False) -> Scene:
    """A container that crashes under a policy that closes the way out."""
    ask = {"ports": [{"port": 53, "protocol": "UDP"}]}
    inside = {"to": [{"podSelector": {}}]}
    policy = {
        "kind": "NetworkPolicy",
        "metadata": meta("NetworkPolicy", "deny"),
        "spec": {
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [inside, *([ask] if open_dns else [])],
        },
    }
    asked = alert("KubePodCrashLooping", namespace="shop", pod="web-r1-aaaaa", container="web")
    sick = [deployment(available=0), replicaset(1), crashing("web-r1-aaaaa")]
    return scene([policy, *sick], asked, logs={("shop", "web-r1-aaaaa", "web"): said})


def pressed(reason: str, *, pressure: str = "True") -> Scene:
    """A pod that only one node would do for, and that node is short of disk space, or is not."""
    full = node("n1")
    full["status"]["conditions"].append(
        {"type": "DiskPressure", "status": pressure, "lastTransitionTime": CREATED}
    )
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": reason}
    waits = pod("web-r1-aaaaa", ready=False, phase="Pending")
    waits["status"]["conditions"], waits["status"]["containerStatuses"] = [refused], []
    return scene([full, deployment(available=0), replicaset(1), waits], SHORT)


def ending(*, answers: bool = False) -> list[Json]:
    """A namespace that does not end, because an API of which nothing is left is still registered."""
    api = {
        "kind": "APIService",
        "metadata": meta("APIService", "v1beta1.custom.metrics.k8s.io", namespace=""),
        "spec": {"group": "custom.metrics.k8s.io", "service": {"name": "gone", "namespace": "old"}},
        "status": {
            "conditions": [{"type": "Available", "status": str(answers), "reason": "ServiceNotFound"}]
        },
    }
    text = "Discovery failed for some groups, 1 failing: stale GroupVersion: custom.metrics.k8s.io/v1beta1"
    old = {
        "kind": "Namespace",
        "metadata": meta("Namespace", "old", namespace="", deletionTimestamp="2026-11-24T00:30:00Z"),
        "status": {
            "conditions": [{"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": text}]
        },
    }
    return [api, old]


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
    ],
    ids=["metrics", "dns", "policy", "pressure", "namespace"],
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


def test_dns_that_is_well_is_not_blamed_for_a_name_that_does_not_resolve() -> None:
    assert first(nameless(resolves=True).reasoned)[1] == "Deployment shop/web"


@pytest.mark.parametrize("said", ["panic: index out of range\n", "Error: unknown flag: --colour\n"])
def test_a_process_that_tells_its_own_fault_is_not_the_doing_of_dns_or_a_policy(said: str) -> None:
    assert first(nameless(said=said).reasoned)[1] == "Deployment shop/web"
    assert first(fenced(said).reasoned)[1] == "Deployment shop/web"


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
