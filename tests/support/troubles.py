"""Small clusters with one thing wrong, and the alert that is asked about them."""

from __future__ import annotations

from tests.support.kube_objects import Json, deployment, event, meta, pod, replicaset, template
from tests.support.scenes import alert

SHORT = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="web")


def node(name: str, ready: str = "True") -> Json:
    since = {
        "type": "Ready",
        "status": ready,
        "reason": "KubeletNotReady",
        "lastTransitionTime": "2026-11-24T01:58:00Z",
    }
    return {"kind": "Node", "metadata": meta("Node", name, namespace=""), "status": {"conditions": [since]}}


def starved() -> list[Json]:
    """A quota that is used up, a ReplicaSet that cannot create pods, a Deployment that is short."""
    full = {
        "kind": "ResourceQuota",
        "metadata": meta("ResourceQuota", "compute"),
        "spec": {"hard": {"pods": "1"}},
        "status": {"hard": {"pods": "1"}, "used": {"pods": "1"}},
    }
    short = replicaset(1)
    short["spec"]["replicas"], short["status"]["replicas"] = 2, 1
    said = (
        'Error creating: pods "web-r1-x" is forbidden: exceeded quota: compute, requested: pods=1, '
        "used: pods=1, limited: pods=1"
    )
    told = event(short, "FailedCreate", said)
    return [full, deployment(available=1), short, told, pod("web-r1-aaaaa")]


def unconfigured() -> list[Json]:
    """A Deployment that takes its settings from a ConfigMap that is not there; another one is."""
    wanted = template(envFrom=[{"configMapRef": {"name": "settings"}}])
    other = {"kind": "ConfigMap", "metadata": meta("ConfigMap", "kept"), "data": {}}
    waits = {"waiting": {"reason": "CreateContainerConfigError", "message": 'configmap "settings" not found'}}
    sick = pod("web-r1-aaaaa", state=waits, ready=False, phase="Pending")
    return [deployment(available=0, template=wanted), replicaset(1, template=wanted), sick, other]
