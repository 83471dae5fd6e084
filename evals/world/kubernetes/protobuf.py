"""The few protobuf bodies kubectl sends whatever it is told: access reviews, evictions and delete options.

Everything else in protobuf is refused with 415; clients then have to send JSON. Field numbers are those of
the generated.proto files of k8s.io/api and k8s.io/apimachinery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evals.world.kubernetes.objects import JsonObject

PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"


class UnreadableProtobuf(ValueError):
    """The body is not protobuf of a kind this server reads."""


@dataclass(frozen=True)
class _Field:
    """A field's JSON name and what it holds: ``str``, ``int``, ``bool`` or the name of a message."""

    name: str
    holds: str = "str"
    repeated: bool = False


_MESSAGES: dict[str, dict[int, _Field]] = {
    "TypeMeta": {1: _Field("apiVersion"), 2: _Field("kind")},
    "ObjectMeta": {1: _Field("name"), 2: _Field("generateName"), 3: _Field("namespace")},
    "SelfSubjectAccessReview": {1: _Field("metadata", "ObjectMeta"), 2: _Field("spec", "AccessSpec")},
    "AccessSpec": {
        1: _Field("resourceAttributes", "ResourceAttributes"),
        2: _Field("nonResourceAttributes", "NonResourceAttributes"),
    },
    "ResourceAttributes": {
        number: _Field(name)
        for number, name in enumerate(
            ("namespace", "verb", "group", "version", "resource", "subresource", "name"), start=1
        )
    },
    "NonResourceAttributes": {1: _Field("path"), 2: _Field("verb")},
    "SelfSubjectRulesReview": {1: _Field("metadata", "ObjectMeta"), 2: _Field("spec", "RulesSpec")},
    "RulesSpec": {1: _Field("namespace")},
    "Eviction": {1: _Field("metadata", "ObjectMeta"), 2: _Field("deleteOptions", "DeleteOptions")},
    "DeleteOptions": {
        1: _Field("gracePeriodSeconds", "int"),
        2: _Field("preconditions", "Preconditions"),
        3: _Field("orphanDependents", "bool"),
        4: _Field("propagationPolicy"),
        5: _Field("dryRun", repeated=True),
    },
    "Preconditions": {1: _Field("uid"), 2: _Field("resourceVersion")},
}


def from_protobuf(body: bytes) -> JsonObject:
    """The object in a Kubernetes protobuf envelope as JSON; raises UnreadableProtobuf."""
    if not body.startswith(_MAGIC):
        raise UnreadableProtobuf("no Kubernetes envelope")
    envelope = dict(_fields(body[len(_MAGIC) :]))
    head = _message("TypeMeta", _bytes(envelope.get(1, b"")))
    kind = str(head.get("kind", ""))
    if kind not in ("SelfSubjectAccessReview", "SelfSubjectRulesReview", "Eviction", "DeleteOptions"):
        raise UnreadableProtobuf(f"no table for {kind}")
    return {**head, **_message(kind, _bytes(envelope.get(2, b"")))}


def _message(name: str, data: bytes) -> JsonObject:
    found: JsonObject = {}
    for number, raw in _fields(data):
        field = _MESSAGES[name].get(number)
        # Fields without a row (timestamps, status) carry nothing the server needs.
        if field is None:
            continue
        value = _value(field, raw)
        if field.repeated:
            found.setdefault(field.name, []).append(value)
        elif value != "":
            found[field.name] = value
    return found


def _value(field: _Field, raw: bytes | int) -> Any:
    if field.holds in ("int", "bool"):
        if not isinstance(raw, int):
            raise UnreadableProtobuf(f"{field.name} is not a number")
        return bool(raw) if field.holds == "bool" else raw
    if field.holds == "str":
        return _bytes(raw).decode()
    return _message(field.holds, _bytes(raw))


def _bytes(raw: bytes | int) -> bytes:
    if isinstance(raw, int):
        raise UnreadableProtobuf("a number where bytes belong")
    return raw


def _fields(data: bytes) -> list[tuple[int, bytes | int]]:
    """(field number, value) pairs; only varints and length-delimited values occur in these messages."""
    found: list[tuple[int, bytes | int]] = []
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            found.append((number, value))
        elif wire == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise UnreadableProtobuf("truncated")
            found.append((number, data[at : at + size]))
            at += size
        else:
            raise UnreadableProtobuf(f"wire type {wire}")
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise UnreadableProtobuf("truncated number")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
