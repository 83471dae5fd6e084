"""Defaults of pod specs and their containers (pkg/apis/core/v1/defaults.go)."""

from __future__ import annotations

from evals.world.kubernetes.objects import JsonObject

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_DEFAULT_MODES = ("secret", "configMap", "downwardAPI", "projected")


def fill(target: JsonObject, **values: object) -> None:
    """Set every value whose key is missing or null."""
    for key, value in values.items():
        if target.get(key) is None:
            target[key] = value


def default_pod_spec(spec: JsonObject) -> None:
    """Complete a pod spec in place, as in a pod or a workload's template."""
    fill(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    if spec.get("serviceAccountName") or spec.get("serviceAccount"):
        account = spec.get("serviceAccountName") or spec.get("serviceAccount")
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for group in ("containers", "initContainers"):
        for container in spec.get(group) or []:
            _default_container(container)
    for volume in spec.get("volumes") or []:
        _default_volume(volume)


def default_pod(pod: JsonObject) -> None:
    """Complete a pod in place, including what the standard admission plugins add to pods only."""
    spec = pod.setdefault("spec", {})
    default_pod_spec(spec)
    fill(spec, serviceAccountName="default", serviceAccount="default", enableServiceLinks=True)
    fill(spec, priority=0, preemptionPolicy="PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    # The DefaultTolerationSeconds admission plugin: five minutes on a node that is gone.
    for taint in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{taint}"
        if not any(
            each.get("key") in (key, None) and each.get("effect") in ("NoExecute", None)
            for each in tolerations
        ):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )
    fill(pod.setdefault("status", {}), phase="Pending", qosClass=qos_class(spec))


def qos_class(spec: JsonObject) -> str:
    """Guaranteed, Burstable or BestEffort, from the requests and limits of all containers."""
    wanted: list[tuple[JsonObject, JsonObject]] = []
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        resources = container.get("resources") or {}
        wanted.append((resources.get("requests") or {}, resources.get("limits") or {}))
    if not any(requests or limits for requests, limits in wanted):
        return "BestEffort"
    if all({"cpu", "memory"} <= set(limits) and requests == limits for requests, limits in wanted):
        return "Guaranteed"
    return "Burstable"


def _default_container(container: JsonObject) -> None:
    fill(
        container,
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=_pull_policy(str(container.get("image", ""))),
        resources={},
    )
    for port in container.get("ports") or []:
        fill(port, protocol="TCP")
    limits = container["resources"].get("limits")
    if limits:
        requests = container["resources"].setdefault("requests", {})
        fill(requests, **limits)
    for name in _PROBES:
        if container.get(name):
            _default_probe(container[name])
    for variable in container.get("env") or []:
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            fill(reference, apiVersion="v1")


def _default_probe(probe: JsonObject) -> None:
    fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if probe.get("httpGet"):
        fill(probe["httpGet"], path="/", scheme="HTTP")
    if probe.get("grpc"):
        fill(probe["grpc"], service="")


def _default_volume(volume: JsonObject) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}
    for source in _DEFAULT_MODES:
        if volume.get(source) is not None:
            fill(volume[source], defaultMode=420)
    if volume.get("hostPath"):
        fill(volume["hostPath"], type="")


def _pull_policy(image: str) -> str:
    last = image.rsplit("/", 1)[-1]
    tag = "" if "@" in last else last.partition(":")[2]
    return "Always" if "@" not in last and tag in ("", "latest") else "IfNotPresent"
