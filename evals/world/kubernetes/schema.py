"""JSON types of every field, as decoding into Go structs enforces them.

They are read from the tables of the official client, which is generated from the API's OpenAPI document and
so carries what the real server decodes by. Unknown fields are dropped, null fields are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from kubernetes.client import models

from evals.world.kubernetes.errors import BadRequest
from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject

_MODEL_NAMES = {"Event": "CoreV1Event", "HorizontalPodAutoscaler": "V2HorizontalPodAutoscaler"}
_GO = {
    "int": "int32",
    "str": "string",
    "bool": "bool",
    "float": "float64",
    "datetime": "string",
    "bytes": "string",
}
_JSON = {str: "string", int: "number", float: "number", bool: "bool", dict: "object", list: "array"}
_PYTHON: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "str": str,
    "bool": bool,
    "float": (int, float),
    "datetime": str,
    "bytes": str,
}
# resource.Quantity is a string on the wire and also accepts a bare number.
_QUANTITIES = {
    "limits",
    "requests",
    "capacity",
    "allocatable",
    "hard",
    "used",
    "default",
    "defaultRequest",
    "max",
    "min",
}
_LIST, _DICT = re.compile(r"List\[(.+)\]$"), re.compile(r"Dict\[str, (.+)\]$")


class _Shape(Enum):
    LEAF, MODEL, LIST, DICT, ANYTHING = range(5)


@dataclass(frozen=True, slots=True)
class _Type:
    """A type of the client's tables, taken apart once: ``Dict[str, List[V1Pod]]`` has two layers."""

    name: str
    shape: _Shape
    inner: _Type | None = None


class Malformed(BadRequest):
    """The body is JSON of the wrong shape; ``problem`` is Go's own sentence about it."""

    def __init__(self, kind: Kind, problem: str) -> None:
        super().__init__(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {problem}'
        )
        self.problem = problem


class _Decoder:
    """One object on its way in. ``path`` is where the decoder stands: spelt out only in a complaint."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.unknown: list[str] = []
        self.path: list[str] = []

    def model(self, name: str, value: Any, parent: str = "") -> Any:
        if not isinstance(value, dict):
            self._mismatch(value, f"v1.{name.lstrip('V12')}", parent or name)
        fields = _fields(name)
        found: JsonObject = {}
        for key, item in value.items():
            self.path.append(key)
            if key not in fields:
                self.unknown.append(self._where())
            elif item is not None:
                found[key] = self.value(fields[key], item, name)
            self.path.pop()
        return found

    def value(self, wanted: _Type, value: Any, owner: str) -> Any:
        if wanted.shape is _Shape.LEAF:
            return self._leaf(wanted.name, value, owner)
        if wanted.shape is _Shape.MODEL:
            return self.model(wanted.name, value, owner)
        if wanted.shape is _Shape.ANYTHING or wanted.inner is None:
            return value
        if wanted.shape is _Shape.LIST:
            return self._list(wanted.inner, value, owner)
        if not isinstance(value, dict):
            self._mismatch(value, f"map[string]{_go(wanted.inner.name)}", owner)
        kept = (
            value.items()
            if wanted.inner.name != "str"
            else ((k, v) for k, v in value.items() if v is not None)
        )
        return {key: self._under(key, wanted.inner, each, owner) for key, each in kept}

    def _list(self, inner: _Type, value: Any, owner: str) -> Any:
        if not isinstance(value, list):
            self._mismatch(value, f"[]{_go(inner.name)}", owner)
        return [self._under(f"[{n}]", inner, each, owner) for n, each in enumerate(value)]

    def _under(self, step: str, wanted: _Type, value: Any, owner: str) -> Any:
        self.path.append(step)
        found = self.value(wanted, value, owner)
        self.path.pop()
        return found

    def _leaf(self, wanted: str, value: Any, owner: str) -> Any:
        python = _PYTHON[wanted]
        if isinstance(value, python) and not (python is not bool and isinstance(value, bool)):
            return value
        a_number = isinstance(value, int | float) and not isinstance(value, bool)
        if wanted == "str" and a_number and self.path[-2:-1] and self.path[-2] in _QUANTITIES:
            return str(value)
        self._mismatch(value, _GO[wanted], owner)
        return value

    def _where(self) -> str:
        return "".join(step if step.startswith("[") else f".{step}" for step in self.path).removeprefix(".")

    def _mismatch(self, value: Any, wanted: str, owner: str) -> None:
        struct = re.sub(r"^(Core)?V\d(beta\d|alpha\d)?", "", owner)
        path = ".".join(step for step in self.path if not step.startswith("["))
        got = _JSON.get(type(value), "null")
        raise Malformed(
            self.kind, f"json: cannot unmarshal {got} into Go struct field {struct}.{path} of type {wanted}"
        )


def decoded(kind: Kind, obj: JsonObject) -> tuple[JsonObject, list[str]]:
    """``obj`` with known fields only, and the paths of the unknown ones; raises Malformed on a wrong
    JSON type.
    """
    decoder = _Decoder(kind)
    if kind.custom:
        # Its schema would be in its definition; what every object has is decoded alike.
        decoder.path.append("metadata")
        return {**obj, "metadata": decoder.model("V1ObjectMeta", obj.get("metadata") or {})}, decoder.unknown
    found = decoder.model(model_name(kind), obj)
    return found, decoder.unknown


def model_name(kind: Kind) -> str:
    """The official client's model for a kind, for example ``V1Deployment``."""
    return _MODEL_NAMES.get(kind.kind, f"V1{kind.kind}")


@cache
def _fields(model: str) -> dict[str, _Type]:
    shape = getattr(models, model)
    return {shape.attribute_map[name]: _type(kind) for name, kind in shape.openapi_types.items()}


@cache
def _type(name: str) -> _Type:
    for shape, pattern in ((_Shape.LIST, _LIST), (_Shape.DICT, _DICT)):
        if inner := pattern.match(name):
            return _Type(name, shape, _type(inner[1]))
    if name == "object":
        return _Type(name, _Shape.ANYTHING)
    return _Type(name, _Shape.LEAF if name in _PYTHON else _Shape.MODEL)


def _go(name: str) -> str:
    return _GO.get(name, f"v1.{re.sub(r'^(Core)?V[0-9]', '', name)}")
