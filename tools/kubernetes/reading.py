"""Reading a cluster: one bounded pass over the kinds a diagnosis needs, and log tails.

``limit`` and ``continue`` on every list, ``resourceVersion=0`` so that the API server's cache
answers, and a cap on what is kept. Source: threats T30; diagnosis, "What is looked at".
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.kubernetes.client import Connection, Request
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.inventory import Inventory, Query, cleaned
from tools.kubernetes.objects import JsonObject

PAGE = 500
MOST_PER_KIND = 10_000
TAIL_LINES = 500
LOG_BYTES = 256 * 1024
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

NAMESPACED: tuple[tuple[str, str], ...] = (
    ("Pod", "/api/v1/namespaces/{ns}/pods"),
    ("ReplicaSet", "/apis/apps/v1/namespaces/{ns}/replicasets"),
    ("Deployment", "/apis/apps/v1/namespaces/{ns}/deployments"),
    ("StatefulSet", "/apis/apps/v1/namespaces/{ns}/statefulsets"),
    ("DaemonSet", "/apis/apps/v1/namespaces/{ns}/daemonsets"),
    ("Service", "/api/v1/namespaces/{ns}/services"),
    ("EndpointSlice", "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices"),
    ("Event", "/api/v1/namespaces/{ns}/events"),
    ("ConfigMap", "/api/v1/namespaces/{ns}/configmaps"),
    ("Secret", "/api/v1/namespaces/{ns}/secrets"),
    ("PersistentVolumeClaim", "/api/v1/namespaces/{ns}/persistentvolumeclaims"),
    ("ResourceQuota", "/api/v1/namespaces/{ns}/resourcequotas"),
    ("HorizontalPodAutoscaler", "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers"),
    ("PodDisruptionBudget", "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets"),
    ("Job", "/apis/batch/v1/namespaces/{ns}/jobs"),
    ("Ingress", "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses"),
)
CLUSTER: tuple[tuple[str, str], ...] = (("Node", "/api/v1/nodes"), ("Namespace", "/api/v1/namespaces"))


@dataclass(frozen=True, kw_only=True)
class LogText:
    """The end of one container's log; ``ok`` False means ``text`` holds why it could not be read."""

    path: str
    text: str
    ok: bool


def read_inventory(cluster: Connection, namespace: str) -> Inventory:
    """One pass over a namespace (and the nodes). Failed reads are recorded, not raised."""
    by_kind: dict[str, tuple[JsonObject, ...]] = {}
    queries: list[Query] = []
    wanted = [(kind, path.format(ns=namespace), namespace) for kind, path in NAMESPACED if namespace]
    wanted += [(kind, path, "") for kind, path in CLUSTER]
    for kind, path, place in wanted:
        found, query = _listed(cluster, kind, path, place)
        by_kind[kind] = found
        queries.append(query)
    return Inventory(by_kind=by_kind, queries=tuple(queries))


def _listed(cluster: Connection, kind: str, path: str, place: str) -> tuple[tuple[JsonObject, ...], Query]:
    objects: list[JsonObject] = []
    token = ""
    try:
        while True:
            page = cluster.send(_page(kind, path, token))
            # A list leaves out what its items are: put it back, everything later relies on it.
            objects += [cleaned({**item, "kind": kind}) for item in page.get("items") or []]
            token = page.get("metadata", {}).get("continue") or ""
            if not token or len(objects) >= MOST_PER_KIND:
                break
    except KubernetesError as problem:
        failed = Query(kind=kind, namespace=place, path=path, count=0, ok=False, problem=str(problem))
        return (), failed
    return tuple(objects), Query(
        kind=kind, namespace=place, path=path, count=len(objects), ok=True, truncated=bool(token)
    )


def _page(kind: str, path: str, token: str) -> Request:
    # A continue token pins its own version; the cache answers only the first page.
    position = ("continue", token) if token else ("resourceVersion", "0")
    accept = METADATA_ONLY if kind == "Secret" else "application/json"
    return Request(method="GET", path=path, query=(("limit", str(PAGE)), position), accept=accept)


def read_log(cluster: Connection, pod: tuple[str, str], container: str, *, previous: bool) -> LogText:
    """The last lines of a container (``pod`` is namespace and name); why not, when it cannot be read."""
    path = f"/api/v1/namespaces/{pod[0]}/pods/{pod[1]}/log"
    query = (
        ("container", container),
        ("tailLines", str(TAIL_LINES)),
        ("limitBytes", str(LOG_BYTES)),
        ("previous", "true" if previous else "false"),
    )
    shown = f"{path}?container={container}&previous={str(previous).lower()}"
    try:
        body = cluster.send_raw(Request(method="GET", path=path, query=query, accept="*/*"))
    except KubernetesError as problem:
        return LogText(path=shown, text=str(problem), ok=False)
    return LogText(path=shown, text=body[-LOG_BYTES:].decode("utf-8", "replace"), ok=True)
