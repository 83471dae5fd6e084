"""Service → EndpointSlice and Endpoints: which pod addresses a Service leads to, and which of them are
ready.
"""

from __future__ import annotations

from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.pods import is_ready, matching, owned_by, owner_reference
from evals.world.kubernetes.errors import NotFound
from evals.world.kubernetes.objects import JsonObject, labels_of, meta, name_of, namespace_of
from evals.world.kubernetes.store import Store

MANAGER = WriteOptions(manager="kube-controller-manager")
SERVICE_LABEL = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"


class EndpointsController:
    """Keeps one IPv4 EndpointSlice and one Endpoints object per Service with a selector.

    Both, because real clusters keep both: older clients, and many eyes, still look at Endpoints.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def tick(self, service: JsonObject) -> None:
        """Bring both objects of one Service up to date."""
        selector = service["spec"].get("selector")
        if not selector or service["spec"].get("type") == "ExternalName":
            return
        pods = [
            pod
            for pod in matching(self._store.peek("pods", namespace_of(service)), selector)
            if (pod.get("status") or {}).get("podIP") and pod["status"].get("phase") in ("Pending", "Running")
        ]
        self._write_slice(service, pods)
        self._write_endpoints(service, pods)

    def _write_slice(self, service: JsonObject, pods: list[JsonObject]) -> None:
        body = {
            "addressType": "IPv4",
            "endpoints": [_endpoint(pod) for pod in pods],
            "ports": _ports(service, pods),
        }
        slices = self._store.peek("endpointslices", namespace_of(service))
        known = next((each for each in slices if owned_by(each, service)), None)
        # Written only when it differs: each write is a new version that every watcher is told about.
        if known is not None and all(known.get(key) == value for key, value in body.items()):
            return
        if known is not None:
            self._store.update("endpointslices", {**known, **body}, options=MANAGER)
            return
        head = {
            "generateName": f"{name_of(service)}-",
            "namespace": namespace_of(service),
            "labels": {
                **labels_of(service),
                SERVICE_LABEL: name_of(service),
                MANAGED_BY: "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [owner_reference(service)],
        }
        self._store.create("endpointslices", {"metadata": head, **body}, MANAGER)

    def _write_endpoints(self, service: JsonObject, pods: list[JsonObject]) -> None:
        subset: JsonObject = {}
        ready = [_address(pod) for pod in pods if _counts_as_ready(service, pod)]
        waiting = [_address(pod) for pod in pods if not _counts_as_ready(service, pod)]
        if ready:
            subset["addresses"] = ready
        # Kept apart and not left out: that pods exist and none is ready is the very thing to see.
        if waiting:
            subset["notReadyAddresses"] = waiting
        ports = _ports(service, pods)
        if ports:
            subset["ports"] = ports
        body: JsonObject = {"subsets": [subset]} if pods else {}
        try:
            known = self._store.get("endpoints", namespace_of(service), name_of(service))
        except NotFound:
            head = {
                "name": name_of(service),
                "namespace": namespace_of(service),
                "labels": dict(labels_of(service)),
            }
            self._store.create("endpoints", {"metadata": head, **body}, MANAGER)
            return
        if known.get("subsets") == body.get("subsets"):
            return
        known.pop("subsets", None)
        self._store.update("endpoints", {**known, **body}, options=MANAGER)


def remove_orphaned_endpoints(store: Store) -> None:
    """Endpoints have no owner reference: the controller removes them by name when their Service is gone."""
    services = {(namespace_of(each), name_of(each)) for each in store.peek("services")}
    for each in store.peek("endpoints"):
        if (namespace_of(each), name_of(each)) not in services:
            store.delete("endpoints", namespace_of(each), name_of(each))


def _counts_as_ready(service: JsonObject, pod: JsonObject) -> bool:
    return is_ready(pod) or bool(service["spec"].get("publishNotReadyAddresses"))


def _endpoint(pod: JsonObject) -> JsonObject:
    ready = is_ready(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": _target(pod),
    }


def _address(pod: JsonObject) -> JsonObject:
    address = {"ip": pod["status"]["podIP"], "targetRef": _target(pod)}
    return {**address, "nodeName": pod["spec"].get("nodeName")}


def _target(pod: JsonObject) -> JsonObject:
    head = meta(pod)
    return {"kind": "Pod", "namespace": head["namespace"], "name": head["name"], "uid": head["uid"]}


def _ports(service: JsonObject, pods: list[JsonObject]) -> list[JsonObject]:
    """Target ports; a named one that no pod's container declares is left out, as the real controller does."""
    found = []
    for port in service["spec"].get("ports") or []:
        target = port.get("targetPort", port["port"])
        number = target if isinstance(target, int) else _named_port(target, pods)
        if number is not None and pods:
            entry = {"port": number, "protocol": port.get("protocol", "TCP")}
            found.append({"name": port["name"], **entry} if port.get("name") else entry)
    return found


def _named_port(name: str, pods: list[JsonObject]) -> int | None:
    for pod in pods:
        for container in pod["spec"]["containers"]:
            for port in container.get("ports") or []:
                if port.get("name") == name:
                    return int(port["containerPort"])
    return None
