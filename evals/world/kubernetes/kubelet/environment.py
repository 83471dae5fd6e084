"""What a pod takes from ConfigMaps and Secrets, and what a kubelet says when it is not there."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evals.world.kubernetes.errors import NotFound
from evals.world.kubernetes.objects import JsonObject
from evals.world.kubernetes.store import Store

_KINDS = {"configmaps": ("configmap", "ConfigMap"), "secrets": ("secret", "Secret")}
_ENV = {"configMapKeyRef": "configmaps", "secretKeyRef": "secrets"}
_ENV_FROM = {"configMapRef": "configmaps", "secretRef": "secrets"}
_VOLUMES = {"configMap": ("configmaps", "name"), "secret": ("secrets", "secretName")}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One env of a container that comes from elsewhere; without a key the whole object, names prefixed."""

    resource: str
    name: str
    key: str = ""
    variable: str = ""
    optional: bool = False


class Missing(Exception):
    """What a container asks for is not there; the message is the kubelet's."""


def sources_of(container: JsonObject) -> tuple[Source, ...]:
    """Everything the container's environment is taken from: whole objects first, as the kubelet goes."""
    return (*_whole(container), *_single(container))


def environment(store: Store, namespace: str, sources: tuple[Source, ...]) -> dict[str, str]:
    """The values that come from elsewhere, as they are now. Raises Missing."""
    found: dict[str, str] = {}
    for source in sources:
        data = _data(store, namespace, source)
        if not source.key:
            found |= {f"{source.variable}{key}": value for key, value in data.items()}
        elif source.key in data:
            found[source.variable] = data[source.key]
        elif not source.optional:
            kind = _KINDS[source.resource][1]
            raise Missing(f"couldn't find key {source.key} in {kind} {namespace}/{source.name}")
    return found


def mount_problem(store: Store, namespace: str, spec: JsonObject) -> str:
    """Why a volume of the pod cannot be mounted, in the kubelet's words; empty when all can."""
    for volume in spec.get("volumes") or []:
        for field, (resource, called) in _VOLUMES.items():
            said = volume.get(field)
            if not said:
                continue
            optional = bool(said.get("optional"))
            source = Source(resource=resource, name=said.get(called, ""), optional=optional)
            head = f'MountVolume.SetUp failed for volume "{volume["name"]}" : '
            try:
                data = _data(store, namespace, source)
            except Missing as missing:
                return f"{head}{missing}"
            lacking = [item["key"] for item in said.get("items") or [] if item["key"] not in data]
            if lacking and not optional:
                return f"{head}references non-existent config key: {lacking[0]}"
    return ""


def _data(store: Store, namespace: str, source: Source) -> Mapping[str, str]:
    try:
        obj = store.get(source.resource, namespace, source.name)
    except NotFound:
        if source.optional:
            return {}
        raise Missing(f'{_KINDS[source.resource][0]} "{source.name}" not found') from None
    data: dict[str, str] = obj.get("data") or {}
    if source.resource == "secrets":
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
    return data


def _whole(container: JsonObject) -> Iterator[Source]:
    for entry in container.get("envFrom") or []:
        for field, resource in _ENV_FROM.items():
            if said := entry.get(field):
                yield Source(
                    resource=resource,
                    name=said.get("name", ""),
                    variable=entry.get("prefix", ""),
                    optional=bool(said.get("optional")),
                )


def _single(container: JsonObject) -> Iterator[Source]:
    for entry in container.get("env") or []:
        for field, resource in _ENV.items():
            if said := (entry.get("valueFrom") or {}).get(field):
                yield Source(
                    resource=resource,
                    name=said.get("name", ""),
                    key=said["key"],
                    variable=entry["name"],
                    optional=bool(said.get("optional")),
                )
