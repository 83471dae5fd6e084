"""Reading the model: its facts, guards and moves, as values that can be compared and evaluated. Pure.

The text of ``approval.pml`` is the only source. A fact or guard is one ``#define`` a line; a
transaction is one ``inline`` whose moves are written ``MOVE(FROM, TO, who)``.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

MODEL = Path(__file__).parent / "approval.pml"

Atom = bool | int | str
State = Mapping[str, "Atom | list[bool]"]
"""The model's variables: state names as text, flags as booleans, one flag a person as lists."""

_DEFINE = re.compile(r"^#define (\w+)(?:\((\w+)\))? +(.*?)(?:[ \t]*/\* (.*?) \*/)?$", re.M)
_GUARD = "MAY_"
_MOVE = re.compile(r"MOVE\(([A-Z_]+), ([A-Z_]+), (\w+)\)")
_COMPARE: dict[type[ast.cmpop], Callable[[Atom, Atom], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
}


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One move of the model: from where, to where and by whom (``anyone`` included)."""

    start: str
    end: str
    who: str


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One ``#define``: its parameter if it has one, what it stands for, the words behind it."""

    parameter: str
    meaning: str
    remark: str

    @property
    def objections(self) -> frozenset[str]:
        """The objections of whoever finds this fact missing."""
        return frozenset(self.remark.split(", ")) if self.remark else frozenset()


@dataclass(frozen=True, kw_only=True)
class Model:
    """The text of the model and what is read from it."""

    text: str
    definitions: dict[str, Definition]
    edges: dict[str, frozenset[Edge]]
    """By transaction, and of the transactions that move anything only."""

    @classmethod
    def read(cls, path: Path = MODEL) -> Model:
        """The model as the file has it."""
        text = path.read_text(encoding="utf-8")
        found = {
            name: Definition(parameter=parameter, meaning=meaning, remark=remark)
            for name, parameter, meaning, remark in _DEFINE.findall(text)
        }
        return cls(text=text, definitions=found, edges=_edges(text))

    @property
    def guards(self) -> dict[str, tuple[str, ...]]:
        """Each guard's facts by name, in the order of the text."""
        return {
            name: tuple(re.findall(r"[A-Z_]{2,}", found.meaning))
            for name, found in self.definitions.items()
            if name.startswith(_GUARD)
        }

    @property
    def facts(self) -> dict[str, Definition]:
        """The facts of all guards."""
        named = dict.fromkeys(fact for facts in self.guards.values() for fact in facts)
        return {name: self.definitions[name] for name in named}

    @property
    def all_edges(self) -> frozenset[Edge]:
        """Every edge that some transaction takes."""
        return frozenset(edge for edges in self.edges.values() for edge in edges)

    def granting(self, fact: str) -> Model:
        """The model with one fact taken for granted."""
        head = re.compile(rf"^(#define {fact}(?:\(\w+\))? +).*$", re.M)
        mutated, times = head.subn(r"\g<1>true", self.text)
        if times != 1:
            raise ValueError(f"{fact} is defined {times} times")
        return replace(self, text=mutated)

    def holds(self, name: str, state: State, argument: Atom | None = None) -> bool:
        """Whether a fact or a guard is true in this state, as the text defines it."""
        return bool(_value(_parsed(self._call(name, argument)), state, self))

    def _call(self, name: str, argument: Atom | None) -> str:
        found = self.definitions[name]
        if not found.parameter:
            return found.meaning
        return re.sub(rf"\b{found.parameter}\b", str(argument), found.meaning)

    def expand(self, name: str, argument: Atom | None = None) -> ast.expr:
        """What a name that is no variable stands for."""
        return _parsed(self._call(name, argument))


def _edges(text: str) -> dict[str, frozenset[Edge]]:
    """The moves of each transaction: what stands between its ``inline`` and the next thing."""
    found: dict[str, set[Edge]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith(("inline ", "active ", "proctype ", "#define ")):
            name = line.removeprefix("inline ").partition("(")[0] if line.startswith("inline ") else ""
        for start, end, who in _MOVE.findall(line):
            found.setdefault(name, set()).add(Edge(start=start, end=end, who=who))
    return {name: frozenset(edges) for name, edges in found.items() if name}


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> ast.expr:
    """A condition of the model, which is one of Python but for the signs."""
    signs = {"&&": " and ", "||": " or ", "true": "True", "false": "False"}
    for theirs, ours in signs.items():
        expression = expression.replace(theirs, ours)
    return ast.parse(re.sub(r"!(?!=)", " not ", expression), mode="eval").body


def _value(node: ast.expr, state: State, model: Model) -> Atom:
    match node:
        case ast.Constant(value=bool() | int() | str() as value):
            return value
        case ast.BoolOp(op=sign, values=values):
            found = (_value(each, state, model) for each in values)
            return all(found) if isinstance(sign, ast.And) else any(found)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, state, model)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return int(_value(left, state, model)) + int(_value(right, state, model))
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return _COMPARE[type(sign)](_value(left, state, model), _value(right, state, model))
    return _named(node, state, model)


def _named(node: ast.expr, state: State, model: Model) -> Atom:
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            flags = state[name]
            if not isinstance(flags, list):
                raise TypeError(f"{name} is one value for everybody")
            return flags[int(_value(index, state, model))]
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return _value(model.expand(name, _value(argument, state, model)), state, model)
        case ast.Name(id=name) if name in state:
            value = state[name]
            if isinstance(value, list):
                raise TypeError(f"{name} has one value for each")
            return value
        case ast.Name(id=name) if name in model.definitions:
            return _value(model.expand(name), state, model)
        case ast.Name(id=name):
            # The names of states stand for themselves.
            return name
    raise ValueError(f"the model says more than is read here: {ast.dump(node)}")
