"""The query engine: text in, result out, for one moment or for many."""

from __future__ import annotations

from dataclasses import dataclass

import promql_parser as ast

from evals.world.prometheus.promql.compiler import compiled
from evals.world.prometheus.promql.values import (
    BadQuery,
    Element,
    ExecutionFailed,
    LabelSet,
    NotSupported,
    Point,
    Value,
    Window,
    identity,
)
from evals.world.prometheus.tsdb import Tsdb

MAX_QUERY_CHARACTERS = 4096
"""The parser is recursive native code: some thousand brackets overflow its stack and end the process."""
MAX_POINTS = 11_000
"""Points per series a range query may have, as in Prometheus."""


@dataclass(frozen=True)
class Track:
    """One series of a range query's result."""

    labels: LabelSet
    points: list[Point]


class Engine:
    """Evaluates PromQL against one database. Moments and steps are milliseconds."""

    def __init__(self, tsdb: Tsdb) -> None:
        self._tsdb = tsdb

    def instant(self, query: str, at: int) -> Value:
        """The value at a moment. Raises BadQuery, NotSupported or ExecutionFailed."""
        parsed = _parsed(query)
        with self._tsdb.lock:
            return compiled(self._tsdb, parsed)(at)

    def over(self, query: str, start: int, end: int, step: int) -> list[Track]:
        """The value at every step from start to end, as tracks in label order."""
        _check_range(start, end, step)
        parsed = _parsed(query)
        if isinstance(parsed, ast.MatrixSelector | ast.SubqueryExpr | ast.StringLiteral):
            raise BadQuery("invalid expression type for range query, must be Scalar or instant Vector")
        tracks: dict[frozenset[tuple[str, str]], Track] = {}
        # Held for the whole query, so that every step sees the same scrapes.
        with self._tsdb.lock:
            at = compiled(self._tsdb, parsed)
            for moment in range(start, end + 1, step):
                for one in _members(at(moment)):
                    track = tracks.setdefault(identity(one.labels), Track(one.labels, []))
                    track.points.append((moment, one.value))
        return sorted(tracks.values(), key=lambda track: sorted(track.labels.items()))


def _check_range(start: int, end: int, step: int) -> None:
    if step <= 0:
        raise BadQuery(
            "zero or negative query resolution step widths are not accepted. Try a positive integer"
        )
    if end < start:
        raise BadQuery('invalid parameter "end": end timestamp must not be before start time')
    if (end - start) // step > MAX_POINTS:
        raise BadQuery(
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )


def _parsed(query: str) -> ast.Expr:
    if len(query) > MAX_QUERY_CHARACTERS:
        raise NotSupported(f"queries of more than {MAX_QUERY_CHARACTERS} characters")
    try:
        return ast.parse(query)
    except ValueError as error:
        raise BadQuery(f'invalid parameter "query": {error}') from error


def _members(value: Value) -> list[Element]:
    if isinstance(value, list):
        return value
    if isinstance(value, float):
        return [Element({}, value)]
    kind = "range vector" if isinstance(value, Window) else "string"
    raise ExecutionFailed(f"a {kind} is not the result of a range query")
