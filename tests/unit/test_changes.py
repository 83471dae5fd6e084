"""What changed before the trouble began: by whom, how long before, and what touches the alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.change import Change
from agents.investigator.changes import changed, changes, near
from agents.investigator.citations import checked
from agents.investigator.targets import targets
from tests.support.kube_objects import Json, container, deployment, meta, pod, replicaset, service, template
from tests.support.scenes import START, alert, evidence
from tools.kubernetes.inventory import Inventory
from tools.redaction import redact

CONTROLLER = "kube-controller-manager"
HELM = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "shop"},
}
LONG_AGO = "2026-11-20T00:00:00Z"


def ago(minutes: float) -> str:
    return f"{START - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def entry(manager: str, minutes: float, *paths: str, **more: Any) -> Json:
    """A managedFields entry as the server sends it; paths of two parts."""
    owned: Json = {}
    for path in paths:
        upper, _, lower = path.partition(".")
        owned.setdefault(f"f:{upper}", {})[f"f:{lower}"] = {}
    return {"manager": manager, "operation": "Update", "time": ago(minutes), "fieldsV1": owned, **more}


def thing(kind: str, name: str, *entries: Json, made: str = LONG_AGO, **more: Any) -> Json:
    marks = meta(kind, name, managedFields=list(entries), creationTimestamp=made, **more.pop("meta", {}))
    return {"kind": kind, "metadata": marks, **more}


def snapshot(*objects: Json) -> Snapshot:
    return Snapshot(
        inventory=Inventory.of_list({"kind": "List", "items": list(objects)}),
        taken_at=START + timedelta(minutes=10),
        began=START,
    )


def told(*objects: Json, hours: float = 6) -> list[str]:
    return [str(one).partition(" UTC ")[2] for one in changes(snapshot(*objects), START, hours)]


def rolled(before: Json, after: Json, *, first: float = 9_000, second: float = 5, **more: Any) -> list[Json]:
    """Deployment ``web`` with two revisions, the second rolled out by ``ci`` some minutes before."""
    return [
        deployment(template=after, managedFields=[entry("ci", second, "spec.template")], **more),
        replicaset(1, template=before, meta={"creationTimestamp": ago(first)}),
        replicaset(2, template=after, ready=1, meta={"creationTimestamp": ago(second)}),
    ]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"image": "shop/web:1"}, {"image": "shop/web:2"}, "image of web: shop/web:1 → shop/web:2"),
        ({"env": [{"name": "A", "value": "x1"}]}, {"env": [{"name": "A", "value": "x2"}]}, "env A of web"),
        ({"env": []}, {"env": [{"name": "B", "value": "topsecretvalue"}]}, "env B of web"),
        ({"resources": {"limits": {"memory": "256Mi"}}}, {"resources": {"limits": {"memory": "64Mi"}}},
         "memory limit of web: 256Mi → 64Mi"),
        ({}, {"resources": {"requests": {"cpu": "2"}}}, "cpu request of web: 2, new"),
        ({"readinessProbe": {"httpGet": {"port": 80}}}, {"readinessProbe": {"httpGet": {"port": 81}}},
         "readinessProbe of web, httpGet.port: 80 → 81"),
        ({}, {"livenessProbe": {"httpGet": {"port": 81, "path": "/"}}}, "livenessProbe of web"),
        ({"args": ["-a"]}, {"args": ["-b"]}, "args of web"),
    ],
)  # fmt: skip
def test_a_rollout_is_told_with_what_differs_from_the_revision_before(
    before: Json, after: Json, words: str
) -> None:
    (line,) = told(*rolled(template(**before), template(**after)))
    assert line == f"Deployment shop/web: revision 2 was rolled out ({words}), by ci"
    assert "topsecretvalue" not in line


def test_volumes_and_labels_are_told_and_many_differences_are_counted() -> None:
    after = template(image="shop/web:2", args=["-b"], command=["x"], workingDir="/x")
    after["metadata"]["labels"]["tier"] = "front"
    after["spec"]["volumes"] = [{"name": "data", "emptyDir": {"medium": "Memory"}}]
    (line,) = told(*rolled(template(), after))
    assert "image of web" in line
    assert "2 more" in line


def test_a_restart_and_a_roll_back_are_rollouts_too() -> None:
    again = template()
    again["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": ago(5)}
    (line,) = told(*rolled(template(), again))
    assert "a restart: the template is the same" in line
    back = [
        deployment(managedFields=[entry("kubectl-rollout", 4, "spec.template")]),
        replicaset(3, ready=1, meta={"creationTimestamp": ago(9_000)}),
        replicaset(2, template=template(image="shop/web:2"), meta={"creationTimestamp": ago(900)}),
    ]
    (line,) = told(*back)
    assert line.startswith("Deployment shop/web: revision 3 was rolled out (image of web: shop/web:2 → ")
    assert line.endswith("by kubectl-rollout")


def test_what_is_older_than_the_window_or_younger_than_the_alert_did_not_change_before_it() -> None:
    assert told(*rolled(template(), template(args=["-b"]), second=400)) == []
    assert told(*rolled(template(), template(args=["-b"]), second=-3)) == []
    assert told(*rolled(template(), template(args=["-b"]), second=400), hours=7) != []


@pytest.mark.parametrize(
    ("obj", "line"),
    [
        (thing("ConfigMap", "web", entry("kubectl-edit", 9, "data.app.yaml"), data={"app.yaml": "secret: x"}),
         "ConfigMap shop/web: was written (data.app.yaml), by kubectl-edit"),
        (thing("Secret", "web", entry("vault", 9, "data.password"), data={"password": "aHVudGVyMg=="}),
         "Secret shop/web: was written (data), by vault"),
        (thing("ConfigMap", "new", entry("ci", 9, "data.a"), made=ago(9), data={"a": "b"}),
         "ConfigMap shop/new: was made, by ci"),
        (thing("ResourceQuota", "q", entry("kubectl", 9, "spec.hard"), spec={"hard": {"pods": "1"}}),
         "ResourceQuota shop/q: was written (spec.hard), by kubectl"),
        (thing("LimitRange", "l", entry("kubectl", 9, "spec.limits")),
         "LimitRange shop/l: was written (spec.limits), by kubectl"),
        (thing("HorizontalPodAutoscaler", "h", entry("ci", 9, "spec.maxReplicas")),
         "HorizontalPodAutoscaler shop/h: was written (spec.maxReplicas), by ci"),
        (thing("NetworkPolicy", "deny", entry("ci", 9, "spec.ingress")),
         "NetworkPolicy shop/deny: was written (spec.ingress), by ci"),
        (thing("Ingress", "front", entry("ci", 9, "metadata.annotations")),
         "Ingress shop/front: was written (metadata.annotations), by ci"),
        (thing("Service", "web", entry("ci", 9, "spec.selector"), spec={}),
         "Service shop/web: was written (spec.selector), by ci"),
        (thing("StatefulSet", "db", entry("ci", 9, "spec.template"), spec={}),
         "StatefulSet shop/db: was written (spec.template), by ci"),
        (deployment(managedFields=[entry("kubectl", 9, "spec.replicas", subresource="scale")], replicas=7),
         "Deployment shop/web: was scaled (it asks for 7 replicas now), by kubectl"),
        (deployment(managedFields=[entry(CONTROLLER, 9, "spec.replicas", subresource="scale")]),
         "Deployment shop/web: was scaled (it asks for 2 replicas now), by an autoscaler"),
        (thing("Service", "web", entry("argocd-controller", 9, "spec.ports"), spec={}),
         "Service shop/web: was written (spec.ports), by argocd-controller, kept by Argo CD"),
        (thing("ConfigMap", "c", entry("helm", 9, "data.a"), meta=HELM),
         "ConfigMap shop/c: was written (data.a), by helm, kept by Helm release shop"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_write_is_told_with_who_and_which_fields_are_theirs(obj: Json, line: str) -> None:
    assert told(obj) == [line]
    assert "hunter2" not in str(changes(snapshot(obj), START))


@pytest.mark.parametrize(
    "obj",
    [
        thing("Service", "web", entry("kube-controller-manager", 9, "spec.ports"), spec={}),
        thing("HorizontalPodAutoscaler", "h", entry("ci", 9, "status.x", subresource="status")),
        thing("ConfigMap", "kube-root-ca.crt", entry("x", 9, "data.ca.crt"), data={}),
        thing("ConfigMap", "lock", entry("x", 9, "data.a"),
              meta={"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}),
        thing("ConfigMap", "labelled", entry("x", 9, "metadata.labels"), data={}),
        pod(managedFields=[entry("kubelet", 9, "status.phase")]),
    ],
)  # fmt: skip
def test_controllers_at_their_daily_work_changed_nothing(obj: Json) -> None:
    assert told(obj) == []


def node(**more: Any) -> Json:
    found = thing("Node", "n1", *more.pop("entries", ()), made=more.pop("made", LONG_AGO))
    found["metadata"]["namespace"] = ""
    return found | {"spec": more.pop("spec", {}), "status": more.pop("status", {})}


def test_nodes_tell_who_cordoned_them_and_that_they_came_or_came_back() -> None:
    cordon = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": ago(9)}
    by = [entry("kubectl-cordon", 9, "spec.unschedulable")]
    assert told(node(spec={"taints": [cordon]}, entries=by)) == ["Node n1: was cordoned, by kubectl-cordon"]
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": ago(8)}
    assert told(node(status={"conditions": [ready]})) == ["Node n1: became ready"]
    assert told(node(made=ago(7))) == ["Node n1: joined the cluster"]
    reboot = {"kind": "Event", "metadata": meta("Event", "n1.1", namespace="default"), "reason": "Rebooted",
              "involvedObject": {"kind": "Node", "name": "n1"}, "lastTimestamp": ago(6)}  # fmt: skip
    assert told(node(), reboot) == ["Node n1: was rebooted"]
    assert told(node()) == []


def world() -> list[Json]:
    """Deployment ``web`` on node n1 with a ConfigMap, a Service and much that has nothing to do with it."""
    spec = template(envFrom=[{"configMapRef": {"name": "web-config"}}])
    write = entry("ci", 9, "data.a")
    cordon = {"key": "node.kubernetes.io/unschedulable", "timeAdded": ago(8)}
    other = node(spec={"taints": [cordon]})
    other["metadata"]["name"] = "n2"
    path = {"backend": {"service": {"name": "web"}}}
    return [
        deployment(template=spec),
        replicaset(2, template=spec, ready=1, meta={"creationTimestamp": LONG_AGO}),
        pod("web-r2-a", spec={"nodeName": "n1", "containers": spec["spec"]["containers"]}),
        thing("ConfigMap", "web-config", write, data={"a": "b"}),
        thing("ConfigMap", "other-config", write, data={"a": "b"}),
        thing("ResourceQuota", "quota", entry("ci", 7, "spec.hard")),
        thing("NetworkPolicy", "for-web", entry("ci", 6, "spec.ingress"),
              spec={"podSelector": {"matchLabels": {"app": "web"}}}),
        thing("NetworkPolicy", "for-db", entry("ci", 6, "spec.ingress"),
              spec={"podSelector": {"matchLabels": {"app": "db"}}}),
        thing("Ingress", "front", entry("ci", 5, "spec.rules"),
              spec={"rules": [{"http": {"paths": [path]}}]}),
        thing("Ingress", "back", entry("ci", 5, "spec.rules"), spec={"rules": []}),
        thing("Service", "web", spec=service("web")["spec"]),
        node(spec={"taints": [cordon]}),
        other,
    ]  # fmt: skip


def around(*objects: Json) -> list[str]:
    look = snapshot(*objects)
    about = targets([alert(deployment="web", namespace="shop")], look.inventory)
    return [str(one.object) for one in near(changes(look, START), look, about)]


def test_only_changes_that_touch_what_the_alert_is_about_are_near_it_and_the_nearest_comes_first() -> None:
    assert around(*world()) == [
        "Ingress shop/front",
        "NetworkPolicy shop/for-web",
        "ResourceQuota shop/quota",
        "Node n1",
        "ConfigMap shop/web-config",
    ]


def test_an_alert_that_names_only_its_namespace_has_all_of_it_near() -> None:
    look = snapshot(*world())
    found = near(changes(look, START), look, targets([alert(namespace="shop")], look.inventory))
    assert {one.object.kind for one in found} == {"Ingress", "NetworkPolicy", "ResourceQuota", "ConfigMap"}


def test_each_change_is_a_claim_that_its_evidence_carries_and_without_evidence_none_is_made() -> None:
    look = snapshot(*world())
    about = targets([alert(deployment="web", namespace="shop")], look.inventory)
    assert changed(look, about) == ()
    stored = evidence(9, "writes", redact("\n".join(map(str, changes(look, START)))))
    cited = replace(look, evidence={"Change": ("E9",)})
    kept, dropped = checked(changed(cited, about), {"E9": stored})
    assert (len(kept), dropped) == (5, ())


def test_a_change_is_one_line_whatever_stands_in_it() -> None:
    (one,) = changes(snapshot(*rolled(template(), template(image="x\ny:1"))), START)
    assert isinstance(one, Change)
    assert "\n" not in str(one)
    assert container()["name"] in str(one)
