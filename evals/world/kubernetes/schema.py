"""JSON types of every field, as decoding into Go structs enforces them.

They are read from the tables of the official client, which is generated from the API's OpenAPI document and
so carries what the real server decodes by. Unknown fields are dropped, null fields are left out.
"""

from __future__ import annotations

import re
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


class Malformed(BadRequest):
    """The body is JSON of the wrong shape; ``problem`` is Go's own sentence about it."""

    def __init__(self, kind: Kind, problem: str) -> None:
        super().__init__(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {problem}'
        )
        self.problem = problem


class _Decoder:
    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.unknown: list[str] = []

    def model(self, name: str, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            self._mismatch(value, f"v1.{name.lstrip('V12')}", (name, path))
        fields = _fields(name)
        found: JsonObject = {}
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            if key not in fields:
                self.unknown.append(where)
            elif item is not None:
                found[key] = self.value(fields[key], item, (name, where))
        return found

    def value(self, wanted: str, value: Any, at: tuple[str, str]) -> Any:
        if wanted == "object":
            return value
        if wanted in _PYTHON:
            return self._leaf(wanted, value, at)
        if inner := _LIST.match(wanted):
            if not isinstance(value, list):
                self._mismatch(value, f"[]{_go(inner[1])}", at)
            return [self.value(inner[1], each, (at[0], f"{at[1]}[{n}]")) for n, each in enumerate(value)]
        if inner := _DICT.match(wanted):
            if not isinstance(value, dict):
                self._mismatch(value, f"map[string]{_go(inner[1])}", at)
            kept = value.items() if inner[1] != "str" else ((k, v) for k, v in value.items() if v is not None)
            return {key: self.value(inner[1], each, (at[0], f"{at[1]}.{key}")) for key, each in kept}
        return self.model(wanted, value, at[1])

    def _leaf(self, wanted: str, value: Any, at: tuple[str, str]) -> Any:
        if (
            wanted == "str"
            and isinstance(value, int | float)
            and at[1].rpartition(".")[0].rpartition(".")[2] in _QUANTITIES
        ):
            return str(value)
        right = isinstance(value, _PYTHON[wanted]) and not (
            wanted in ("int", "float") and isinstance(value, bool)
        )
        if not right:
            self._mismatch(value, _GO[wanted], at)
        return value

    def _mismatch(self, value: Any, wanted: str, at: tuple[str, str]) -> None:
        struct = re.sub(r"^(Core)?V\d(beta\d|alpha\d)?", "", at[0])
        path = re.sub(r"\[\d+\]", "", at[1])
        got = _JSON.get(type(value), "null")
        raise Malformed(
            self.kind, f"json: cannot unmarshal {got} into Go struct field {struct}.{path} of type {wanted}"
        )


def decoded(kind: Kind, obj: JsonObject) -> tuple[JsonObject, list[str]]:
    """``obj`` with known fields only, and the paths of the unknown ones; raises Malformed on a wrong
    JSON type.
    """
    decoder = _Decoder(kind)
    found = decoder.model(model_name(kind), obj, "")
    return found, decoder.unknown


def model_name(kind: Kind) -> str:
    """The official client's model for a kind, for example ``V1Deployment``."""
    return _MODEL_NAMES.get(kind.kind, f"V1{kind.kind}")


@cache
def _fields(model: str) -> dict[str, str]:
    shape = getattr(models, model)
    return {shape.attribute_map[name]: kind for name, kind in shape.openapi_types.items()}


def _go(name: str) -> str:
    return _GO.get(name, f"v1.{re.sub(r'^(Core)?V[0-9]', '', name)}")
