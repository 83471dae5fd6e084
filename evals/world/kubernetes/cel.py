"""CEL as an API server's admission policies use it, by the CEL project's own library.

The environment is the part of Kubernetes' that the library has: the standard, strings and optional values.
Kubernetes' own functions (lists, quantities, URLs, the authorizer) are not there; a policy that uses one
is refused when it is written, as an API server refuses what does not compile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

NAMES = ("object", "oldObject", "request", "params", "namespaceObject", "variables")
_VARIABLE = re.compile(r"\bvariables\.(\w+)")


class CelError(Exception):
    """The expression does not compile, or has no value for these inputs; the message says why."""


@lru_cache(maxsize=1)
def _environment() -> cel.Env:
    extensions = [ext_strings.ExtStrings(2), ext_optional.ExtOptional()]
    return cel.NewEnv(variables=dict.fromkeys(NAMES, cel.Type.DYN), extensions=extensions)


@lru_cache(maxsize=256)
def compiled(expression: str) -> cel.Expression:
    """The expression, ready to run. Raises CelError."""
    try:
        return _environment().compile(expression)
    except (RuntimeError, TypeError, ValueError) as problem:
        raise CelError(f"compilation failed: {_first_line(problem)}") from problem


def evaluated(expression: str, values: Mapping[str, object]) -> object:
    """Its value as plain data. Raises CelError."""
    try:
        found = compiled(expression).eval(data=values)
        failed = found.type() == cel.Type.ERROR
        value = found.plain_value()
    except (RuntimeError, TypeError, ValueError, OverflowError) as problem:
        raise CelError(_first_line(problem)) from problem
    # An error is a value in CEL, and no exception.
    if failed:
        raise CelError(_first_line(value))
    return value


class Scope:
    """The values of one admission; the policy's variables are worked out when an expression needs them."""

    def __init__(self, values: Mapping[str, object], variables: list[dict[str, str]]) -> None:
        self._values = dict(values)
        self._expressions = {each["name"]: each["expression"] for each in variables}
        self._known: dict[str, object] = {}

    def value(self, expression: str) -> object:
        """The value of an expression. Raises CelError, also for a variable that has none."""
        roots, variables = _named(expression)
        for name in variables & self._expressions.keys() - self._known.keys():
            self._known[name] = self.value(self._expressions[name])
        # Only what it names: every value that is handed over is converted as a whole.
        values: dict[str, object] = {name: self._values[name] for name in roots if name in self._values}
        known = {name: self._known[name] for name in variables if name in self._known}
        return evaluated(expression, {**dict.fromkeys(NAMES), **values, "variables": known})


@lru_cache(maxsize=256)
def _named(expression: str) -> tuple[frozenset[str], frozenset[str]]:
    """The roots and the variables that an expression speaks of."""
    roots = {name for name in NAMES if re.search(rf"\b{name}\b", expression)}
    return frozenset(roots), frozenset(_VARIABLE.findall(expression))


def _first_line(problem: object) -> str:
    lines = str(problem).splitlines()
    return lines[0].removeprefix("INVALID_ARGUMENT: ") if lines else "it failed"
