"""Writes to try a wall with: every field, at random, and what each verb sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.kubernetes_world import NEW, ContractCluster, Json
from tests.support.wall import leaves
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import step_for

POD = "/spec/template/spec"
# What no write of a main resource can change, and what the patches themselves carry.
FIXED = ("/metadata/", "/status", "/apiVersion", "/kind")
_OTHER = {
    "Always": "IfNotPresent",
    "IfNotPresent": "Always",
    "TCP": "UDP",
    "ClusterIP": "NodePort",
    "None": "ClientIP",
    "Allow": "Forbid",
    "NoSchedule": "NoExecute",
    "Exists": "Equal",
    "cpu": "memory",
}


def others(value: Any) -> list[Any]:
    """Other values of the same type, so that the schema is not what refuses them."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, str):
        return [*([_OTHER[value]] if value in _OTHER else []), f"{value}x", "another", "2"]
    return [{"other": "x"}, ["other"], {"unschedulable": True}]


def tries(before: Json) -> Iterator[list[list[Json]]]:
    """Each field changed, in one of some ways, and each taken away, with what holds it: patches."""
    for pointer, value in leaves(before):
        if not pointer.startswith(FIXED):
            yield [[{"op": "replace", "path": pointer, "value": other}] for other in others(value)]
            yield [[{"op": "remove", "path": pointer}]]
    # And everything that holds fields, an item of a list for example.
    held = {pointer.rpartition("/")[0] for pointer, _ in leaves(before)}
    while held:
        for pointer in sorted(each for each in held if each.count("/") > 1 and not each.startswith(FIXED)):
            yield [[{"op": "remove", "path": pointer}]]
        held = {pointer.rpartition("/")[0] for pointer in held if pointer}


_MAIN = f"{POD}/containers/0"
VERBS: dict[str, tuple[str, Json]] = {
    "set_image": ("DaemonSet", {f"{_MAIN}/image": NEW}),
    # Field by field, as it goes back around env values that nobody reads.
    "roll_back": ("Deployment", {f"{_MAIN}/image": NEW, f"{POD}/terminationGracePeriodSeconds": 30}),
    "set_resources": ("StatefulSet", {f"{_MAIN}/resources/limits/memory": "128Mi"}),
    "set_env_reference": ("StatefulSet", {f"{_MAIN}/env/1/valueFrom/configMapKeyRef/name": "newer"}),
    "fix_selector": ("Service", {"/spec/selector": {"app": "other"}}),
    "fix_port": ("Service", {"/spec/ports/0/targetPort": "http", "/spec/ports/0/port": 8080}),
    "fix_probe": (
        "DaemonSet",
        {f"{_MAIN}/readinessProbe/httpGet/path": "/", f"{_MAIN}/readinessProbe/failureThreshold": 9},
    ),
    "fix_scheduling": ("StatefulSet", {f"{POD}/nodeSelector": None, f"{POD}/tolerations": []}),
    "scale": ("Deployment", {"/spec/replicas": 2}),
    "hpa_bounds": ("HorizontalPodAutoscaler", {"/spec/minReplicas": 2, "/spec/maxReplicas": 6}),
    "restart_rollout": (
        "StatefulSet",
        {
            "/spec/template/metadata": {
                "labels": {"app": "wall"},
                "annotations": {"made": "by-hand", "midwatch.dev/restarted-by": "INC-1"},
            }
        },
    ),
    "pause_rollout": ("Deployment", {"/spec/paused": True}),
    "resume_rollout": ("Deployment", {"/spec/paused": True}),
    "suspend": ("CronJob", {"/spec/suspend": False}),
    "resume": ("Job", {"/spec/suspend": False}),
    "cordon": ("Node", {"/spec/unschedulable": True}),
    "uncordon": ("Node", {"/spec/unschedulable": True}),
    "expand_pvc": ("PersistentVolumeClaim", {"/spec/resources/requests/storage": "2Gi"}),
    "quota": ("ResourceQuota", {"/spec/hard/count~1secrets": "60"}),
    "network_policy": ("NetworkPolicy", {"/spec/egress": [{}], "/spec/ingress": []}),
}


def step_of(cluster: ContractCluster, verb: str, path: str) -> Step:
    """What the verb would do to the object as it is now."""
    live: Json = cluster.call("GET", path).body
    step = step_for(CATALOGUE[verb], live, VERBS[verb][1])
    assert isinstance(step, Step), step
    return step
