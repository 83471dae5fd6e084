"""A large cluster as the reader leaves it: 10,000 pods, 5,000 events, 1,000 objects of each other kind.

Two hundred namespaces with five workloads each. Every tenth workload is unwell (an image that does not
exist, or a crash loop) and some Services select nothing, as in a cluster on a bad day.

The town is drawn from a seed, so that two runs look at the same cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from evals.bench import town_objects as make
from evals.bench.town_objects import EACH
from tools.kubernetes.inventory import Inventory, Query, cleaned
from tools.kubernetes.kinds import READABLE
from tools.kubernetes.objects import JsonObject

PODS, EVENTS = 10_000, 5_000


def town() -> Inventory:
    """The inventory, with a successful read of every kind in its books."""
    plain = _plain()
    by_kind: dict[str, tuple[JsonObject, ...]] = {}
    for one in READABLE:
        count = {"Pod": PODS, "Event": EVENTS}.get(one.kind, EACH)
        build = _BUILT.get(one.kind) or partial(make.object_, one.kind, body=plain.get(one.kind, {}))
        by_kind[one.kind] = tuple(cleaned(build(n)) for n in range(count))
    asked = (
        Query(kind=one.kind, namespace="", path=one.path(""), count=len(by_kind[one.kind]), ok=True)
        for one in READABLE
    )
    return Inventory(by_kind=by_kind, queries=tuple(asked))


_BUILT: dict[str, Callable[[int], JsonObject]] = {
    "Pod": make.pod,
    "Event": make.event,
    "Node": make.node,
    "Namespace": lambda n: make.object_("Namespace", n, {}, name=f"place-{n:03}"),
    "Service": make.service,
    "EndpointSlice": make.slice_,
    "HorizontalPodAutoscaler": make.autoscaler,
    "Job": make.job,
    "CronJob": make.cron,
    "Ingress": make.ingress,
    "HTTPRoute": make.route,
    "Gateway": make.gateway,
    **{
        kind: partial(make.workload, kind)
        for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
    },
    **{kind: partial(make.binding, kind) for kind in ("RoleBinding", "ClusterRoleBinding")},
    **{kind: partial(make.claimed, kind) for kind in ("PersistentVolume", "PersistentVolumeClaim")},
    **{kind: partial(make.selecting, kind) for kind in ("NetworkPolicy", "PodDisruptionBudget")},
    **{
        kind: partial(make.webhook, kind)
        for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    },
}
"""How an object of a kind is made from its number; of the others nothing but a healthy body matters."""


def _plain() -> dict[str, JsonObject]:
    """Kinds of which nothing but a healthy body matters here."""
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    available = {"status": {"conditions": [{"type": "Available", "status": "True"}]}}
    established = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
    accepted = {"status": {"conditions": [{"type": "Accepted", "status": "True"}]}}
    rules = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
    return {
        "ConfigMap": {"data": {"color": "blue"}},
        "Secret": {"type": "Opaque"},
        "ServiceAccount": {"automountServiceAccountToken": False},
        "ResourceQuota": {
            "spec": {"hard": {"pods": "200"}},
            "status": {"hard": {"pods": "200"}, "used": {"pods": "50"}},
        },
        "LimitRange": {"spec": {"limits": [{"type": "Container", "max": {"cpu": "4"}}]}},
        "StorageClass": {"provisioner": "csi.example.com"},
        "PriorityClass": {"value": 1000},
        "IngressClass": {"spec": {"controller": "example.com/ingress"}},
        "GatewayClass": {"spec": {"controllerName": "example.com/gateway"}, **accepted},
        "APIService": {"spec": {"group": "example.com", "version": "v1"}, **available},
        "CustomResourceDefinition": {"spec": {"group": "example.com"}, **established},
        "Certificate": ready,
        "Policy": ready,
        "ClusterPolicy": ready,
        "Role": rules,
        "ClusterRole": rules,
    }
