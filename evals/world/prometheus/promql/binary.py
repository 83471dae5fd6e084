"""Binary operators between scalars and vectors, with label matching and its errors."""

from __future__ import annotations

import math
import operator as op
from collections.abc import Callable
from dataclasses import dataclass

import promql_parser as ast

from evals.world.prometheus.promql.values import (
    Element,
    ExecutionFailed,
    LabelSet,
    NotSupported,
    Vector,
    distinct,
    identity,
    without_name,
)
from evals.world.prometheus.samples import NAME

Signature = frozenset[tuple[str, str]]


def _divide(a: float, b: float) -> float:
    # Go divides floats by zero without complaint, Python does not.
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a) or math.isnan(b):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _modulo(a: float, b: float) -> float:
    return math.nan if b == 0 or math.isinf(a) else math.fmod(a, b)


def _power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf
    except ValueError:
        # Either 0 to a negative power, which IEEE 754 calls infinite, or a root of a negative number.
        return math.inf if a == 0 else math.nan


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": op.add, "-": op.sub, "*": op.mul, "/": _divide, "%": _modulo, "^": _power, "atan2": math.atan2,
}  # fmt: skip
COMPARISON: dict[str, Callable[[float, float], bool]] = {
    "==": op.eq, "!=": op.ne, ">": op.gt, "<": op.lt, ">=": op.ge, "<=": op.le,
}  # fmt: skip
SETS = frozenset({"and", "or", "unless"})


@dataclass(frozen=True, kw_only=True)
class Join:
    """How members of two vectors find one another: ``on``, ``ignoring``, ``group_left``, ``group_right``."""

    on: bool
    labels: tuple[str, ...]
    many: str
    """Which side may have several members per match: ``none``, ``left`` or ``right``."""
    include: tuple[str, ...]
    as_bool: bool

    @classmethod
    def of(cls, modifier: ast.BinModifier | None) -> Join:
        """The join a parsed modifier describes."""
        if modifier is None:
            return cls(on=False, labels=(), many="none", include=(), as_bool=False)
        if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
            raise NotSupported("fill()")
        matching = modifier.matching
        # The parser's enumerations compare but do not hash.
        cards = ast.VectorMatchCardinality
        many = ((cards.ManyToOne, "left"), (cards.OneToMany, "right"))
        return cls(
            on=matching is not None and matching.type == ast.LabelModifierType.Include,
            labels=tuple(matching.labels) if matching is not None else (),
            many=next((side for card, side in many if modifier.card == card), "none"),
            include=tuple(modifier.group_labels or ()),
            as_bool=modifier.return_bool,
        )

    def signature(self, labels: LabelSet) -> Signature:
        """What must be equal on both sides."""
        if self.on:
            return frozenset((name, labels[name]) for name in self.labels if name in labels)
        return frozenset(item for item in labels.items() if item[0] != NAME and item[0] not in self.labels)


@dataclass(frozen=True)
class Scalar:
    """The number of a vector-and-number operation, and whether it stands on the left."""

    value: float
    first: bool
    as_bool: bool


def scalars(symbol: str, left: float, right: float) -> float:
    """Two numbers; comparisons give 0 or 1 (the grammar demands ``bool`` there)."""
    if symbol in COMPARISON:
        return float(COMPARISON[symbol](left, right))
    return ARITHMETIC[symbol](left, right)


def with_scalar(symbol: str, vector: Vector, against: Scalar) -> Vector:
    """A vector and a number. Without ``bool`` a comparison filters and keeps the vector's own value."""
    found: Vector = []
    for one in vector:
        pair = (against.value, one.value) if against.first else (one.value, against.value)
        if symbol in ARITHMETIC:
            found.append(Element(without_name(one.labels), ARITHMETIC[symbol](*pair)))
        elif against.as_bool:
            found.append(Element(without_name(one.labels), float(COMPARISON[symbol](*pair))))
        elif COMPARISON[symbol](*pair):
            found.append(one)
    return distinct(found)


def sets(symbol: str, left: Vector, right: Vector, join: Join) -> Vector:
    """``and``, ``or``, ``unless``: members are kept or dropped whole."""
    # All of the left side and what only the right side knows: the order decides whose value is kept.
    if symbol == "or":
        known = {join.signature(one.labels) for one in left}
        return distinct([*left, *(one for one in right if join.signature(one.labels) not in known)])
    known = {join.signature(one.labels) for one in right}
    return [one for one in left if (join.signature(one.labels) in known) == (symbol == "and")]


def vectors(symbol: str, left: Vector, right: Vector, join: Join) -> Vector:
    """Two vectors, member by member; raises ExecutionFailed where Prometheus calls the match ambiguous."""
    # Nothing to join is an answer, not an error: this is how an alert's expression is quiet.
    if not left or not right:
        return []
    # group_right is group_left seen in a mirror; only the order of the two values must survive.
    swapped = join.many == "right"
    many, one_side = (right, left) if swapped else (left, right)
    partners = _unique(one_side, join, "left" if swapped else "right")
    found: dict[Signature, Vector] = {}
    for member in many:
        signature = join.signature(member.labels)
        partner = partners.get(signature)
        if partner is None:
            continue
        pair = (partner.value, member.value) if swapped else (member.value, partner.value)
        result = _combined(symbol, pair, as_bool=join.as_bool)
        # A filtered-out pair takes no part in the checks for ambiguity, as in Prometheus.
        if result is not None:
            labels = _result_labels(symbol, member.labels, partner.labels, join)
            _insert(found.setdefault(signature, []), Element(labels, result), join)
    return distinct([one for group in found.values() for one in group])


def _combined(symbol: str, pair: tuple[float, float], *, as_bool: bool) -> float | None:
    if symbol in ARITHMETIC:
        return ARITHMETIC[symbol](*pair)
    holds = COMPARISON[symbol](*pair)
    if as_bool:
        return float(holds)
    return pair[0] if holds else None


def _unique(side: Vector, join: Join, name: str) -> dict[Signature, Element]:
    partners: dict[Signature, Element] = {}
    for one in side:
        signature = join.signature(one.labels)
        if signature in partners:
            shown = " ".join(f'{key}="{value}"' for key, value in sorted(signature))
            raise ExecutionFailed(
                f"found duplicate series for the match group {{{shown}}} on the {name} hand-side of the "
                f"operation: [{one.labels}, {partners[signature].labels}];many-to-many matching not allowed: "
                "matching labels must be unique on one side"
            )
        partners[signature] = one
    return partners


def _insert(group: Vector, result: Element, join: Join) -> None:
    if join.many == "none" and group:
        raise ExecutionFailed(
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
        )
    # Two results that nobody could tell apart: Prometheus refuses rather than choosing one.
    if any(identity(result.labels) == identity(other.labels) for other in group):
        raise ExecutionFailed("multiple matches for labels: grouping labels must ensure unique matches")
    group.append(result)


def _result_labels(symbol: str, many: LabelSet, one: LabelSet, join: Join) -> LabelSet:
    labels = without_name(many) if symbol in ARITHMETIC or join.as_bool else dict(many)
    if join.many == "none":
        if join.on:
            labels = {name: value for name, value in labels.items() if name in join.labels}
        else:
            labels = {name: value for name, value in labels.items() if name not in join.labels}
    # Taken from the one side even when absent there: then the label goes away.
    for name in join.include:
        labels.pop(name, None)
        if one.get(name):
            labels[name] = one[name]
    return labels
