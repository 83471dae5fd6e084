"""Where a pod template names ConfigMaps and Secrets, and what the reader knows of those that exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tools.kubernetes.actions.containers import TEMPLATE, find
from tools.kubernetes.actions.step import Pointer
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.objects import JsonObject, ObjectRef

_ENV = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}
_ENV_FROM = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
_VOLUME = {"configMap": ("ConfigMap", "name"), "secret": ("Secret", "secretName")}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One place that names a ConfigMap or a Secret: where the name and the key stand, and what they are.

    ``key`` is empty where the whole object is taken; ``needed`` are the keys a volume picks out of it.
    """

    label: str
    kind: str
    name_at: Pointer
    name: str
    key_at: Pointer = ""
    key: str = ""
    needed: tuple[str, ...] = ()


def references(target: JsonObject, params: JsonObject) -> tuple[Reference, ...]:
    """The references that ``params`` means: an env of a container, a source of its envs, or a volume."""
    if "volume" in params:
        return tuple(each for each in _volumes(target) if each.label == params["volume"])
    found = find(target, str(params.get("container")))
    if found is None:
        return ()
    pointer, container = found
    if "env" in params:
        return tuple(each for each in _env(container, pointer) if each.label == params["env"])
    return tuple(each for each in _env_from(container, pointer) if each.label == params.get("env_from"))


def known_keys(seen: Inventory, reference: Reference, place: tuple[str, str]) -> frozenset[str] | None:
    """The keys of the object with this (namespace, name) as the reader saw it; None when it saw no such.

    Of a Secret only its being there is known unless its keys were listed: values are never read.
    """
    obj = seen.find(ObjectRef(kind=reference.kind, namespace=place[0], name=place[1]))
    return None if obj is None else frozenset(obj.get("keys") or ())


def _env(container: JsonObject, pointer: Pointer) -> Iterator[Reference]:
    for index, entry in enumerate(container.get("env") or []):
        for field, kind in _ENV.items():
            if said := (entry.get("valueFrom") or {}).get(field):
                at = f"{pointer}/env/{index}/valueFrom/{field}"
                yield Reference(
                    label=entry["name"],
                    kind=kind,
                    name_at=f"{at}/name",
                    name=said.get("name", ""),
                    key_at=f"{at}/key",
                    key=said.get("key", ""),
                )


def _env_from(container: JsonObject, pointer: Pointer) -> Iterator[Reference]:
    for index, entry in enumerate(container.get("envFrom") or []):
        for field, kind in _ENV_FROM.items():
            if said := entry.get(field):
                name = said.get("name", "")
                yield Reference(
                    label=name, kind=kind, name_at=f"{pointer}/envFrom/{index}/{field}/name", name=name
                )


def _volumes(target: JsonObject) -> Iterator[Reference]:
    for index, volume in enumerate(target["spec"]["template"]["spec"].get("volumes") or []):
        for field, (kind, called) in _VOLUME.items():
            if said := volume.get(field):
                yield Reference(
                    label=volume["name"],
                    kind=kind,
                    name_at=f"{TEMPLATE}/spec/volumes/{index}/{field}/{called}",
                    name=said.get(called, ""),
                    needed=tuple(item["key"] for item in said.get("items") or []),
                )
