"""The values the API server fills in when a client leaves them out (pkg/apis/*/defaults.go, the common
part).

They matter beyond convenience: whoever compares what was sent with what is stored, a GitOps controller or
a dry-run's diff, meets these fields on both sides or sees changes that nobody made.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject, copied, dig, labels_of, meta
from evals.world.kubernetes.pod_defaults import default_pod, default_pod_spec, fill


def apply_defaults(kind: Kind, obj: JsonObject) -> None:
    """Complete ``obj`` in place. It has a uid already: service addresses and job selectors derive from it."""
    if kind.resource in _DEFAULTS:
        _DEFAULTS[kind.resource](obj)
    if kind.status and kind.resource in _STATUS:
        fill(obj.setdefault("status", {}), **copied(_STATUS[kind.resource]))
    elif kind.status:
        obj.setdefault("status", {})


def _template(obj: JsonObject) -> JsonObject:
    spec: JsonObject = obj.setdefault("spec", {})
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))
    return spec


def _deployment(obj: JsonObject) -> None:
    spec = _template(obj)
    fill(spec, replicas=1, strategy={}, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    fill(spec["strategy"], type="RollingUpdate")
    # Recreate must not carry a rollingUpdate block: the server refuses the pair.
    if spec["strategy"]["type"] == "RollingUpdate":
        fill(spec["strategy"], rollingUpdate={})
        fill(spec["strategy"]["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")


def _replicaset(obj: JsonObject) -> None:
    fill(_template(obj), replicas=1)


def _replication_controller(obj: JsonObject) -> None:
    spec = _template(obj)
    fill(spec, replicas=1, selector=dict(labels_of(spec["template"])))


def _statefulset(obj: JsonObject) -> None:
    spec = _template(obj)
    fill(spec, replicas=1, podManagementPolicy="OrderedReady", updateStrategy={}, revisionHistoryLimit=10)
    fill(spec, serviceName="", persistentVolumeClaimRetentionPolicy={})
    fill(spec["persistentVolumeClaimRetentionPolicy"], whenDeleted="Retain", whenScaled="Retain")
    fill(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        fill(spec["updateStrategy"], rollingUpdate={"partition": 0})


def _daemonset(obj: JsonObject) -> None:
    spec = _template(obj)
    fill(spec, updateStrategy={}, revisionHistoryLimit=10)
    fill(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        fill(spec["updateStrategy"], rollingUpdate={"maxUnavailable": 1, "maxSurge": 0})


def _job(obj: JsonObject) -> None:
    spec = _template(obj)
    fill(spec, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)
    fill(spec, podReplacementPolicy="TerminatingOrFailed", manualSelector=False)
    # With several workers an absent count means something else: any success ends the Job.
    if "completions" not in spec and spec["parallelism"] == 1:
        spec["completions"] = 1
    # The Job's own uid is its selector, so that two Jobs of one name never share pods.
    if spec.get("selector") is None:
        marks = {"batch.kubernetes.io/controller-uid": str(meta(obj).get("uid", ""))}
        spec["selector"] = {"matchLabels": marks}
        labels = meta(spec["template"]).setdefault("labels", {})
        labels.update(marks, **{"batch.kubernetes.io/job-name": str(meta(obj)["name"])})
    if spec.pop("manualSelector"):
        spec["manualSelector"] = True


def _cronjob(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    fill(
        spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1
    )
    template = dig(spec, "jobTemplate", "spec", "template", "spec")
    if template is not None:
        default_pod_spec(template)


def _service(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    fill(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports") or []:
        fill(port, protocol="TCP", targetPort=port.get("port"))
        if spec["type"] in ("NodePort", "LoadBalancer") and not port.get("nodePort"):
            port["nodePort"] = 30000 + (_digits(obj) + int(port.get("port") or 0)) % 2768
    if spec["type"] == "ExternalName":
        return
    if not spec.get("clusterIP"):
        # Out of the uid and not from a counter: the same world gives the same addresses each time.
        number = _digits(obj)
        spec["clusterIP"] = f"10.{96 + number % 16}.{number // 16 % 256}.{number // 4096 % 254 + 1}"
    fill(spec, clusterIPs=[spec["clusterIP"]], internalTrafficPolicy="Cluster")
    fill(spec, ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if spec["type"] != "ClusterIP":
        fill(spec, externalTrafficPolicy="Cluster")


def _digits(obj: JsonObject) -> int:
    return int(str(meta(obj).get("uid", "0"))[:8], 16)


def _namespace(obj: JsonObject) -> None:
    meta(obj).setdefault("labels", {})["kubernetes.io/metadata.name"] = meta(obj).get("name", "")
    fill(obj.setdefault("spec", {}), finalizers=["kubernetes"])


def _node(obj: JsonObject) -> None:
    obj.setdefault("spec", {})


def _secret(obj: JsonObject) -> None:
    fill(obj, type="Opaque")
    plain = obj.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _event(obj: JsonObject) -> None:
    fill(obj, reportingComponent="", reportingInstance="", source={})


def _claim(obj: JsonObject) -> None:
    fill(obj.setdefault("spec", {}), volumeMode="Filesystem", resources={})


def _volume(obj: JsonObject) -> None:
    fill(obj.setdefault("spec", {}), volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")


def _endpoints(obj: JsonObject) -> None:
    for subset in obj.get("subsets") or []:
        for port in subset.get("ports") or []:
            fill(port, protocol="TCP")


def _endpointslice(obj: JsonObject) -> None:
    fill(obj, endpoints=[], ports=[])
    for port in obj["ports"]:
        fill(port, name="", protocol="TCP")


def _network_policy(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    # A policy that says nothing about egress must not forbid it.
    fill(spec, podSelector={}, policyTypes=["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _autoscaler(obj: JsonObject) -> None:
    fill(obj.setdefault("spec", {}), minReplicas=1)


def _storage_class(obj: JsonObject) -> None:
    fill(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _webhooks(obj: JsonObject) -> None:
    for hook in obj.get("webhooks") or []:
        # Fail is the default that makes a dead webhook stop every deployment.
        fill(hook, failurePolicy="Fail", matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
        fill(hook, timeoutSeconds=10)


def _role_binding(obj: JsonObject) -> None:
    for subject in obj.get("subjects") or []:
        if subject.get("kind") in ("User", "Group"):
            fill(subject, apiGroup="rbac.authorization.k8s.io")


_DEFAULTS: dict[str, Callable[[JsonObject], None]] = {
    "deployments": _deployment,
    "replicasets": _replicaset,
    "replicationcontrollers": _replication_controller,
    "statefulsets": _statefulset,
    "daemonsets": _daemonset,
    "jobs": _job,
    "cronjobs": _cronjob,
    "pods": default_pod,
    "services": _service,
    "namespaces": _namespace,
    "nodes": _node,
    "secrets": _secret,
    "events": _event,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "endpoints": _endpoints,
    "endpointslices": _endpointslice,
    "networkpolicies": _network_policy,
    "horizontalpodautoscalers": _autoscaler,
    "storageclasses": _storage_class,
    "validatingwebhookconfigurations": _webhooks,
    "mutatingwebhookconfigurations": _webhooks,
    "rolebindings": _role_binding,
    "clusterrolebindings": _role_binding,
}

# Go writes these counters even when they are zero, and typed clients insist on them.
_STATUS: dict[str, JsonObject] = {
    "replicasets": {"replicas": 0},
    "replicationcontrollers": {"replicas": 0},
    "statefulsets": {"replicas": 0, "availableReplicas": 0},
    "daemonsets": {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    "poddisruptionbudgets": {
        "disruptionsAllowed": 0,
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
    },
    "horizontalpodautoscalers": {"desiredReplicas": 0},
    "services": {"loadBalancer": {}},
    "ingresses": {"loadBalancer": {}},
    "namespaces": {"phase": "Active"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "persistentvolumes": {"phase": "Pending"},
    # Nobody else here claims the names.
    "customresourcedefinitions": {
        "conditions": [
            {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts"},
            {"type": "Established", "status": "True", "reason": "InitialNamesAccepted"},
        ]
    },
}
