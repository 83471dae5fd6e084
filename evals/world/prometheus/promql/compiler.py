"""Turns a parsed query into a function of time, or refuses what it does not know.

Compiled once and called for each step: a range query evaluates the same expression hundreds of times, and
most of the work, finding the series, is the same each time. An unknown function is refused rather than
guessed at: a wrong number would be believed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

import promql_parser as ast

from evals.world.prometheus.promql import binary, functions, selectors
from evals.world.prometheus.promql.aggregation import OPERATORS, aggregate, grouping
from evals.world.prometheus.promql.over_time import KEEPS_NAME, OVER_TIME, OverTime, quantile, regression
from evals.world.prometheus.promql.values import (
    AtTime,
    Element,
    LabelSet,
    NotSupported,
    Point,
    Run,
    ScalarAt,
    Value,
    Vector,
    VectorAt,
    Window,
    WindowAt,
    distinct,
    identity,
    without_name,
)
from evals.world.prometheus.samples import NAME
from evals.world.prometheus.tsdb import Tsdb

DEFAULT_STEP_MS = 60_000
"""The step of a subquery that names none (``global.evaluation_interval``)."""

_T = TypeVar("_T")


def compiled(tsdb: Tsdb, expr: ast.Expr) -> AtTime:
    """The query as a function of milliseconds. Series are looked up now: run it under the database's lock."""
    return _Compiler(tsdb).expression(expr)


class _Compiler:
    def __init__(self, tsdb: Tsdb) -> None:
        self._tsdb = tsdb
        self._kinds: dict[type[ast.Expr], Callable[..., AtTime]] = {
            ast.NumberLiteral: lambda expr: _constant(expr.val),
            ast.StringLiteral: lambda expr: _constant(expr.val),
            ast.VectorSelector: partial(selectors.instant, tsdb),
            ast.MatrixSelector: partial(selectors.ranged, tsdb),
            ast.SubqueryExpr: self._subquery,
            ast.UnaryExpr: lambda expr: _negated(self.expression(expr.expr)),
            ast.AggregateExpr: self._aggregation,
            ast.BinaryExpr: self._binary,
            ast.Call: self._call,
        }

    def expression(self, expr: ast.Expr) -> AtTime:
        bare = _bare(expr)
        compile_one = self._kinds.get(type(bare))
        if compile_one is None:
            raise NotSupported(type(bare).__name__)
        return compile_one(bare)

    # The parser has checked the types of arguments, so the casts below cannot be wrong.
    def scalar(self, expr: ast.Expr) -> ScalarAt:
        return cast("ScalarAt", self.expression(expr))

    def vector(self, expr: ast.Expr) -> VectorAt:
        return cast("VectorAt", self.expression(expr))

    def window(self, expr: ast.Expr) -> WindowAt:
        return cast("WindowAt", self.expression(expr))

    def _aggregation(self, expr: ast.AggregateExpr) -> AtTime:
        name = str(expr.op)
        if name not in OPERATORS:
            raise NotSupported(f"the aggregation {name}")
        inner, group = self.vector(expr.expr), grouping(expr.modifier)
        parameter = self.expression(expr.param) if expr.param is not None else _constant(math.nan)
        return lambda at: aggregate(name, inner(at), group, parameter(at))

    def _binary(self, expr: ast.BinaryExpr) -> AtTime:
        symbol, join = str(expr.op), binary.Join.of(expr.modifier)
        if symbol not in {*binary.ARITHMETIC, *binary.COMPARISON, *binary.SETS}:
            raise NotSupported(f"the operator {symbol}")
        left, right = self.expression(expr.lhs), self.expression(expr.rhs)
        return lambda at: _applied(symbol, left(at), right(at), join)

    def _call(self, expr: ast.Call) -> AtTime:
        name, args = expr.func.name, [_bare(one) for one in expr.args]
        if name in OVER_TIME:
            return _over_time(self.window(args[0]), OVER_TIME[name], keep=name in KEEPS_NAME)
        if name in functions.MATH:
            return self._math(functions.MATH[name], args, clamp=name == "clamp")
        special: dict[str, Callable[[list[ast.Expr]], AtTime]] = {
            "time": self._time,
            "vector": self._vector,
            "scalar": self._scalar,
            "absent": self._absent,
            "absent_over_time": self._absent,
            "sort": partial(self._sort, descending=False),
            "sort_desc": partial(self._sort, descending=True),
            "label_replace": partial(self._labels, functions.label_replace),
            "label_join": partial(self._labels, functions.label_join),
            "histogram_quantile": self._histogram_quantile,
            "quantile_over_time": self._quantile_over_time,
            "predict_linear": self._predict_linear,
        }
        if name not in special:
            raise NotSupported(f"the function {name}()")
        return special[name](args)

    def _math(self, function: Callable[..., float], args: list[ast.Expr], *, clamp: bool) -> VectorAt:
        inner, constants = self.vector(args[0]), [self.scalar(one) for one in args[1:]]

        def at(moment: int) -> Vector:
            # Bounds the wrong way round give nothing, not an error (functions.go, funcClamp).
            numbers = [constant(moment) for constant in constants]
            if clamp and numbers[0] > numbers[1]:
                return []
            values = ((one.labels, function(one.value, *numbers)) for one in inner(moment))
            return distinct([Element(without_name(labels), value) for labels, value in values])

        return at

    def _time(self, _: list[ast.Expr]) -> AtTime:
        return lambda at: at / 1000

    def _vector(self, args: list[ast.Expr]) -> AtTime:
        inner = self.scalar(args[0])
        return lambda at: [Element({}, inner(at))]

    def _scalar(self, args: list[ast.Expr]) -> AtTime:
        inner = self.vector(args[0])

        def at(moment: int) -> float:
            # Not exactly one member is NaN rather than an error, so comparisons with it are just false.
            found = inner(moment)
            return found[0].value if len(found) == 1 else math.nan

        return at

    def _absent(self, args: list[ast.Expr]) -> AtTime:
        inner, labels = self.expression(args[0]), _absent_labels(args[0])

        def at(moment: int) -> Vector:
            found = inner(moment)
            present = found.runs if isinstance(found, Window) else found
            # The one function that makes something out of nothing, which is what alerts on absence need.
            return [] if present else [Element(labels, 1.0)]

        return at

    def _sort(self, args: list[ast.Expr], *, descending: bool) -> AtTime:
        inner = self.vector(args[0])
        return lambda at: functions.by_value(inner(at), descending=descending)

    def _labels(self, function: Callable[[Vector, list[str]], Vector], args: list[ast.Expr]) -> AtTime:
        inner = self.vector(args[0])
        texts = [str(one.val) for one in args[1:] if isinstance(one, ast.StringLiteral)]
        return lambda at: function(inner(at), texts)

    def _histogram_quantile(self, args: list[ast.Expr]) -> AtTime:
        wanted, inner = self.scalar(args[0]), self.vector(args[1])
        return lambda at: functions.histogram_quantile(wanted(at), inner(at))

    def _quantile_over_time(self, args: list[ast.Expr]) -> AtTime:
        wanted, inner = self.scalar(args[0]), self.window(args[1])

        def at(moment: int) -> Vector:
            def at_share(points: list[Point], _: Window) -> float:
                return quantile(wanted(moment), [value for _, value in points])

            return _over_time(inner, at_share)(moment)

        return at

    def _predict_linear(self, args: list[ast.Expr]) -> AtTime:
        inner, ahead = self.window(args[0]), self.scalar(args[1])

        def at(moment: int) -> Vector:
            def predicted(points: list[Point], _: Window) -> float | None:
                # One sample has no slope; Prometheus leaves such a series out, too.
                if len(points) < 2:
                    return None
                slope, now = regression(points, moment)
                return slope * ahead(moment) + now

            return _over_time(inner, predicted)(moment)

        return at

    def _subquery(self, expr: ast.SubqueryExpr) -> WindowAt:
        if expr.at is not None:
            raise NotSupported("the @ modifier")
        inner = self.vector(expr.expr)
        span, offset = selectors.milliseconds(expr.range), selectors.milliseconds(expr.offset)
        step = selectors.milliseconds(expr.step) or DEFAULT_STEP_MS

        def at(moment: int) -> Window:
            start, end = moment - offset - span, moment - offset
            runs: dict[frozenset[tuple[str, str]], Run] = {}
            # Subquery steps are multiples of the step since the epoch, whatever the query's own times are.
            for when in range(-(-start // step) * step, end + 1, step):
                value: Value = inner(when)
                members = value if isinstance(value, list) else [Element({}, cast("float", value))]
                for one in members:
                    run = runs.setdefault(identity(one.labels), Run(one.labels, []))
                    run.points.append((when, one.value))
            return Window(list(runs.values()), start, end)

        return at


def _bare(expr: ast.Expr) -> ast.Expr:
    while isinstance(expr, ast.ParenExpr):
        expr = expr.expr
    return expr


def _constant(value: _T) -> Callable[[int], _T]:
    return lambda _: value


def _negated(inner: AtTime) -> AtTime:
    def at(moment: int) -> Value:
        value = inner(moment)
        if isinstance(value, list):
            return distinct([Element(without_name(one.labels), -one.value) for one in value])
        return -cast("float", value)

    return at


def _over_time(inner: WindowAt, function: OverTime, *, keep: bool = False) -> VectorAt:
    def at(moment: int) -> Vector:
        window, found = inner(moment), []
        for run in window.runs:
            value = function(run.points, window)
            if value is not None:
                found.append(Element(run.labels if keep else without_name(run.labels), value))
        return distinct(found)

    return at


def _applied(symbol: str, left: Value, right: Value, join: binary.Join) -> Value:
    if isinstance(left, list) and isinstance(right, list):
        combine = binary.sets if symbol in binary.SETS else binary.vectors
        return combine(symbol, left, right, join)
    if isinstance(left, list):
        against = binary.Scalar(cast("float", right), first=False, as_bool=join.as_bool)
        return binary.with_scalar(symbol, left, against)
    if isinstance(right, list):
        against = binary.Scalar(cast("float", left), first=True, as_bool=join.as_bool)
        return binary.with_scalar(symbol, right, against)
    return binary.scalars(symbol, cast("float", left), cast("float", right))


def _absent_labels(expr: ast.Expr) -> LabelSet:
    """What is known about the missing series: labels matched by exactly one equality."""
    selector = expr.vector_selector if isinstance(expr, ast.MatrixSelector) else expr
    if not isinstance(selector, ast.VectorSelector):
        return {}
    matchers = [one for one in selector.matchers.matchers if one.name != NAME]
    # A label that two matchers speak of has no one value that the missing series must have had.
    names = [one.name for one in matchers]
    return {
        one.name: one.value
        for one in matchers
        if one.op == ast.MatchOp.Equal and one.value and names.count(one.name) == 1
    }
