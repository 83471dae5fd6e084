"""Small clusters in which what the cluster asks of its pods is amiss, and their twins that are well.

Faults that nobody tuned for: written down with their causes before the rules saw them.
"""

from __future__ import annotations

import json

from tests.support.kube_objects import (
    CREATED,
    Json,
    crashing,
    deployment,
    event,
    meta,
    owned_by,
    pod,
    replicaset,
    service,
    template,
    waiting,
)
from tests.support.scenes import Scene, alert, scene
from tests.support.troubles import SHORT, node

CALL = (
    'Internal error occurred: failed calling webhook "inject.mesh.example": failed to call webhook: Post '
    '"https://mesh.mesh.svc:443/inject": no endpoints available for service "mesh"'
)
METRICS = (
    "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics "
    "for resource cpu: unable to fetch metrics from resource metrics API: the server is currently unable to "
    "handle the request (get pods.metrics.k8s.io)"
)
SCALER = alert("KubeHpaReplicasMismatch", namespace="shop", horizontalpodautoscaler="web")
ENDLESS = alert("NamespaceTerminating", namespace="old")
LOST_NAME = "dial tcp: lookup api.shop.svc on 10.96.0.10:53: i/o timeout\n"


def away(objects: list[Json], namespace: str) -> list[Json]:
    """The same objects in another namespace: what they are to each other stays."""
    said = json.dumps(objects).replace('"namespace": "shop"', f'"namespace": "{namespace}"')
    made: list[Json] = json.loads(said.replace("-shop-", f"-{namespace}-"))
    return made


def stuck(name: str, *, ready: bool = False) -> list[Json]:
    """A Deployment with a Service, whose pod waits for a volume's ConfigMap, or runs."""
    state = {"running": {"startedAt": CREATED}} if ready else waiting("ContainerCreating")
    one = pod(f"{name}-r1-aaaaa", state=state, ready=ready, phase="Running" if ready else "Pending",
              labels={"app": name})  # fmt: skip
    told = event(one, "FailedMount", 'MountVolume.SetUp failed for volume "ca" : configmap "ca" not found')
    port = [{"name": "https", "port": 443, "targetPort": 8443}]
    made = [deployment(name, replicas=1, available=int(ready)), replicaset(1, owner=name), one]
    return [*made, service(name, ports=port), *([] if ready else [told])]


def injector(*, ready: bool = False, spec: Json | None = None) -> list[Json]:
    """A mesh whose webhook every new pod passes, and a Deployment whose pods it does not let in."""
    hook = {
        "name": "inject.mesh.example",
        "failurePolicy": "Fail",
        "clientConfig": {"service": {"name": "mesh", "namespace": "mesh", "port": 443}},
        "rules": [{"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]}],
    }
    guard = {
        "kind": "MutatingWebhookConfiguration",
        "metadata": meta("MutatingWebhookConfiguration", "mesh", namespace=""),
        "webhooks": [{**hook, **(spec or {})}],
    }
    short = replicaset(1)
    short["spec"]["replicas"] = 2
    told = [] if ready else [event(short, "FailedCreate", f"Error creating: {CALL}")]
    web = deployment(available=2 if ready else 0)
    return [guard, *away(stuck("mesh", ready=ready), "mesh"), web, short, *told]


def measured(*, ready: bool = False) -> list[Json]:
    """An autoscaler without metrics, since the pod behind the API for them is not ready."""
    api = {
        "kind": "APIService",
        "metadata": meta("APIService", "v1beta1.metrics.k8s.io", namespace=""),
        "spec": {"group": "metrics.k8s.io", "service": {"name": "gauge", "namespace": "kube-system"}},
        "status": {"conditions": [{"type": "Available", "status": str(ready), "reason": "MissingEndpoints"}]},
    }
    condition = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric",
                 "message": METRICS, "lastTransitionTime": CREATED}  # fmt: skip
    hpa = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta("HorizontalPodAutoscaler", "web"),
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5},
        "status": {"conditions": [] if ready else [condition]},
    }
    given = template(resources={"requests": {"cpu": "100m"}})
    return [api, *away(stuck("gauge", ready=ready), "kube-system"), deployment(template=given), hpa]


def nameless(*, resolves: bool = False, said: str = LOST_NAME) -> Scene:
    """A container that ends because a name does not resolve, and the DNS of the cluster."""
    labels = {"app": "dns"}
    dns = pod("dns-r1-aaaaa") if resolves else crashing("dns-r1-aaaaa")
    dns["metadata"]["labels"] = labels
    made = [deployment("dns", available=int(resolves)), replicaset(1, owner="dns"), dns]
    logs = {("shop", "web-r1-aaaaa", "web"): said}
    asked = alert("KubePodCrashLooping", namespace="shop", pod="web-r1-aaaaa", container="web")
    api = [deployment("api"), service("api"), pod("api-r1-aaaaa", labels={"app": "api"})]
    sick = [*api, deployment(available=0), replicaset(1), crashing("web-r1-aaaaa")]
    return scene([*away([*made, service("kube-dns", labels)], "kube-system"), *sick], asked, logs=logs)


def fenced(said: str, *, open_dns: bool = False) -> Scene:
    """A container that crashes under a policy that closes the way out."""
    ask = {"ports": [{"port": 53, "protocol": "UDP"}]}
    inside = {"to": [{"podSelector": {}}]}
    policy = {
        "kind": "NetworkPolicy",
        "metadata": meta("NetworkPolicy", "deny"),
        "spec": {
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [inside, *([ask] if open_dns else [])],
        },
    }
    asked = alert("KubePodCrashLooping", namespace="shop", pod="web-r1-aaaaa", container="web")
    sick = [deployment(available=0), replicaset(1), crashing("web-r1-aaaaa")]
    return scene([policy, *sick], asked, logs={("shop", "web-r1-aaaaa", "web"): said})


def pressed(reason: str, *, pressure: str = "True") -> Scene:
    """A pod that only one node would do for, and that node is short of disk space, or is not."""
    full = node("n1")
    full["status"]["conditions"].append(
        {"type": "DiskPressure", "status": pressure, "lastTransitionTime": CREATED}
    )
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": reason}
    waits = pod("web-r1-aaaaa", ready=False, phase="Pending")
    waits["status"]["conditions"], waits["status"]["containerStatuses"] = [refused], []
    return scene([full, deployment(available=0), replicaset(1), waits], SHORT)


def ending(*, answers: bool = False) -> list[Json]:
    """A namespace that does not end, because an API of which nothing is left is still registered."""
    api = {
        "kind": "APIService",
        "metadata": meta("APIService", "v1beta1.custom.metrics.k8s.io", namespace=""),
        "spec": {"group": "custom.metrics.k8s.io", "service": {"name": "gone", "namespace": "old"}},
        "status": {
            "conditions": [{"type": "Available", "status": str(answers), "reason": "ServiceNotFound"}]
        },
    }
    text = "Discovery failed for some groups, 1 failing: stale GroupVersion: custom.metrics.k8s.io/v1beta1"
    old = {
        "kind": "Namespace",
        "metadata": meta("Namespace", "old", namespace="", deletionTimestamp="2026-11-24T00:30:00Z"),
        "status": {
            "conditions": [{"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": text}]
        },
    }
    return [api, old]


def giving(path: str, *, network: bool) -> Scene:
    """A pod of a DaemonSet crashes on a node that has no network, or that offers none of its devices."""
    bare = node("n1", "False" if network else "True")
    lacking = "Network plugin returns error: cni plugin not initialized"
    bare["status"]["conditions"][0]["message"] = f"container runtime network not ready: {lacking}"
    bare["status"] |= {} if network else {"capacity": {"x.com/gpu": "4"}, "allocatable": {"x.com/gpu": "0"}}
    agent = crashing("agent-aaaaa", ownerReferences=owned_by("DaemonSet", "agent"), labels={"app": "agent"})
    agent["spec"] |= {"nodeName": "n1", "volumes": [{"name": "host", "hostPath": {"path": path}}]}
    agents = {"kind": "DaemonSet", "metadata": meta("DaemonSet", "agent"),
              "spec": {"template": template("agent")},
              "status": {"desiredNumberScheduled": 1, "numberReady": 0}}  # fmt: skip
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
               "message": "0/1 nodes are available: 1 Insufficient x.com/gpu."}  # fmt: skip
    waits = pod("web-r1-aaaaa", ready=False, phase="Pending")
    waits["status"]["conditions"], waits["status"]["containerStatuses"] = [refused], []
    asked = alert("KubeNodeNotReady", node="n1") if network else SHORT
    return scene([bare, agents, agent, deployment(available=0), replicaset(1), waits], asked)
