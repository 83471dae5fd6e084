"""What a pod template takes from ConfigMaps and Secrets, and by which way. No findings: the facts for some.

Source: PodSpec (core/v1): env, envFrom, volumes with their sources, imagePullSecrets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agents.investigator.analyzers.fields import dig, items
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


class Reference(NamedTuple):
    """One use of a ConfigMap or Secret. ``key`` is empty where the whole object is taken.

    ``way``: ``env``, ``subPath`` (both stay as they were when the container started), ``volume`` or ``pull``.
    """

    kind: str
    name: str
    key: str
    way: str
    optional: bool = False


def pod_spec(obj: JsonObject) -> JsonObject:
    """The PodSpec of a pod, or of the template that a workload, a Job or a CronJob holds."""
    if obj["kind"] == "Pod":
        return obj.get("spec") or {}
    inner = dig(obj, "spec", "jobTemplate") if obj["kind"] == "CronJob" else obj
    return dig(inner or {}, "spec", "template", "spec") or {}


def pods_of(snapshot: Snapshot, root: JsonObject) -> Iterator[JsonObject]:
    """The pods of a root: itself, its own, or those of its ReplicaSets."""
    if root["kind"] == "Pod":
        yield root
        return
    yield from snapshot.owned(root)
    for replicaset in snapshot.owned(root, "ReplicaSet"):
        yield from snapshot.owned(replicaset)


def references(spec: JsonObject) -> tuple[Reference, ...]:
    """Every use in this PodSpec, each once, in the order in which it stands there."""
    found = [
        *_env(spec),
        *_volumes(spec),
        *(_reference("Secret", one, "pull") for one in items(spec, "imagePullSecrets")),
    ]
    return tuple(dict.fromkeys(one for one in found if one.name))


def taken_by(snapshot: Snapshot, obj: JsonObject) -> tuple[Reference, ...]:
    """Every use by a pod or template of this look, worked out once for all who ask."""
    known = snapshot.shared("references", lambda _: dict[int, tuple[Reference, ...]]())
    if id(obj) not in known:
        known[id(obj)] = references(pod_spec(obj))
    return known[id(obj)]


def _reference(kind: str, source: JsonObject, way: str, key: str = "") -> Reference:
    name = source.get("name") or source.get("secretName") or ""
    return Reference(kind, name, key, way, bool(source.get("optional")))


def _env(spec: JsonObject) -> Iterator[Reference]:
    for container in (one for field in _CONTAINERS for one in spec.get(field) or ()):
        for entry in container.get("envFrom") or ():
            for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if source := entry.get(field):
                    yield _reference(kind, source, "env")
        for entry in container.get("env") or ():
            taken = entry.get("valueFrom") or {}
            for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                if source := taken.get(field):
                    yield _reference(kind, source, "env", source.get("key") or "")


def _volumes(spec: JsonObject) -> Iterator[Reference]:
    if not spec.get("volumes"):
        return
    mounts = (
        mount
        for field in _CONTAINERS
        for container in spec.get(field) or ()
        for mount in container.get("volumeMounts") or ()
    )
    fixed = {mount.get("name") for mount in mounts if mount.get("subPath") or mount.get("subPathExpr")}
    for volume in spec["volumes"]:
        way = "subPath" if volume.get("name") in fixed else "volume"
        for source in (volume, *items(volume, "projected", "sources")):
            for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
                if named := source.get(field):
                    yield from _source(kind, named, way)
        yield from _credentials(volume)


def _source(kind: str, source: JsonObject, way: str) -> Iterator[Reference]:
    keys = [entry.get("key") or "" for entry in items(source, "items")]
    yield from (_reference(kind, source, way, key) for key in keys or [""])


def _credentials(volume: JsonObject) -> Iterator[Reference]:
    """Secrets with which a storage system is reached; each driver has a field of its own for them."""
    for driver in volume.values():
        if isinstance(driver, dict):
            for field in ("secretRef", "nodePublishSecretRef"):
                if named := driver.get(field):
                    yield _reference("Secret", named, "volume")
    if named := volume.get("azureFile"):
        yield _reference("Secret", named, "volume")
