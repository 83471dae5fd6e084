"""ConfigMaps that are empty, too large, or used by nobody: hygiene, never a cause."""

from __future__ import annotations

from collections.abc import Iterator

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.config import MADE_BY_CONTROLLERS
from agents.investigator.analyzers.fields import (
    TEMPLATED,
    controller_of,
    count_of,
    dig,
    items,
    labels_of,
    name_of,
    namespace_of,
)
from agents.investigator.analyzers.references import taken_by
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

LARGEST = 1 << 20
"""Bytes: the API server takes no more than a mebibyte of data."""

_LOADED_BY_LABEL = frozenset(
    ("grafana_dashboard", "grafana_datasource", "grafana_alert", "prometheus_rule", "prometheus_config",
     "alertmanager_config", "fluentd_config", "fluent_bit_config", "k8sgpt.ai/dynamically-loaded")
)  # fmt: skip
"""Labels by which sidecars and operators find the ConfigMaps they load through the API."""

_EXCUSES = frozenset(("k8sgpt.ai/skip-usage-check", "control-plane.alpha.kubernetes.io/leader"))
_SYSTEM = ("kube-system", "kube-public", "kube-node-lease")


class ConfigMapCode(Coded):
    """What can be said of a ConfigMap by itself."""

    EMPTY = ("configmap.empty", "A ConfigMap holds nothing.", "its keys")
    TOO_LARGE = ("configmap.too_large", "A ConfigMap holds more than a mebibyte.", "the size of its values")
    UNUSED = (
        "configmap.unused",
        "No pod and no pod template of the namespace takes anything from a ConfigMap.",
        "env, envFrom and volumes of pods and of every pod template in the namespace",
    )


def configmaps(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for ConfigMaps; one that a sidecar loads by its label counts as used."""
    used = _used(snapshot)
    for configmap in snapshot.objects("ConfigMap"):
        place = namespace_of(configmap), name_of(configmap)
        marks = {*(dig(configmap, "metadata", "annotations") or {})}
        if place[1] in MADE_BY_CONTROLLERS or marks & _EXCUSES:
            continue
        if (size := count_of(configmap, "bytes")) > LARGEST:
            yield _large(size).of(snapshot, configmap)
        if not configmap.get("keys"):
            yield Said(
                code=ConfigMapCode.EMPTY, severity=Severity.INFO, message="The ConfigMap holds nothing."
            ).of(snapshot, configmap)
        elif place not in used and _may_be_unused(snapshot, configmap):
            yield Said(
                code=ConfigMapCode.UNUSED,
                severity=Severity.INFO,
                message="No pod and no pod template of the namespace takes anything from the ConfigMap.",
                reads=("Pod", *TEMPLATED),
            ).of(snapshot, configmap)


def _large(size: int) -> Said:
    return Said(
        code=ConfigMapCode.TOO_LARGE,
        message=f"The ConfigMap holds {size} bytes, more than the {LARGEST} that the API server takes.",
        fields={"bytes": size, "largest": LARGEST},
    )


def _used(snapshot: Snapshot) -> frozenset[tuple[str, str]]:
    """Namespace and name of every ConfigMap that something takes something from."""
    templates = (obj for kind in TEMPLATED for obj in snapshot.objects(kind))
    # A ReplicaSet and a Job never change their template; a pod of another kind may be of an older one.
    pods = (
        pod for pod in snapshot.objects("Pod") if controller_of(pod).get("kind") not in ("ReplicaSet", "Job")
    )
    return frozenset(
        (namespace_of(user), one.name)
        for user in (*templates, *pods)
        for one in taken_by(snapshot, user)
        if one.kind == "ConfigMap"
    )


def _may_be_unused(snapshot: Snapshot, configmap: JsonObject) -> bool:
    """Whether all that could use it was read, and nothing says that it is used through the API."""
    namespace = namespace_of(configmap)
    owned = items(configmap, "metadata", "ownerReferences")
    if namespace in _SYSTEM or owned or labels_of(configmap).keys() & _LOADED_BY_LABEL:
        return False
    return all(snapshot.looked_at(namespace, kind) for kind in ("Pod", *TEMPLATED))
