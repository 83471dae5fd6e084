"""The kubelets of all nodes: takes pods that have a node, runs them by the scenario, reports their status."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from evals.world.clock import rfc3339
from evals.world.kubernetes.controllers.nodes import lost_mark
from evals.world.kubernetes.controllers.recorder import Recorder
from evals.world.kubernetes.errors import Conflict, NotFound
from evals.world.kubernetes.kubelet.images import Library
from evals.world.kubernetes.kubelet.logs import rendered
from evals.world.kubernetes.kubelet.node import NodeServices, PodOnNode
from evals.world.kubernetes.kubelet.process import Container, Phase
from evals.world.kubernetes.kubelet.status import pod_status
from evals.world.kubernetes.objects import JsonObject, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store
from evals.world.prometheus.samples import Usage


@dataclass(frozen=True, kw_only=True)
class KubeletOptions:
    """`speed` divides every duration of pulls, starts, probes, memory growth and back-off."""

    speed: float = 1.0


class Kubelet:
    """Every node's kubelet in one. `tick` is called by whoever owns the clock; reads may come from any
    thread.
    """

    def __init__(self, store: Store, library: Library, options: KubeletOptions | None = None) -> None:
        self._store = store
        self._library = library
        self._options = options or KubeletOptions()
        self._lock = threading.RLock()
        self._pods: dict[str, PodOnNode] = {}
        self._nodes: dict[str, NodeServices] = {}
        self._hosts: dict[str, str] = {}
        self._addresses = 0

    def tick(self) -> None:
        """Bring every assigned pod up to the present and write the statuses that changed."""
        with self._lock:
            assigned = {
                meta(pod)["uid"]: pod for pod in self._store.peek("pods") if pod["spec"].get("nodeName")
            }
            # The store deletes at once, without a grace period: what is gone has been stopped.
            for uid in [uid for uid in self._pods if uid not in assigned]:
                self._pods.pop(uid).stopped()
            nodes = self._store.peek("nodes")
            self._hosts = {name_of(node): address for node in nodes if (address := _internal_ip(node))}
            lost = {name_of(node) for node in nodes if lost_mark(node)}
            for uid, pod in assigned.items():
                if pod["spec"]["nodeName"] not in lost:
                    self._sync(uid, pod)

    def read(self, namespace: str, pod: str, container: str, previous: bool) -> str | None:
        """The log of a container's current run, or of the one before; None when there is no such run."""
        with self._lock:
            found = self._find(namespace, pod, container)
            if found is None or found.run == 0:
                return None
            now = self._store.clock.now()
            second = found.host.span(1.0)
            if not previous and found.phase is Phase.RUNNING:
                return rendered(found.behaviour.logs, found.started_at, now, second)
            # Between two runs the newest log is that of the run which just ended.
            end = found.previous_run if previous else found.last
            if end is None:
                return None
            return rendered(found.behaviour.logs, end.started_at, end.finished_at, second)

    def usage(self, namespace: str, pod: str, container: str) -> Usage:
        """What a running container uses now; zeros when it does not run."""
        with self._lock:
            found = self._find(namespace, pod, container)
            if found is None or found.phase is not Phase.RUNNING:
                return Usage(cpu_cores=0.0, memory_bytes=0)
            known = found.behaviour
            used = known.memory.at(found.ran(self._store.clock.now()))
            limit = found.spec.memory_limit
            # The cgroup never shows more than its limit: the kill comes first.
            return Usage(cpu_cores=known.cpu_cores, memory_bytes=used if limit is None else min(used, limit))

    def answers(self, namespace: str, pod: str, port: int) -> bool:
        """Whether anything in the pod answers on this port now."""
        with self._lock:
            for each in self._pods.values():
                if name_of(each.pod) == pod and namespace_of(each.pod) == namespace:
                    node = self._store.get("nodes", None, each.pod["spec"]["nodeName"])
                    return not lost_mark(node) and any(each.answers(name, port) for name in each.containers)
            return False

    def _find(self, namespace: str, pod: str, container: str) -> Container | None:
        for each in self._pods.values():
            if name_of(each.pod) == pod and namespace_of(each.pod) == namespace:
                return each.containers.get(container)
        return None

    def _sync(self, uid: str, pod: JsonObject) -> None:
        running = self._pods.get(uid)
        if running is None:
            running = self._pods[uid] = self._admit(pod)
        seen = dict(pod)
        seen["status"] = {**(pod.get("status") or {}), **self._placement(running)}
        observed = running.step(pod, self._store.clock.now())
        status = pod_status(seen, observed, self._store.clock.now())
        if status == pod.get("status"):
            return
        try:
            self._store.update("pods", {**pod, "status": status}, "status")
        except (Conflict, NotFound):
            # Somebody changed or deleted the pod meanwhile: the next tick sees it.
            return

    def _admit(self, pod: JsonObject) -> PodOnNode:
        self._addresses += 1
        node = self._node(pod["spec"]["nodeName"])
        third, fourth = divmod(self._addresses, 250)
        return PodOnNode(node, pod, f"10.244.{third + 1}.{fourth + 2}")

    def _placement(self, running: PodOnNode) -> JsonObject:
        node = self._node(running.pod["spec"]["nodeName"])
        host = self._hosts.get(node.name) or f"10.0.0.{10 + sorted(self._nodes).index(node.name)}"
        return {
            "hostIP": host,
            "hostIPs": [{"ip": host}],
            "podIP": running.address,
            "podIPs": [{"ip": running.address}],
            "qosClass": _qos_class(running.pod),
            "startTime": rfc3339(running.started_at),
        }

    def _node(self, name: str) -> NodeServices:
        if name not in self._nodes:
            self._nodes[name] = NodeServices(
                name=name,
                store=self._store,
                library=self._library,
                recorder=Recorder(self._store, "kubelet", name),
                kernel=Recorder(self._store, "kernel-monitor", name),
                speed=self._options.speed,
            )
        return self._nodes[name]


def _internal_ip(node: JsonObject) -> str:
    addresses = (node.get("status") or {}).get("addresses") or []
    return next((str(one["address"]) for one in addresses if one["type"] == "InternalIP"), "")


def _qos_class(pod: JsonObject) -> str:
    resources = [container.get("resources") or {} for container in pod["spec"]["containers"]]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    wanted = ("cpu", "memory")
    guaranteed = all(
        each.get("limits", {}).get(name) is not None
        and each.get("requests", {}).get(name, each["limits"][name]) == each["limits"][name]
        for each in resources
        for name in wanted
    )
    return "Guaranteed" if guaranteed else "Burstable"
