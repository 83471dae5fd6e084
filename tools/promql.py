"""The allow-list for PromQL that a model or an alert wrote: what may be asked, judged on the syntax tree.

A query passes when everything in it is known, cheap and about the incident. Labels cannot be rewritten, so a
result cannot pretend to be about another object. Sources: threat T29, diagnosis §3.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import promql_parser as ast

MAX_CHARACTERS = 1000
"""The parser is recursive native code: some thousand brackets end the process instead of raising."""
MAX_NODES = 60
MAX_SELECTORS = 8
MAX_NESTING = 2
MAX_RANGE = timedelta(hours=6)
MAX_OFFSET = timedelta(days=8)
"""A week back is a usual comparison and costs no more than now."""
MAX_POINTS = 11_000
MAX_REGEX_CHARACTERS = 200

# Absent on purpose: label_replace and label_join, which forge labels, and count_values, which multiplies.
FUNCTIONS = frozenset({
    "abs", "absent", "absent_over_time", "avg_over_time", "ceil", "changes", "clamp", "clamp_max",
    "clamp_min", "count_over_time", "delta", "deriv", "exp", "floor", "histogram_quantile", "idelta",
    "increase", "irate", "last_over_time", "ln", "log10", "log2", "max_over_time", "min_over_time",
    "predict_linear", "present_over_time", "quantile_over_time", "rate", "resets", "round", "scalar",
    "sgn", "sort", "sort_desc", "sqrt", "stddev_over_time", "sum_over_time", "time", "timestamp",
    "vector",
})  # fmt: skip
AGGREGATIONS = frozenset({
    "avg", "bottomk", "count", "group", "max", "min", "quantile", "stddev", "sum", "topk",
})  # fmt: skip
OPERATORS = frozenset({
    "+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless",
})  # fmt: skip
_PLAIN_REGEX = re.compile(r"[\w\s.:/|()\[\]*+?^$\\,@=-]*\Z", re.ASCII)


class Objection(enum.StrEnum):
    """Why a query is not sent, gravest first."""

    TOO_LONG = "too_long"
    NOT_PROMQL = "not_promql"
    TOO_COMPLEX = "too_complex"
    UNKNOWN_FUNCTION = "unknown_function"
    UNKNOWN_OPERATOR = "unknown_operator"
    TIME_TRAVEL = "time_travel"
    """An ``@`` modifier, or an offset further than a week and a day."""
    NO_SERIES = "no_series"
    """It reads nothing, so its result is evidence of nothing."""
    NO_METRIC_NAME = "no_metric_name"
    OUT_OF_SCOPE = "out_of_scope"
    """A selector lacks an equality matcher from the incident."""
    WILD_REGEX = "wild_regex"
    RANGE_TOO_LONG = "range_too_long"
    SUBQUERY_TOO_FINE = "subquery_too_fine"
    NESTED_TOO_DEEP = "nested_too_deep"
    TOO_MANY_POINTS = "too_many_points"


@dataclass(frozen=True, kw_only=True)
class Query:
    """What would be asked: an instant query when ``window`` is zero, else a range query over it."""

    expr: str
    window: timedelta = timedelta(0)
    step: timedelta = timedelta(minutes=1)

    @property
    def points(self) -> int:
        """Evaluations per series; at least one."""
        if self.window <= timedelta(0):
            return 1
        return self.window // self.step + 1 if self.step > timedelta(0) else MAX_POINTS + 1


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the incident is about: for each label the values of which an equality matcher may name one."""

    labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rule: bool = False
    """The query is an alert's own rule: Prometheus runs it all the time, over whatever it selects."""

    def pins(self, selector: ast.VectorSelector) -> bool:
        """Whether the selector reads only what the incident is about."""
        # Alternatives ("or") would let one branch escape the matcher that pins the other.
        if self.rule or selector.matchers.or_matchers:
            return self.rule
        return any(self._names(matcher) for matcher in selector.matchers.matchers)

    def _names(self, matcher: ast.Matcher) -> bool:
        return matcher.op == ast.MatchOp.Equal and matcher.value in self.labels.get(matcher.name, ())


@dataclass(frozen=True)
class _Place:
    """Where in the tree a node stands: how many of each costly construct enclose it."""

    aggregations: int = 0
    joins: int = 0
    subqueries: int = 0
    evaluations: int = 1
    """How often the enclosing subquery runs it."""

    @property
    def deepest(self) -> int:
        return max(self.aggregations, self.joins)


def admissible(query: Query, scope: Scope) -> Objection | None:
    """Why this query may not be sent, or None. The gravest objection wins."""
    if len(query.expr) > MAX_CHARACTERS:
        return Objection.TOO_LONG
    try:
        tree = ast.parse(query.expr)
    except ValueError:
        return Objection.NOT_PROMQL
    # One node more than allowed is enough to know; the walk stops there.
    nodes = list(_walk(tree))
    selectors = [node for node, _ in nodes if isinstance(node, ast.VectorSelector)]
    if len(nodes) > MAX_NODES or len(selectors) > MAX_SELECTORS:
        return Objection.TOO_COMPLEX
    found = {one for node, place in nodes for one in _objections(node, place, scope)}
    if not selectors:
        found.add(Objection.NO_SERIES)
    if query.window > MAX_RANGE:
        found.add(Objection.RANGE_TOO_LONG)
    if query.points * max(place.evaluations for _, place in nodes) > MAX_POINTS:
        found.add(Objection.TOO_MANY_POINTS)
    return next((one for one in Objection if one in found), None)


def lookback(expr: str) -> timedelta:
    """How far the expression looks back at most, ranges and offsets inside one another added up.

    Zero for an expression that reads the present only, and for one that is not understood.
    """
    if len(expr) > MAX_CHARACTERS:
        return timedelta(0)
    try:
        waiting = [(ast.parse(expr), timedelta(0))]
    except ValueError:
        return timedelta(0)
    furthest = timedelta(0)
    while waiting:
        node, outside = waiting.pop()
        reach = outside + _reach(node)
        furthest = max(furthest, reach)
        waiting.extend((child, reach) for child in _children(node))
    return furthest


def _reach(node: ast.Expr) -> timedelta:
    """How far this node alone looks back; an offset into the future does not shorten it."""
    if isinstance(node, ast.MatrixSelector):
        return node.range
    if isinstance(node, ast.SubqueryExpr):
        return _span(node.range) + max(_span(node.offset), timedelta(0))
    return max(_span(node.offset), timedelta(0)) if isinstance(node, ast.VectorSelector) else timedelta(0)


def _walk(tree: ast.Expr) -> Iterator[tuple[ast.Expr, _Place]]:
    """Every node with its place, without recursion: a hostile tree may be as deep as the text is long."""
    waiting, seen = [(tree, _Place())], 0
    while waiting and seen <= MAX_NODES:
        node, place = waiting.pop()
        seen += 1
        yield node, place
        inner = _inside(node, place)
        waiting.extend((child, inner) for child in _children(node))


def _children(node: ast.Expr) -> list[ast.Expr]:
    if isinstance(node, ast.Call):
        return list(node.args)
    if isinstance(node, ast.BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, ast.AggregateExpr):
        return [node.expr] if node.param is None else [node.expr, node.param]
    if isinstance(node, ast.MatrixSelector):
        return [node.vector_selector]
    if isinstance(node, ast.ParenExpr | ast.UnaryExpr | ast.SubqueryExpr):
        return [node.expr]
    return []


def _inside(node: ast.Expr, place: _Place) -> _Place:
    """The place of a node's children."""
    aggregated = place.aggregations + isinstance(node, ast.AggregateExpr)
    joined = place.joins + (isinstance(node, ast.BinaryExpr) and not _has_scalar_side(node))
    if not isinstance(node, ast.SubqueryExpr):
        return _Place(aggregated, joined, place.subqueries, place.evaluations)
    # Each point of the outer query runs the inner one this often: that product is the real cost.
    evaluations = place.evaluations * (_span(node.range) // _subquery_step(node) + 1)
    return _Place(aggregated, joined, place.subqueries + 1, evaluations)


# A number on one side is arithmetic, not a join; anything less plain is counted as one.
def _has_scalar_side(node: ast.BinaryExpr) -> bool:
    return any(_is_scalar(side) for side in (node.lhs, node.rhs))


def _is_scalar(node: ast.Expr) -> bool:
    while isinstance(node, ast.ParenExpr | ast.UnaryExpr):
        node = node.expr
    if isinstance(node, ast.Call):
        return node.func.name in ("scalar", "time")
    return isinstance(node, ast.NumberLiteral)


def _objections(node: ast.Expr, place: _Place, scope: Scope) -> Iterator[Objection]:
    if place.deepest > MAX_NESTING or place.subqueries > 1:
        yield Objection.NESTED_TOO_DEEP
    if not _known_function(node):
        yield Objection.UNKNOWN_FUNCTION
    elif isinstance(node, ast.BinaryExpr) and not _known_operation(node):
        yield Objection.UNKNOWN_OPERATOR
    elif isinstance(node, ast.MatrixSelector) and node.range > MAX_RANGE:
        yield Objection.RANGE_TOO_LONG
    elif isinstance(node, ast.SubqueryExpr):
        yield from _subquery_objections(node)
    elif isinstance(node, ast.VectorSelector):
        yield from _selector_objections(node, scope)


def _known_function(node: ast.Expr) -> bool:
    if isinstance(node, ast.Call):
        return node.func.name in FUNCTIONS
    return not isinstance(node, ast.AggregateExpr) or str(node.op) in AGGREGATIONS


def _known_operation(node: ast.BinaryExpr) -> bool:
    fills = node.modifier.fill_values if node.modifier is not None else None
    return str(node.op) in OPERATORS and (fills is None or (fills.lhs is None and fills.rhs is None))


def _subquery_objections(node: ast.SubqueryExpr) -> Iterator[Objection]:
    if node.at is not None or abs(_span(node.offset)) > MAX_OFFSET:
        yield Objection.TIME_TRAVEL
    if _span(node.range) > MAX_RANGE:
        yield Objection.RANGE_TOO_LONG
    if _subquery_step(node) < timedelta(seconds=15):
        yield Objection.SUBQUERY_TOO_FINE


def _selector_objections(node: ast.VectorSelector, scope: Scope) -> Iterator[Objection]:
    if node.at is not None or abs(_span(node.offset)) > MAX_OFFSET:
        yield Objection.TIME_TRAVEL
    matchers = node.matchers.matchers
    named = any(one.name == "__name__" and one.op == ast.MatchOp.Equal for one in matchers)
    # Without a name even a pinned selector returns every series of a namespace.
    if not node.name and not named:
        yield Objection.NO_METRIC_NAME
    if not scope.pins(node):
        yield Objection.OUT_OF_SCOPE
    regular = (one.value for one in matchers if one.op in (ast.MatchOp.Re, ast.MatchOp.NotRe))
    if any(len(text) > MAX_REGEX_CHARACTERS or not _PLAIN_REGEX.match(text) for text in regular):
        yield Objection.WILD_REGEX


def _span(value: timedelta | None) -> timedelta:
    return value or timedelta(0)


def _subquery_step(node: ast.SubqueryExpr) -> timedelta:
    # Without a step the server uses its evaluation interval, a minute unless configured.
    return node.step or timedelta(minutes=1)
