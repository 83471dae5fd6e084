"""Selectors: which series a set of matchers names, and their values at a moment or over a range."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import promql_parser as ast

from evals.world.prometheus.promql.values import (
    Element,
    NotSupported,
    Run,
    Vector,
    VectorAt,
    Window,
    WindowAt,
)
from evals.world.prometheus.samples import NAME
from evals.world.prometheus.tsdb import Series, Tsdb

_LEADING_FLAGS = re.compile(r"\(\?([ims]+)\)")

Test = Callable[[dict[str, str]], bool]


def milliseconds(span: timedelta | None) -> int:
    """A duration of the grammar in milliseconds; nothing is zero."""
    return 0 if span is None else round(span.total_seconds() * 1000)


def anchored(pattern: str) -> re.Pattern[str]:
    """The whole-string pattern of a regular expression; NotSupported where Python cannot read RE2's."""
    if "[[" in pattern:
        raise NotSupported(f"character classes by name in {pattern!r}")
    # RE2 takes flags anywhere, Python only at the very beginning or for a group.
    flags = _LEADING_FLAGS.match(pattern)
    grouped = f"(?{flags[1]}:{pattern[flags.end() :]})" if flags else f"(?:{pattern})"
    try:
        return re.compile(rf"{grouped}\Z")
    except re.error as error:
        raise NotSupported(f"the regular expression {pattern!r} ({error})") from error


def matched(tsdb: Tsdb, selector: ast.VectorSelector) -> list[Series]:
    """Every series the selector names, whenever it lived, in label order."""
    if selector.at is not None:
        raise NotSupported("the @ modifier")
    if selector.matchers.or_matchers:
        raise NotSupported("'or' between matchers")
    name, tests = selector.name, []
    for matcher in selector.matchers.matchers:
        if matcher.name == NAME and matcher.op == ast.MatchOp.Equal:
            name = matcher.value
        else:
            tests.append(_test(matcher))
    return [one for one in tsdb.series(name) if all(test(one.labels) for test in tests)]


def instant(tsdb: Tsdb, selector: ast.VectorSelector) -> VectorAt:
    """The newest value of each series no older than the look-back."""
    series, offset = matched(tsdb, selector), milliseconds(selector.offset)

    def at(moment: int) -> Vector:
        values = ((one.labels, one.at(moment - offset)) for one in series)
        return [Element(labels, value) for labels, value in values if value is not None]

    return at


def ranged(tsdb: Tsdb, selector: ast.MatrixSelector) -> WindowAt:
    """The samples of each series in the closed interval that ends at the moment."""
    series = matched(tsdb, selector.vector_selector)
    offset, span = milliseconds(selector.vector_selector.offset), milliseconds(selector.range)

    def at(moment: int) -> Window:
        end = moment - offset
        runs = [Run(one.labels, points) for one in series if (points := one.between(end - span, end))]
        return Window(runs, end - span, end)

    return at


def _test(matcher: ast.Matcher) -> Test:
    name, value = matcher.name, matcher.value
    # A missing label equals the empty string, so get() with "" is the whole rule.
    if matcher.op == ast.MatchOp.Equal:
        return lambda labels: labels.get(name, "") == value
    if matcher.op == ast.MatchOp.NotEqual:
        return lambda labels: labels.get(name, "") != value
    pattern = anchored(value)
    if matcher.op == ast.MatchOp.Re:
        return lambda labels: pattern.match(labels.get(name, "")) is not None
    return lambda labels: pattern.match(labels.get(name, "")) is None
