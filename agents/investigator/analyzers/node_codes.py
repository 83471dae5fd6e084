"""The conditions of nodes, and the events that tell of them."""

from __future__ import annotations

from agents.investigator.analyzers.coded import Coded

_EVENTS = "events about the node"


class NodeCode(Coded):
    """Conditions of nodes."""

    NOT_READY = ("node.not_ready", "A node is not ready.", "the condition Ready")
    UNREACHABLE = (
        "node.unreachable",
        "The kubelet of a node stopped reporting: it, its network or the whole node is down.",
        "the condition Ready (status Unknown)",
    )
    RUNTIME_DOWN = (
        "node.runtime_down",
        "The container runtime of a node does not answer.",
        "the condition Ready and its message",
    )
    NETWORK_PLUGIN = (
        "node.network_plugin_down",
        "The network plugin of a node is not set up, so that no pod can start there.",
        "the condition Ready and its message",
    )
    MEMORY_PRESSURE = ("node.memory_pressure", "A node is short of memory.", "the condition MemoryPressure")
    DISK_PRESSURE = ("node.disk_pressure", "A node is short of disk space.", "the condition DiskPressure")
    PID_PRESSURE = ("node.pid_pressure", "A node is short of process ids.", "the condition PIDPressure")
    NETWORK_UNAVAILABLE = (
        "node.network_unavailable",
        "The network of a node is not set up.",
        "the condition NetworkUnavailable",
    )
    PROBLEM = (
        "node.problem",
        "Somebody who watches the node, like the node problem detector, reports a problem.",
        "conditions that are not Kubernetes' own",
    )
    CONDITION_UNKNOWN = (
        "node.condition_unknown",
        "A condition of a node has a status that says neither yes nor no.",
        "conditions that are not Kubernetes' own",
    )
    CORDONED = ("node.cordoned", "A node takes no new pods.", "spec.unschedulable")
    TAINTED = (
        "node.tainted",
        "A node takes only pods that tolerate a taint which somebody set.",
        "spec.taints",
    )
    UNINITIALIZED = (
        "node.uninitialized",
        "A node waits for its cloud provider and takes no pods.",
        "the taint node.cloudprovider.kubernetes.io/uninitialized",
    )
    CLOCK = (
        "node.clock_drift",
        "The clock of a node is wrong.",
        "lastHeartbeatTime of the conditions, conditions and events that tell of NTP",
    )
    CONNTRACK = (
        "node.conntrack_full",
        "A node has no room left to track connections, so that new ones fail.",
        f"conditions, {_EVENTS}",
    )
    CIDR = (
        "node.pod_cidr_exhausted",
        "There is no range of pod addresses left for a node.",
        f"{_EVENTS} (CIDRNotAvailable)",
    )
    SYSTEM_OOM = (
        "node.out_of_memory",
        "The kernel of a node killed a process because the whole node was out of memory.",
        f"{_EVENTS} (SystemOOM, OOMKilling)",
    )
    RECLAIM = (
        "node.reclaim_failed",
        "A node could not free disk space of images or dead containers.",
        f"{_EVENTS} (FreeDiskSpaceFailed, ImageGCFailed, ContainerGCFailed)",
    )
    EVICTING = (
        "node.evicting",
        "A node crossed an eviction threshold and puts pods out.",
        f"{_EVENTS} (EvictionThresholdMet)",
    )
    KERNEL = (
        "node.kernel_fault",
        "The kernel of a node reports a hang, an oops or a broken disk.",
        f"{_EVENTS} (KernelOops, TaskHung, FilesystemIsReadOnly and the like)",
    )
    REBOOTED = ("node.rebooted", "A node was started again.", f"{_EVENTS} (Rebooted)")
    KUBELET = (
        "node.kubelet_failing",
        "The kubelet of a node could not be set up, or restarts again and again.",
        f"{_EVENTS} (KubeletSetupFailed, FrequentKubeletRestart)",
    )
    FULL = (
        "node.pods_full",
        "A node runs as many pods as it may, or nearly.",
        "status.allocatable.pods, the pods on the node",
    )
    DEVICES = (
        "node.devices_unusable",
        "A node offers fewer devices (GPUs, say) than it has.",
        "status.capacity, status.allocatable",
    )
    NO_DEVICE_PLUGIN = (
        "node.device_plugin_missing",
        "A node is labelled as having a GPU and offers none.",
        "the labels of the node, status.capacity",
    )


EVENTS: dict[str, Coded] = {
    "CIDRNotAvailable": NodeCode.CIDR,
    "SystemOOM": NodeCode.SYSTEM_OOM,
    "OOMKilling": NodeCode.SYSTEM_OOM,
    "FreeDiskSpaceFailed": NodeCode.RECLAIM,
    "ImageGCFailed": NodeCode.RECLAIM,
    "ContainerGCFailed": NodeCode.RECLAIM,
    "EvictionThresholdMet": NodeCode.EVICTING,
    "KernelOops": NodeCode.KERNEL,
    "TaskHung": NodeCode.KERNEL,
    "FilesystemIsReadOnly": NodeCode.KERNEL,
    "Ext4Error": NodeCode.KERNEL,
    "IOError": NodeCode.KERNEL,
    "Rebooted": NodeCode.REBOOTED,
    "KubeletSetupFailed": NodeCode.KUBELET,
    "FrequentKubeletRestart": NodeCode.KUBELET,
    "ConntrackFull": NodeCode.CONNTRACK,
    "NTPIsDown": NodeCode.CLOCK,
    "ClockSkewDetected": NodeCode.CLOCK,
}
"""Reasons of events about a node, and what each tells of."""
