"""Nodes that cannot serve, and conditions that only sound like it."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.node import nodes
from tests.support.judged import judged, said, thing
from tests.support.kube_objects import Json, event, pod

READY = {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-11-24T02:09:00Z"}


def stated(kind: str, status: str = "True", reason: str = "", message: str = "") -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def node(*conditions: Json, spec: Json | None = None, labels: Json | None = None, **status: object) -> Json:
    status["conditions"] = list(conditions or (READY,))
    return thing("Node", "n1", spec, status=status, namespace="", metadata={"labels": labels or {}})


def told(reason: str, message: str = "it says so") -> tuple[Json, Json]:
    about = node()
    heard = event(about, reason, message)
    heard["involvedObject"]["namespace"] = ""
    return about, heard


def tainted(key: str, effect: str = "NoSchedule") -> Json:
    return node(spec={"taints": [{"key": key, "effect": effect}]})


GPU, MARK = "nvidia.com/gpu", {"nvidia.com/gpu.present": "true"}
SICK = {
    "node.not_ready": (node(stated("Ready", "False", "KubeletNotReady", "shutting down")),),
    "node.unreachable": (node(stated("Ready", "Unknown", "NodeStatusUnknown")),),
    "node.runtime_down": (node(stated("Ready", "False", "", "container runtime is down")),),
    "node.network_plugin_down": (
        node(stated("Ready", "False", "", "network not ready: cni plugin not initialized")),),
    "node.memory_pressure": (node(READY, stated("MemoryPressure")),),
    "node.disk_pressure": (node(READY, stated("DiskPressure")),),
    "node.pid_pressure": (node(READY, stated("PIDPressure")),),
    "node.network_unavailable": (node(READY, stated("NetworkUnavailable")),),
    "node.problem": (node(READY, stated("KernelDeadlock")),),
    "node.condition_unknown": (node(READY, stated("KernelDeadlock", "Perhaps")),),
    "node.cordoned": (node(spec={"unschedulable": True}),),
    "node.tainted": (tainted("dedicated"),),
    "node.uninitialized": (tainted("node.cloudprovider.kubernetes.io/uninitialized"),),
    "node.clock_drift": (node(READY | {"lastHeartbeatTime": "2026-11-24T02:15:00Z"}),),
    "node.conntrack_full": (node(READY, stated("NetfilterProblem", reason="ConntrackTableFull")),),
    "node.pod_cidr_exhausted": told("CIDRNotAvailable"),
    "node.out_of_memory": told("SystemOOM"),
    "node.reclaim_failed": told("ImageGCFailed"),
    "node.evicting": told("EvictionThresholdMet"),
    "node.kernel_fault": told("FilesystemIsReadOnly"),
    "node.rebooted": told("Rebooted"),
    "node.kubelet_failing": told("FrequentKubeletRestart"),
    "node.pods_full": (node(allocatable={"pods": "1"}), pod(spec={"nodeName": "n1"})),
    "node.devices_unusable": (node(capacity={GPU: "4"}, allocatable={GPU: "3"}),),
    "node.device_plugin_missing": (node(labels=MARK),),
}  # fmt: skip
HEALTHY = {
    "ready": (node(READY, stated("MemoryPressure", "False"), stated("DiskPressure", "False")),),
    "a pressure that nobody can tell": (node(READY, stated("PIDPressure", "Unknown")),),
    "a problem that is none": (node(READY, stated("KernelDeadlock", "False")),),
    "a condition that is good when true": (node(READY, stated("EtcdIsVoter")),),
    "a control plane": (tainted("node-role.kubernetes.io/control-plane"),),
    "a taint that a condition has": (tainted("node.kubernetes.io/not-ready", "NoExecute"),),
    "a wish": (tainted("spot", "PreferNoSchedule"),),
    "a container at its own limit": told("OOMKilling", "Memory cgroup out of memory: Killed process 7"),
    "an event of every day": told("NodeAllocatableEnforced"),
    "memory kept back for the system": (node(capacity={"memory": "8Gi"}, allocatable={"memory": "7Gi"}),),
    "all its GPUs": (node(labels=MARK, capacity={GPU: "4"}, allocatable={GPU: "4"}),),
    "a finished pod": (
        node(allocatable={"pods": "1"}), pod(spec={"nodeName": "n1"}, phase="Succeeded")),
}  # fmt: skip


@pytest.mark.parametrize("code", SICK)
def test_what_is_wrong_with_a_node_is_found_and_nothing_else(code: str) -> None:
    assert said(nodes, *SICK[code]) == [(code, "Node n1")]


@pytest.mark.parametrize("case", HEALTHY)
def test_a_node_that_is_well_is_silent(case: str) -> None:
    assert judged(nodes, *HEALTHY[case]) == []


def test_a_condition_that_is_good_when_true_is_a_problem_when_it_is_not() -> None:
    (finding,) = judged(nodes, node(READY, stated("EtcdIsVoter", "False")))
    assert (finding.code, finding.severity) == ("node.problem", "warning")


def test_the_words_of_the_kubelet_are_kept_and_how_far_ahead_a_clock_is() -> None:
    (down,) = judged(nodes, *SICK["node.runtime_down"])
    assert down.fields["message"] == "container runtime is down"
    (ahead,) = judged(nodes, *SICK["node.clock_drift"])
    assert ahead.fields["seconds_ahead"] == 300


def test_events_of_one_kind_are_one_finding_with_the_newest_words() -> None:
    about, first = told("ImageGCFailed", "first")
    last = first | {"message": "last", "lastTimestamp": "2026-11-24T02:09:00Z", "count": 7}
    (finding,) = judged(nodes, about, last, first)
    assert (finding.fields["message"], finding.fields["count"]) == ("last", 7)
