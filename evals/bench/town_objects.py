"""The objects of a large cluster, made as the reader leaves them: see ``town``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from evals.world.clock import rfc3339
from tools.kubernetes.kinds import READABLE
from tools.kubernetes.objects import JsonObject

EACH, PLACES = 1_000, 200
_CREATED = rfc3339(datetime.now(UTC) - timedelta(hours=3))
_SICK_EVERY = 10
_IMAGE, _NO_IMAGE = "registry.example/town/app:1.4", "registry.example/town/app:1.5"
_FAILED = f'Back-off pulling image "{_NO_IMAGE}": ErrImagePull: {_NO_IMAGE}: not found'
_SCOPED = frozenset(one.kind for one in READABLE if not one.namespaced)


def _is_sick(n: int) -> bool:
    return n % _SICK_EVERY == 0


def _meta(kind: str, n: int, **more: object) -> JsonObject:
    scoped = kind in _SCOPED
    return {
        "name": f"app-{n:04}",
        "uid": f"{kind}-{n}",
        "resourceVersion": str(n + 1),
        "creationTimestamp": _CREATED,
        "labels": {"app": f"app-{n:04}", "team": f"team-{n % 20}"},
        **({} if scoped else {"namespace": f"place-{n % PLACES:03}"}),
        **more,
    }


def object_(kind: str, n: int, body: JsonObject, **more: object) -> JsonObject:
    """Any object with the usual metadata and this body."""
    return {"kind": kind, "metadata": _meta(kind, n, **more), **body}


def _template(n: int) -> JsonObject:
    image = _NO_IMAGE if _is_sick(n) and n % 20 == 0 else _IMAGE
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10, "timeoutSeconds": 1}
    container = {
        "name": "app",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "readinessProbe": probe,
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
        "env": [
            {"name": "UPSTREAM", "value": f"http://app-{(n + PLACES) % EACH:04}:80"},
            {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": f"app-{n:04}", "key": "color"}}},
        ],
    }
    spec = {
        "containers": [container],
        "serviceAccountName": f"app-{n:04}",
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": f"app-{n:04}"}}],
    }
    return {"metadata": {"labels": {"app": f"app-{n:04}"}}, "spec": spec}


def workload(kind: str, n: int) -> JsonObject:
    """A workload of ten pods; unwell ones have none that serves.

    Each takes a key of a ConfigMap, a claim, an account and the address of another Service, so that every
    reference leads somewhere and has to be followed to be found whole.
    """
    template = _template(n)
    spec = {
        "replicas": 10,
        "selector": {"matchLabels": {"app": f"app-{n:04}"}},
        "template": template,
        **({"serviceName": f"app-{n:04}"} if kind == "StatefulSet" else {}),
    }
    well = 0 if _is_sick(n) and kind in ("Deployment", "ReplicaSet") else 10
    status = {
        "replicas": 10,
        "readyReplicas": well,
        "availableReplicas": well,
        "updatedReplicas": 10,
        "desiredNumberScheduled": 10,
        "numberReady": 10,
        "numberAvailable": 10,
        "observedGeneration": 1,
    }
    owner = {"kind": "Deployment", "name": f"app-{n:04}", "uid": f"Deployment-{n}", "controller": True}
    more: JsonObject = {"generation": 1}
    if kind == "ReplicaSet":
        more |= {"ownerReferences": [owner], "annotations": {"deployment.kubernetes.io/revision": "1"}}
    return object_(kind, n, {"spec": spec, "status": status}, **more)


def pod(number: int) -> JsonObject:
    """One of the ten pods of a workload; every tenth workload is unwell.

    Half of these wait for an image that does not exist, the others crash: the two that are met most.
    """
    n = number % EACH
    owner = {"kind": "ReplicaSet", "name": f"app-{n:04}", "uid": f"ReplicaSet-{n}", "controller": True}
    template = _template(n)
    name = f"app-{n:04}-{number // EACH}"
    ready = not _is_sick(n)
    state: JsonObject = {"running": {"startedAt": _CREATED}}
    last: JsonObject = {}
    if not ready and n % 20 == 0:
        state = {"waiting": {"reason": "ImagePullBackOff", "message": _FAILED}}
    elif not ready:
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed"}}
        last = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": _CREATED}}
    told = {
        "name": "app",
        "image": template["spec"]["containers"][0]["image"],
        "ready": ready,
        "restartCount": 0 if ready else 7,
        "state": state,
        **({"lastState": last} if last else {}),
    }
    said = [
        {"type": kind, "status": "True" if ready or kind == "PodScheduled" else "False"}
        for kind in ("PodScheduled", "Initialized", "Ready", "ContainersReady")
    ]
    status = {"phase": "Running" if ready else "Pending", "conditions": said, "containerStatuses": [told]}
    spec = {**template["spec"], "nodeName": f"app-{number % EACH:04}"}
    meta = _meta("Pod", n, name=name, uid=f"Pod-{number}", ownerReferences=[owner])
    return {"kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def event(number: int) -> JsonObject:
    """An event about a pod."""
    # Five of its ten pods have one, as a cluster forgets events after an hour.
    n = number % EACH
    pod = {"kind": "Pod", "namespace": f"place-{n % PLACES:03}", "name": f"app-{n:04}-{number // EACH}"}
    sick = _is_sick(n)
    return {
        "kind": "Event",
        "metadata": _meta("Event", n, name=f"event-{number}", uid=f"Event-{number}"),
        "involvedObject": pod,
        "type": "Warning" if sick else "Normal",
        "reason": "Failed" if sick else "Started",
        "message": _FAILED if sick else "Started container app",
        "count": 3,
        "firstTimestamp": _CREATED,
        "lastTimestamp": _CREATED,
    }


def node(n: int) -> JsonObject:
    """A healthy node."""
    said = [{"type": "Ready", "status": "True"}, {"type": "MemoryPressure", "status": "False"}]
    room = {"cpu": "16", "memory": "64Gi", "pods": "110"}
    return object_("Node", n, {"spec": {}, "status": {"conditions": said, "allocatable": room}})


def service(n: int) -> JsonObject:
    """A Service of a workload; every fiftieth selects a label that nobody has."""
    app = f"app-{n:04}" + ("-gone" if n % 50 == 5 else "")
    ports = [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]
    return object_("Service", n, {"spec": {"selector": {"app": app}, "ports": ports, "type": "ClusterIP"}})


def slice_(n: int) -> JsonObject:
    """The addresses of a Service."""
    endpoints = [
        {
            "addresses": [f"10.{n % 200}.{n // 200}.{k}"],
            "conditions": {"ready": not _is_sick(n)},
            "targetRef": {"kind": "Pod", "name": f"app-{n:04}-{k}"},
        }
        for k in range(10)
    ]
    labels = {"kubernetes.io/service-name": f"app-{n:04}"}
    ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
    return object_("EndpointSlice", n, {"endpoints": endpoints, "ports": ports}, labels=labels)


def autoscaler(n: int) -> JsonObject:
    """An autoscaler of a Deployment."""
    target = {"kind": "Deployment", "name": f"app-{n:04}", "apiVersion": "apps/v1"}
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    spec = {
        "scaleTargetRef": target,
        "minReplicas": 2,
        "maxReplicas": 20,
        "metrics": [{"type": "Resource", "resource": metric}],
    }
    return object_("HorizontalPodAutoscaler", n, {"spec": spec, "status": {"currentReplicas": 10}})


def job(n: int) -> JsonObject:
    """A Job that ended well."""
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": _IMAGE}]}}
    done = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    return object_("Job", n, {"spec": {"template": pod}, "status": done}, name=f"job-{n:04}", labels={})


def cron(n: int) -> JsonObject:
    """A CronJob."""
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": _IMAGE}]}}
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": pod}}}
    return object_("CronJob", n, {"spec": spec, "status": {"lastScheduleTime": _CREATED}})


def ingress(n: int) -> JsonObject:
    """An Ingress with a certificate.

    Every host is its own: paths that hide one another are looked for host by host.
    """
    backend = {"service": {"name": f"app-{n:04}", "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rule = {"host": f"app-{n:04}.example", "http": {"paths": [path]}}
    spec = {
        "ingressClassName": "app-0000",
        "rules": [rule],
        "tls": [{"hosts": [rule["host"]], "secretName": f"app-{n:04}"}],
    }
    return object_("Ingress", n, {"spec": spec})


def binding(kind: str, n: int) -> JsonObject:
    """A RoleBinding or ClusterRoleBinding."""
    role = {"kind": kind.removesuffix("Binding"), "name": f"app-{n:04}"}
    who = {"kind": "ServiceAccount", "name": f"app-{n:04}", "namespace": f"place-{n % PLACES:03}"}
    return object_(kind, n, {"roleRef": role, "subjects": [who]})


def route(n: int) -> JsonObject:
    """An HTTPRoute to a Service."""
    rule = {"backendRefs": [{"name": f"app-{n:04}", "port": 80}], "matches": [{"path": {"value": f"/{n}"}}]}
    spec = {"parentRefs": [{"name": f"app-{n:04}"}], "hostnames": [f"r{n}.example"], "rules": [rule]}
    return object_("HTTPRoute", n, {"spec": spec})


def gateway(n: int) -> JsonObject:
    """A Gateway that works."""
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    said = [{"type": kind, "status": "True"} for kind in ("Accepted", "Programmed")]
    spec = {"gatewayClassName": "app-0000", "listeners": [listener]}
    return object_("Gateway", n, {"spec": spec, "status": {"conditions": said}})


def webhook(kind: str, n: int) -> JsonObject:
    """A webhook configuration that calls a Service."""
    # Of a kind that nobody makes here: what it would refuse is not what is measured.
    service = {"name": f"app-{n:04}", "namespace": f"place-{n % PLACES:03}", "port": 80}
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["x"]}
    hook = {
        "name": f"h{n}.example.com",
        "clientConfig": {"service": service},
        "failurePolicy": "Fail",
        "rules": [rule],
    }
    return object_(kind, n, {"webhooks": [hook]})


def claimed(kind: str, n: int) -> JsonObject:
    """A claim, or the volume that it is bound to."""
    size = {"storage": "10Gi"}
    if kind == "PersistentVolumeClaim":
        spec = {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": size},
            "storageClassName": "app-0000",
            "volumeName": f"app-{n:04}",
        }
        return object_(kind, n, {"spec": spec, "status": {"phase": "Bound", "capacity": size}})
    claim = {"name": f"app-{n:04}", "namespace": f"place-{n % PLACES:03}"}
    spec = {
        "accessModes": ["ReadWriteMany"],
        "capacity": size,
        "claimRef": claim,
        "storageClassName": "app-0000",
    }
    return object_(kind, n, {"spec": spec, "status": {"phase": "Bound"}})


def selecting(kind: str, n: int) -> JsonObject:
    """A NetworkPolicy or a disruption budget of a workload."""
    selector = {"matchLabels": {"app": f"app-{n:04}"}}
    if kind == "NetworkPolicy":
        spec: JsonObject = {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [{}]}
        return object_(kind, n, {"spec": spec})
    status = {"disruptionsAllowed": 1, "currentHealthy": 10, "desiredHealthy": 9, "expectedPods": 10}
    return object_(kind, n, {"spec": {"selector": selector, "minAvailable": 9}, "status": status})
