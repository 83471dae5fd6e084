"""Pods without a node, by the scheduler's own reasons; one that has just been made is silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.scheduling import scheduling
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.unschedulable import verdict
from tests.support.kube_objects import CREATED, Json, event, pod
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory

TEXT = (
    "0/5 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 2 Insufficient cpu, "
    "2 Insufficient nvidia.com/gpu. preemption: 0/5 nodes are available: 5 Preemption is not helpful."
)


def pending(*conditions: Json, spec: Json | None = None, **more: object) -> Json:
    made = pod("web-r2-a", phase="Pending", ready=False, spec=spec or {}, **more)
    told = [{"type": "PodScheduled", "lastTransitionTime": CREATED, **one} for one in conditions]
    made["status"] = {"phase": "Pending", "conditions": told}
    return made


def refused(message: str, **more: object) -> Json:
    return pending({"status": "False", "reason": "Unschedulable", "message": message}, **more)


def node(name: str, **allocatable: str) -> Json:
    return {"kind": "Node", "metadata": {"name": name}, "status": {"allocatable": allocatable}}


def found(*objects: Json, whole: bool = True) -> list[Finding]:
    inventory = Inventory.of_list({"kind": "List" if whole else "", "items": list(objects)})
    return list(scheduling(Snapshot(inventory=inventory, taken_at=scene([]).taken_at)))


def test_the_reasons_are_counted_and_named() -> None:
    (finding,) = found(refused(TEXT))
    assert (finding.code, finding.severity) == ("pod.scheduling.unschedulable", Severity.CRITICAL)
    assert finding.fields == {
        "message": TEXT,
        "nodes": 5,
        "reasons": {"cpu": 2, "gpu": 2, "taint": 1},
        "resources": ["cpu", "nvidia.com/gpu"],
        "taints": ["{dedicated: gpu}"],
    }


@pytest.mark.parametrize(
    ("reason", "name", "count"),
    [
        ("3 Insufficient memory", "memory", 3),
        ("1 Insufficient ephemeral-storage", "disk", 1),
        ("1 Insufficient amd.com/gpu", "gpu", 1),
        ("2 Insufficient example.com/dongle", "resource", 2),
        ("3 Too many pods", "pod_cap", 3),
        ("1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate", "taint", 1),
        ("2 node(s) had untolerated taint(s)", "taint", 2),
        ("3 node(s) didn't match Pod's node affinity/selector", "affinity", 3),
        ("3 node(s) didn't match node selector", "affinity", 3),
        ("2 node(s) didn't match pod anti-affinity rules", "pod_anti_affinity", 2),
        ("2 node(s) didn't satisfy existing pods anti-affinity rules", "pod_anti_affinity", 2),
        ("2 node(s) didn't match pod affinity rules", "pod_affinity", 2),
        ("2 node(s) didn't match pod topology spread constraints (missing required label)", "topology_spread",
         2),
        ("1 node(s) had volume node affinity conflict", "volume_zone", 1),
        ("1 node(s) didn't find available persistent volumes to bind", "volume_unbound", 1),
        ("pod has unbound immediate PersistentVolumeClaims", "volume_unbound", 1),
        ('persistentvolumeclaim "data" not found', "volume_missing", 1),
        ("4 node(s) exceed max volume count", "volume_limit", 4),
        ("2 node(s) didn't have free ports for the requested pod ports", "host_port", 2),
        ("1 node(s) were unschedulable", "cordoned", 1),
        ("2 cannot allocate all claims", "resource_claim", 2),
    ],
)  # fmt: skip
def test_every_reason_of_the_scheduler_is_known(reason: str, name: str, count: int) -> None:
    assert verdict(f"0/4 nodes are available: {reason}.").reasons == {name: count}


def test_no_nodes_at_all_and_an_unknown_reason_are_told_as_they_are() -> None:
    assert verdict("0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.").words == (
        "2 lack cpu, 1 is cordoned"
    )
    assert verdict("no nodes available to schedule pods").reasons == {"no_nodes": 1}
    assert verdict("0/0 nodes are available: .").reasons == {"no_nodes": 1}
    (finding,) = found(refused("the stars are not right"))
    assert "the stars are not right" in finding.message
    assert "reasons" not in finding.fields


def test_a_pod_that_is_larger_than_every_node_will_fit_none_however_long_it_waits() -> None:
    asks = {"requests": {"cpu": "8", "memory": "1Gi"}, "limits": {"nvidia.com/gpu": "1"}}
    sick = refused(TEXT, spec={"containers": [{"name": "web", "resources": asks}]})
    nodes = [node("a", cpu="4", memory="8Gi"), node("b", cpu="3900m", memory="8Gi")]
    (finding,) = found(sick, *nodes)
    assert finding.fields["fits_no_node"] == {
        "cpu": {"requested": "8", "largest": "4"},
        "nvidia.com/gpu": {"requested": "1", "largest": "0"},
    }
    assert "no node has any nvidia.com/gpu" in finding.message
    assert (
        "fits_no_node"
        not in found(sick, node("big", cpu="16", memory="8Gi", **{"nvidia.com/gpu": "2"}))[0].fields
    )
    exact = node("exact", cpu="8", memory="1Gi", **{"nvidia.com/gpu": "1"})
    assert "fits_no_node" not in found(sick, exact)[0].fields
    assert "fits_no_node" not in found(sick, whole=False)[0].fields


def test_a_gated_pod_names_its_gates() -> None:
    gated = {"status": "False", "reason": "SchedulingGated"}
    (finding,) = found(pending(gated, spec={"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}))
    assert finding.code == "pod.scheduling.gated"
    assert finding.fields["gates"] == ["kueue.x-k8s.io/admission"]


def test_a_pod_that_nobody_has_looked_at_points_at_the_scheduler() -> None:
    (finding,) = found(pending(spec={"schedulerName": "batch"}))
    assert (finding.code, finding.fields) == ("pod.scheduling.no_scheduler", {"scheduler": "batch"})


def test_a_preempted_pod_says_for_whom() -> None:
    gone = pod(phase="Failed", ready=False)
    gone["status"]["conditions"] = [
        {"type": "DisruptionTarget", "reason": "PreemptionByScheduler", "message": "preempted by prio/big"}
    ]
    (finding,) = found(gone)
    assert finding.code == "pod.scheduling.preempted"
    assert finding.fields["message"] == "preempted by prio/big"
    by_node = pod(phase="Failed", ready=False)
    by_node["status"] |= {"reason": "Preempting", "message": "making room for a critical pod"}
    assert found(by_node)[0].fields["message"] == "making room for a critical pod"


def test_of_a_preempted_pod_that_is_gone_the_event_still_tells() -> None:
    told = event(pod("web-r1-x"), "Preempted", "Preempted by pod 42 on node n1", type="Normal")
    (finding,) = found(told)
    assert (finding.code, finding.severity) == ("pod.scheduling.preempted", Severity.INFO)
    assert str(finding.object) == "Pod shop/web-r1-x"
    assert finding.fields == {"message": "Preempted by pod 42 on node n1", "gone": True}
    assert found(told, pod("web-r1-x")) == []
    assert found(told, whole=False) == []


@pytest.mark.parametrize(
    "healthy",
    [
        pod(),
        pending(creationTimestamp="2026-11-24T02:09:30Z"),
        pending({"status": "True"}),
        pending(spec={"nodeName": "n1"}),
        refused(TEXT, deletionTimestamp=CREATED),
    ],
    ids=["runs", "just made", "scheduled", "bound", "leaving"],
)
def test_a_pod_that_has_or_awaits_its_node_is_silent(healthy: Json) -> None:
    assert found(healthy) == []
