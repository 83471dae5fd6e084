"""Reading a cluster: one bounded pass over the kinds a diagnosis needs.

``limit`` and ``continue`` on every list, ``resourceVersion=0`` so that the API server's cache
answers, and a cap on what is kept. Source: threats T30; diagnosis, "What is looked at".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tools.kubernetes.client import Connection, Request
from tools.kubernetes.errors import Interrupted, KubernetesError, Unreachable
from tools.kubernetes.inventory import Inventory, Query, cleaned
from tools.kubernetes.logs import LogText, read_log
from tools.kubernetes.objects import JsonObject, is_namespace

__all__ = ["LogText", "read_inventory", "read_log"]

PAGE = 500
MOST_PER_KIND = 10_000
SILENCES = 2
"""After so many reads without an answer the rest is not asked for: each would cost its timeout."""

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
    ("CronJob", "/apis/batch/v1/namespaces/{ns}/cronjobs"),
    ("Ingress", "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses"),
)
CLUSTER: tuple[tuple[str, str], ...] = (("Node", "/api/v1/nodes"), ("Namespace", "/api/v1/namespaces"))


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    kind: str
    path: str
    namespace: str

    def failed(self, at: datetime, problem: str, *, silent: bool = False) -> Query:
        return Query(
            kind=self.kind,
            namespace=self.namespace,
            path=self.path,
            count=0,
            ok=False,
            problem=problem,
            silent=silent,
            at=at,
        )


@dataclass(kw_only=True)
class _Found:
    objects: list[JsonObject] = field(default_factory=list)
    token: str = ""
    problem: KubernetesError | None = None

    @property
    def silent(self) -> bool:
        return isinstance(self.problem, Unreachable | Interrupted)


def read_inventory(
    cluster: Connection,
    namespace: str,
    clock: Callable[[], datetime] = _utc_now,
    *,
    everywhere: bool = False,
) -> Inventory:
    """One pass over a namespace and the nodes; only the nodes when ``namespace`` is empty.

    ``everywhere`` reads all namespaces at once instead. Failed reads are recorded, not raised, and
    never look like "nothing there". ``clock`` gives the aware time that each read is stamped with.
    """
    by_kind: dict[str, tuple[JsonObject, ...]] = {}
    queries: list[Query] = []
    silences = 0
    for wanted in _everywhere() if everywhere else _all_wanted(namespace):
        at = clock()
        if wanted.namespace and not is_namespace(wanted.namespace):
            queries.append(wanted.failed(at, "no namespace can have this name; it was not asked for"))
            continue
        if silences >= SILENCES:
            queries.append(
                wanted.failed(at, "not asked for: the API server did not answer before", silent=True)
            )
            continue
        found = _listed(cluster, wanted)
        silences += found.silent
        by_kind[wanted.kind] = tuple(found.objects)
        queries.append(_query(wanted, found, at))
    return Inventory(by_kind=by_kind, queries=tuple(queries))


def _all_wanted(namespace: str) -> list[_Wanted]:
    # A name that could break out of the path stays out of it, also in what is recorded.
    place = namespace if is_namespace(namespace) else "-"
    inside = [
        _Wanted(kind=kind, path=path.format(ns=place), namespace=namespace)
        for kind, path in NAMESPACED
        if namespace
    ]
    return inside + [_Wanted(kind=kind, path=path, namespace="") for kind, path in CLUSTER]


def _everywhere() -> list[_Wanted]:
    paths = [(kind, path.replace("/namespaces/{ns}", "")) for kind, path in NAMESPACED]
    return [_Wanted(kind=kind, path=path, namespace="") for kind, path in (*paths, *CLUSTER)]


def _query(wanted: _Wanted, found: _Found, at: datetime) -> Query:
    if found.problem is not None and not found.objects:
        return wanted.failed(at, str(found.problem), silent=found.silent)
    return Query(
        kind=wanted.kind,
        namespace=wanted.namespace,
        path=wanted.path,
        count=len(found.objects),
        ok=True,
        truncated=bool(found.token),
        silent=found.silent,
        at=at,
    )


def _listed(cluster: Connection, wanted: _Wanted) -> _Found:
    found = _Found()
    try:
        while True:
            page = cluster.send(_page(wanted, found.token))
            # A list leaves out what its items are: put it back, everything later relies on it.
            items = (item for item in page.get("items") or [] if isinstance(item, dict))
            found.objects += [cleaned({**item, "kind": wanted.kind}) for item in items]
            found.token = (page.get("metadata") or {}).get("continue") or ""
            if not found.token or len(found.objects) >= MOST_PER_KIND:
                return found
    except KubernetesError as problem:
        # What came before a page that expired is true, and the token left over says: cut short.
        found.problem = problem
        return found


def _page(wanted: _Wanted, token: str) -> Request:
    # A continue token pins its own version; the cache answers only the first page.
    position = ("continue", token) if token else ("resourceVersion", "0")
    accept = METADATA_ONLY if wanted.kind == "Secret" else "application/json"
    return Request(method="GET", path=wanted.path, query=(("limit", str(PAGE)), position), accept=accept)
