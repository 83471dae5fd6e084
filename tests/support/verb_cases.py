"""Objects of the kinds beside workloads and Services, and what each verb is asked to do with them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
MARKED = {"annotations": {"seen": "yes"}}
NODE_ROW = {"name": "worker-1", "uid": "u-node", "resourceVersion": "900", **MARKED}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
OWNERS = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "u-rs", "controller": True}]


def meta(name: str, **more: Any) -> Json:
    return {"name": name, "namespace": "shop", "uid": f"u-{name}", "resourceVersion": "7", **MARKED, **more}


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": NODE_ROW,
    "spec": {"podCIDR": "10.0.1.0/24"},
    "status": READY,
}
CORDONED = {**NODE, "spec": {"podCIDR": "10.0.1.0/24", "unschedulable": True}}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": meta("web-1-abcde", ownerReferences=OWNERS),
    "spec": {"nodeName": "worker-1", "containers": []},
    "status": {"phase": "Running"},
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": meta("data"),
    "spec": {
        "storageClassName": "fast",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    },
    "status": {"phase": "Bound"},
}
FAST = {"kind": "StorageClass", "metadata": {"name": "fast"}, "allowVolumeExpansion": True}
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": meta("compute"),
    "spec": {"hard": {"limits.memory": "4Gi", "count/deployments.apps": "10"}},
}
RULE = {
    "from": [{"podSelector": {"matchLabels": {"app": "checkout"}}}],
    "ports": [{"port": 8080, "protocol": "TCP"}],
}
POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": meta("cart", generation=1),
    "spec": {"podSelector": {"matchLabels": {"app": "cart"}}, "policyTypes": ["Ingress"]},
}
HOOKS = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "guard", "uid": "u-hook", "generation": 3, "resourceVersion": "7", **MARKED},
    "webhooks": [
        {"name": "pods.guard.example", "failurePolicy": "Fail", "namespaceSelector": {}},
        {"name": "jobs.guard.example", "failurePolicy": "Fail", "namespaceSelector": {}},
    ],
}
GONE_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": meta("cart", labels={"app": "cart"}),
    "spec": {
        "selector": {"app": "cart"},
        "clusterIP": "10.96.0.9",
        "clusterIPs": ["10.96.0.9"],
        "ports": [{"port": 80, "targetPort": 8080}],
    },
    "status": {"loadBalancer": {}},
}
GONE_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": meta("flags"),
    "data": {"color": "red"},
}
SILENCE = {
    "incident": "INC-7",
    "namespace": "shop",
    "matchers": {"alertname": "KubePodNotReady", "namespace": "shop"},
    "link": "http://127.0.0.1:8480/incidents/7",
    "starts_at": "2026-11-24T02:00:00Z",
    "ends_at": "2026-11-24T04:00:00Z",
}
CASES: dict[str, tuple[Json, Json]] = {
    "evict_pod": (POD, {}),
    "cordon": (NODE, {"others": 2}),
    "uncordon": (CORDONED, {}),
    "expand_pvc": (CLAIM, {"value": "20Gi", "storage_class": FAST}),
    "quota": (QUOTA, {"resource": "limits.memory", "value": "8192Mi"}),
    "network_policy": (POLICY, {"direction": "ingress", "rule": RULE}),
    "webhook": (HOOKS, {"webhook": "jobs.guard.example", "ignore": True}),
    "restore": (GONE_SERVICE, {}),
    "silence": ({}, SILENCE),
}
"""Verb → the object it is given and its parameters."""
