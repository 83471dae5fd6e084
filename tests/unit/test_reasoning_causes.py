"""What follows from what: along quotas, nodes, volumes, calls and time, and never backwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agents.incident import Alert
from agents.investigator.analyzers.registry import analyze
from agents.investigator.reasoning import Answer, Reasoned, reason
from agents.investigator.reasoning_case import Case
from agents.investigator.survey import survey
from agents.investigator.targets import targets
from tests.support.kube_objects import (
    Json,
    crashing,
    deployment,
    event,
    meta,
    pod,
    replicaset,
    service,
    template,
)
from tests.support.scenes import alert, scene
from tests.support.troubles import SHORT, node, starved, unconfigured
from tools.kubernetes.objects import ref_of

EARLY, LATE = "2026-11-24T01:57:00Z", "2026-11-24T02:09:30Z"
ERRORS = alert("HttpErrorRateHigh", namespace="shop", service="web")
LOGS = {("shop", "web-r1-aaaaa", "web"): "dial tcp 10.0.0.7:5432: connect: connection refused\n"}


def think(objects: list[Json], *alerts: Alert, logs: Any = None) -> Reasoned:
    return scene(objects, *alerts, logs=logs).reasoned


def ranked(found: Reasoned) -> list[tuple[str, str]]:
    return [(one.code, str(one.object)) for one in found.hypotheses]


def followed(found: Reasoned) -> set[str]:
    assert found.cause is not None, found
    return {key.partition("@")[0] for key in found.cause.explains if "@" in key}


def test_a_quota_explains_what_is_refused_and_that_explains_what_is_short() -> None:
    found = think(starved(), SHORT)
    assert ranked(found) == [("quota.used_up", "ResourceQuota shop/compute")]
    assert {"workload.create.quota_exceeded", "deployment.replicas_short"} <= followed(found)


def test_a_quota_that_is_full_explains_nothing_that_it_did_not_refuse() -> None:
    full = starved()[0]
    objects = [full, deployment(available=1), replicaset(1), crashing("web-r1-aaaaa")]
    assert ranked(think(objects, SHORT))[0] == ("workload.container.crashes", "Deployment shop/web")


def test_a_missing_config_explains_the_pod_that_waits_for_it() -> None:
    found = think(unconfigured(), SHORT)
    assert ranked(found) == [("config.configmap_missing", "Deployment shop/web")]
    assert "pod.container.config_error" in followed(found)
    assert "needs ConfigMap settings" in found.hypotheses[0].sentence


def test_a_config_that_several_lack_is_one_cause() -> None:
    wanted = template("cart", envFrom=[{"configMapRef": {"name": "settings"}}])
    objects = [*unconfigured(), deployment("cart", available=0, template=wanted)]
    found = think(objects, SHORT)
    assert ranked(found) == [("config.configmap_missing", "Deployment shop/web")]
    assert found.hypotheses[0].facts["workloads"] == ["Deployment shop/cart", "Deployment shop/web"]


def test_a_node_that_is_gone_explains_its_pods_and_not_those_elsewhere() -> None:
    on = {"spec": {"nodeName": "n1"}}
    sick = pod("web-r1-aaaaa", ready=False, **on)
    objects = [node("n1", "Unknown"), deployment(available=1), replicaset(1), sick, pod("web-r1-bbbbb")]
    found = think(objects, SHORT)
    assert ranked(found)[0][1] == "Node n1"
    assert "deployment.replicas_short" in followed(found)
    elsewhere = pod("web-r1-aaaaa", ready=False, spec={"nodeName": "n2"})
    assert think([*objects[:3], elsewhere, pod("web-r1-bbbbb")], SHORT).answer is Answer.NOT_ESTABLISHED


def calls_db(**more: Any) -> list[Json]:
    """``web`` is told to call ``db``; both have a Service and a pod."""
    web = deployment(available=more.pop("available", 2))
    web["addresses"] = [{"container": "web", "env": "DB", "service": "db", "namespace": "shop", "port": 5432}]
    port = [{"port": 5432, "targetPort": 5432}]
    return [
        web,
        replicaset(1),
        service(),
        deployment("db", available=0),
        replicaset(1, owner="db"),
        service("db", ports=port),
    ]


def test_a_database_that_is_down_explains_its_callers_and_not_the_reverse() -> None:
    down = crashing("db-r1-aaaaa", labels={"app": "db"})
    objects = [*calls_db(available=0), down, crashing("web-r1-aaaaa")]
    found = think(objects, ERRORS, logs=LOGS)
    assert [one[1] for one in ranked(found)] == ["Deployment shop/db", "Deployment shop/web"]
    assert "pod.container.crash_loop" in followed(found)
    healthy = [
        *calls_db(available=0)[:3],
        deployment("db"),
        service("db"),
        pod("db-r1-a", labels={"app": "db"}),
    ]
    (alone,) = think([*healthy, crashing("web-r1-aaaaa")], ERRORS, logs=LOGS).hypotheses
    assert str(alone.object) == "Deployment shop/web"


def test_errors_of_a_healthy_caller_lead_to_the_service_it_calls() -> None:
    objects = [*calls_db(), pod("web-r1-aaaaa"), crashing("db-r1-aaaaa", labels={"app": "db"})]
    found = think(objects, ERRORS)
    assert ranked(found) == [("workload.container.crashes", "Deployment shop/db")]
    assert found.confidence != "high"


def test_a_caller_that_tells_its_own_fault_is_believed() -> None:
    down = crashing("db-r1-aaaaa", labels={"app": "db"})
    own = {("shop", "web-r1-aaaaa", "web"): "panic: runtime error: index out of range\n"}
    objects = [*calls_db(available=0), down, crashing("web-r1-aaaaa")]
    assert ranked(think(objects, ERRORS, logs=own))[0] == (
        "workload.container.crashes",
        "Deployment shop/web",
    )


def test_two_that_call_each_other_are_not_explained_by_one_another() -> None:
    objects = calls_db(available=0)
    objects[0]["addresses"][0]["port"] = None
    objects[3]["addresses"] = [
        {"container": "web", "env": "W", "service": "web", "namespace": "shop", "port": None}
    ]
    sick = [crashing("db-r1-aaaaa", labels={"app": "db"}), crashing("web-r1-aaaaa")]
    found = think([*objects, *sick], ERRORS)
    assert ranked(found)[0] == ("workload.container.crashes", "Deployment shop/web")


def switched(at: str) -> list[Json]:
    """A ConfigMap written then, which ``web`` reads at its start; its pod fails its probe since 01:58."""
    wanted = template(envFrom=[{"configMapRef": {"name": "flags"}}])
    wrote = {"manager": "rotator", "time": at, "operation": "Update"}
    flags = {
        "kind": "ConfigMap",
        "metadata": meta("ConfigMap", "flags", managedFields=[wrote]),
        "data": {"A": "1"},
    }
    probe = {"readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}}}
    sick = pod("web-r1-aaaaa", ready=False, container=probe)
    sick["status"]["startTime"] = "2026-11-23T00:00:00Z"
    fails = event(sick, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    return [flags, deployment(available=0, template=wanted), replicaset(1, template=wanted), sick, fails]


def test_a_change_just_before_explains_what_fails_since() -> None:
    found = think(switched(EARLY), SHORT)
    assert [one[0] for one in ranked(found)] == ["config.changed_since_start", "pod.probe.fails"]
    assert "by rotator" in found.hypotheses[0].sentence


def test_a_change_after_the_trouble_began_or_long_before_it_is_no_cause() -> None:
    for at in (LATE, "2026-11-23T05:00:00Z"):
        found = think(switched(at), SHORT)
        assert ranked(found)[0] == ("pod.probe.fails", "Deployment shop/web"), at
        assert len(found.hypotheses) == 1


def test_a_claim_without_a_volume_explains_the_pod_that_waits_for_it() -> None:
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": meta("PersistentVolumeClaim", "data"),
        "spec": {"storageClassName": "gone", "accessModes": ["ReadWriteOnce"]},
        "status": {"phase": "Pending"},
    }
    classes = {"kind": "StorageClass", "metadata": meta("StorageClass", "fast", namespace="")}
    refused = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    }
    mounts = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    waits = pod("web-r1-aaaaa", ready=False, phase="Pending", spec=mounts)
    waits["status"] |= {"conditions": [refused], "containerStatuses": []}
    found = think([claim, classes, deployment(available=0), replicaset(1), waits], SHORT)
    assert ranked(found) == [("pvc.class_missing", "PersistentVolumeClaim shop/data")]
    assert "pod.scheduling.unschedulable" in followed(found)


def test_standing_defects_are_no_signs_of_todays_trouble() -> None:
    guard = {
        "kind": "PodDisruptionBudget",
        "metadata": meta("PodDisruptionBudget", "old"),
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "nobody"}}},
    }
    objects = [deployment(available=1), replicaset(1), crashing("web-r1-aaaaa"), guard]
    assert ranked(think(objects, SHORT)) == [("workload.container.crashes", "Deployment shop/web")]


def test_a_look_without_an_alert_lists_each_cause_once() -> None:
    found = survey(scene([*starved(), *switched(EARLY)[:1]]).snapshot)
    assert [one.code for one in found.causes] == ["quota.used_up"]


def cordoned(name: str) -> Json:
    return {**node(name), "spec": {"unschedulable": True}}


def test_a_cordon_is_felt_by_those_that_find_no_place_and_not_by_what_runs_there() -> None:
    runs = [deployment(), replicaset(1), pod("web-r1-aaaaa", spec={"nodeName": "worker-1"})]
    runs.append(cordoned("worker-1"))
    assert think(runs, alert("KubePodUnschedulable", namespace="shop", deployment="web")).cause is None
    waits = refused_pod("0/1 nodes are available: 1 node(s) were unschedulable.")
    found = think([*runs, waits], alert("KubePodUnschedulable", namespace="shop", pod="web-r1-bbbbb"))
    assert "node.cordoned" in [code for code, _ in ranked(found)]


def refused_pod(reason: str) -> Json:
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": reason}
    waits = pod("web-r1-bbbbb", ready=False, phase="Pending")
    waits["status"]["conditions"], waits["status"]["containerStatuses"] = [refused], []
    return waits


def test_cordons_are_the_cause_where_most_nodes_are_closed_and_the_rest_is_full() -> None:
    asked = alert("KubePodUnschedulable", namespace="shop", pod="web-r1-bbbbb")
    names = ("worker-1", "worker-2")
    around = [deployment(), replicaset(1), *map(cordoned, names), node("worker-3")]
    mostly = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable."
    assert ranked(think([*around, refused_pod(mostly)], asked))[0] == ("node.cordoned", "Node worker-1")
    # One of three is cordoned every day: there the lack of room is the cause.
    seldom = "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) were unschedulable."
    other = (
        "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
        "2 node(s) were unschedulable."
    )
    for said in (seldom, other):
        assert ranked(think([*around, refused_pod(said)], asked))[0][0] == "pod.scheduling.unschedulable"


def tight_budget() -> Json:
    status = {"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2}
    spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    return {"kind": "PodDisruptionBudget", "metadata": meta("PodDisruptionBudget", "web"), "spec": spec,
            "status": status}  # fmt: skip


def test_a_budget_that_lets_nothing_go_is_the_cause_of_a_drain_that_waits_and_of_nothing_else() -> None:
    objects = [deployment(), replicaset(1), pod("web-r1-aaaaa"), cordoned("worker-1"), tight_budget()]
    labels = {"namespace": "shop", "node": "worker-1", "poddisruptionbudget": "web"}
    assert ranked(think(objects, alert("NodeDrainBlocked", **labels)))[0] == (
        "pdb.blocks_all",
        "PodDisruptionBudget shop/web",
    )
    assert think(objects, ERRORS).cause is None


def test_a_service_that_is_gone_is_known_by_who_calls_it_and_only_to_an_alert_about_it() -> None:
    caller = deployment("front", template=template("front"))
    caller["addresses"] = [{"container": "front", "env": "WEB_URL", "service": "web", "namespace": "shop"}]
    objects = [caller, deployment(), replicaset(1)]
    snapshot = scene(objects).snapshot
    looked = replace(snapshot, inventory=replace(snapshot.inventory, whole=True))
    findings = analyze(looked)

    def cause(asked: Alert) -> str:
        about = targets([asked], looked.inventory)
        told = reason(Case(snapshot=looked, targets=about, findings=findings)).cause
        return f"{told.code} {told.object}" if told else ""

    assert cause(ERRORS) == "config.address_no_service Deployment shop/front"
    assert cause(SHORT) == ""
    assert cause(alert("HttpErrorRateHigh", namespace="shop", service="other")) == ""


def test_a_door_that_does_not_work_is_felt_by_the_routes_that_hang_on_it() -> None:
    said = {"type": "Programmed", "status": "False", "reason": "AddressNotAssigned", "message": "none left"}
    listener = {"name": "http", "hostname": "shop.example"}
    door = {"kind": "Gateway", "metadata": meta("Gateway", "edge"), "spec": {"listeners": [listener]},
            "status": {"conditions": [said]}}  # fmt: skip
    other = {**door, "metadata": meta("Gateway", "side"), "spec": {}}
    leads = {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": [{"name": "web"}]}]}
    route = {"kind": "HTTPRoute", "metadata": meta("HTTPRoute", "web"), "spec": leads}
    objects = [door, other, route, deployment(), service(), pod("web-r1-aaaaa")]
    for labels in ({"httproute": "web"}, {"instance": "https://shop.example/"}, {"service": "web"}):
        found = think(objects, alert("IngressProbeFailed", namespace="shop", **labels))
        assert found.cause is not None, labels
        assert str(found.cause.object) == "Gateway shop/edge"
    # An alert about the Service itself is not explained by the way to it.
    assert think(objects, ERRORS).cause is None


def test_the_claims_of_a_statefulset_feel_what_its_templates_lack() -> None:
    wanted = {"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}
    spec = {"replicas": 1, "serviceName": "db", "volumeClaimTemplates": [wanted], "selector": {}}
    db = {"kind": "StatefulSet", "metadata": meta("StatefulSet", "db"), "spec": spec, "status": {}}
    names = ("data-db-0", "data-db-x", "other-db-0")
    held = [{"kind": "PersistentVolumeClaim", "metadata": meta("PersistentVolumeClaim", n)} for n in names]
    case = scene([db, *held]).case
    felt = case.links.felt(ref_of(db))
    assert [name for name in names if ("PersistentVolumeClaim", "shop", name) in felt] == ["data-db-0"]


def test_pods_that_no_scheduler_looks_at_are_a_cause_unless_the_scheduler_itself_is_away() -> None:
    untried = pod("web-r1-bbbbb", ready=False, phase="Pending", spec={"schedulerName": "batch-scheduler"})
    untried["status"]["conditions"], untried["status"]["containerStatuses"] = [], []
    untried["metadata"]["creationTimestamp"] = EARLY
    asked = alert("KubePodNotReady", namespace="shop", pod="web-r1-bbbbb")
    objects = [deployment(available=0), replicaset(1), untried]
    assert ranked(think(objects, asked))[0] == ("pod.scheduling.no_scheduler", "Deployment shop/web")

    def lease(name: str, at: str) -> Json:
        spec = {"renewTime": at.replace("Z", ".000000Z"), "leaseDurationSeconds": 15}
        return {"kind": "Lease", "metadata": meta("Lease", name, namespace="kube-system"), "spec": spec}

    away = [lease("kube-scheduler", EARLY), lease("kube-controller-manager", LATE)]
    assert ranked(think([*objects, *away], asked)) == [
        ("controlplane.leader_lost", "Lease kube-system/kube-scheduler")
    ]
