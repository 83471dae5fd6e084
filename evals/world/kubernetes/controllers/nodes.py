"""Nodes as their kubelets register them, and as a cordon marks them."""

from __future__ import annotations

from evals.world.clock import rfc3339
from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.objects import JsonObject, copied, name_of
from evals.world.kubernetes.store import Store

_CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
# (type, status, reason, message) in the words of pkg/kubelet/nodestatus.
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_NODE_INFO = {
    "architecture": "amd64",
    "bootID": "3b1c1a0e-5d0c-4f0e-9c55-3f1f0f6c7f11",
    "containerRuntimeVersion": "containerd://1.7.24",
    "kernelVersion": "6.1.0-28-amd64",
    "kubeProxyVersion": "v1.32.0",
    "kubeletVersion": "v1.32.0",
    "machineID": "5f0f6c7f113b1c1a0e5d0c4f0e9c553f",
    "operatingSystem": "linux",
    "osImage": "Debian GNU/Linux 12 (bookworm)",
    "systemUUID": "0e5d0c4f-0e9c-553f-5f0f-6c7f113b1c1a",
}


def registered(node: JsonObject, since: str) -> JsonObject:
    """A copy of `node` that is Ready and without pressure since `since` (RFC 3339)."""
    whole = copied(node)
    status = whole.setdefault("status", {})
    status["conditions"] = [
        {
            "type": kind,
            "status": value,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": since,
            "lastTransitionTime": since,
        }
        for kind, value, reason, message in _CONDITIONS
    ]
    status["nodeInfo"] = dict(_NODE_INFO)
    return whole


_LOST = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")


def lost_mark(node: JsonObject) -> str:
    """The taint of a node that does not report, or reports that it is not ready; or nothing."""
    conditions = (node.get("status") or {}).get("conditions") or []
    ready = next((one for one in conditions if one["type"] == "Ready"), {"status": "True"})
    return {"Unknown": _LOST[0], "False": _LOST[1]}.get(ready["status"], "")


class NodeController:
    """Keeps the taint of a cordoned node, as the node lifecycle controller does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tick(self, node: JsonObject) -> None:
        """Look at one node (a private copy)."""
        taints = node["spec"].get("taints") or []
        kept = [taint for taint in taints if taint.get("key") != _CORDONED["key"]]
        wanted = [*kept, dict(_CORDONED)] if node["spec"].get("unschedulable") else kept
        wanted = [taint for taint in wanted if taint.get("key") not in _LOST]
        if lost := lost_mark(node):
            wanted = [*wanted, {"key": lost, "effect": "NoSchedule"}]
            self._mark_pods(node)
        if wanted != taints:
            node["spec"]["taints"] = wanted
            if not wanted:
                del node["spec"]["taints"]
            self._store.update("nodes", node, options=WriteOptions(manager="kube-controller-manager"))

    def _mark_pods(self, node: JsonObject) -> None:
        """The pods of a lost node are not ready, whatever they last said of themselves."""
        for pod in self._store.list("pods"):
            conditions = (pod.get("status") or {}).get("conditions") or []
            ready = next((one for one in conditions if one["type"] == "Ready"), None)
            if pod["spec"].get("nodeName") == name_of(node) and ready and ready["status"] == "True":
                ready.update(status="False", lastTransitionTime=rfc3339(self._store.clock.now()))
                self._store.update("pods", pod, "status", WriteOptions(manager="kube-controller-manager"))
