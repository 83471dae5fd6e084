"""Aggregation operators: grouping by or without labels, and what each operator makes of a group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import promql_parser as ast

from evals.world.prometheus.promql.over_time import deviation, quantile
from evals.world.prometheus.promql.values import (
    Element,
    LabelSet,
    NotSupported,
    Value,
    Vector,
    distinct,
    format_value,
    identity,
)
from evals.world.prometheus.samples import NAME

Grouping = Callable[[LabelSet], LabelSet]


def _numbers(values: list[float]) -> list[float]:
    return [v for v in values if not math.isnan(v)] or [math.nan]


_SIMPLE: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "min": lambda values: min(_numbers(values)),
    "max": lambda values: max(_numbers(values)),
    "count": len,
    "group": lambda _: 1.0,
    "stddev": lambda values: math.sqrt(deviation(values)),
    "stdvar": deviation,
}

OPERATORS = frozenset({*_SIMPLE, "topk", "bottomk", "quantile", "count_values"})


def grouping(modifier: ast.AggModifier | None) -> Grouping:
    """The labels that name a member's group, for ``by (…)``, ``without (…)`` or neither."""
    if modifier is None:
        return lambda _: {}
    listed = frozenset(modifier.labels)
    if modifier.type == ast.AggModifierType.By:
        return lambda labels: {name: value for name, value in labels.items() if name in listed}
    # An aggregate is no longer the metric; only "by (__name__)" keeps the name.
    dropped = listed | {NAME}
    return lambda labels: {name: value for name, value in labels.items() if name not in dropped}


def aggregate(operator: str, vector: Vector, group: Grouping, parameter: Value) -> Vector:
    """The operator applied to each group, in the order in which groups first appear."""
    groups: dict[frozenset[tuple[str, str]], tuple[LabelSet, Vector]] = {}
    for member in vector:
        labels = group(member.labels)
        groups.setdefault(identity(labels), (labels, []))[1].append(member)
    if operator in _SIMPLE:
        combine = _SIMPLE[operator]
        return [Element(labels, float(combine(_values(found)))) for labels, found in groups.values()]
    if operator == "quantile" and isinstance(parameter, float):
        return [Element(labels, quantile(parameter, _values(found))) for labels, found in groups.values()]
    if operator in ("topk", "bottomk") and isinstance(parameter, float):
        best = [_best(found, parameter, highest=operator == "topk") for _, found in groups.values()]
        return [member for found in best for member in found]
    if operator == "count_values" and isinstance(parameter, str):
        tallies = [_tally(labels, found, parameter) for labels, found in groups.values()]
        return distinct([one for tally in tallies for one in tally])
    raise NotSupported(f"the aggregation {operator}")


def _values(members: Iterable[Element]) -> list[float]:
    return [member.value for member in members]


def _best(members: Vector, wanted: float, *, highest: bool) -> Vector:
    if math.isnan(wanted) or wanted < 1:
        return []
    # NaN has no rank: it fills up places only when numbers run out.
    numbers = [one for one in members if not math.isnan(one.value)]
    ordered = sorted(numbers, key=lambda one: one.value, reverse=highest)
    return [*ordered, *(one for one in members if math.isnan(one.value))][: int(min(wanted, len(members)))]


def _tally(labels: LabelSet, members: Vector, label: str) -> Iterable[Element]:
    # Counted by text: that is the label's value, and NaN does not equal itself.
    counts: dict[str, int] = {}
    for member in members:
        text = format_value(member.value)
        counts[text] = counts.get(text, 0) + 1
    return (Element({**labels, label: text}, float(count)) for text, count in counts.items())
