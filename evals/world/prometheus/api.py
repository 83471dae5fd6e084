"""What each path of the API answers, without HTTP: parameters in, the ``data`` of the answer out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

import promql_parser as ast

from evals.world.clock import Clock
from evals.world.prometheus.promql.engine import Engine
from evals.world.prometheus.promql.selectors import matched
from evals.world.prometheus.promql.values import BadQuery, LabelSet, Point, Value, Window, format_value
from evals.world.prometheus.rules import RuleBook
from evals.world.prometheus.samples import JsonObject
from evals.world.prometheus.tsdb import Series, Tsdb, to_ms

_LABEL_VALUES = re.compile(r"label/([a-zA-Z_][a-zA-Z0-9_]*)/values\Z")
_VERSION = "2.42.0"


class Parameters:
    """The parameters of one request, which may come twice; reading one that is wrong raises BadQuery."""

    def __init__(self, found: Mapping[str, list[str]]) -> None:
        self._found = found

    def text(self, name: str) -> str:
        """The first value, empty when missing."""
        return next(iter(self._found.get(name, [])), "")

    def all(self, name: str) -> list[str]:
        """Every value."""
        return list(self._found.get(name, []))

    def moment(self, name: str, otherwise: int) -> int:
        """A time in seconds or RFC 3339, as milliseconds."""
        text = self.text(name)
        if not text:
            return otherwise
        try:
            return _milliseconds(float(text))
        except ValueError:
            pass
        try:
            return to_ms(datetime.fromisoformat(text))
        except ValueError as error:
            message = f'invalid parameter "{name}": cannot parse {text!r} to a valid timestamp'
            raise BadQuery(message) from error

    def duration(self, name: str) -> int:
        """A step in seconds or as a duration such as ``1m``, in milliseconds."""
        text = self.text(name)
        try:
            return _milliseconds(float(text))
        except ValueError:
            pass
        try:
            return round(ast.parse_duration(text).total_seconds() * 1000)
        except ValueError as error:
            message = f'invalid parameter "{name}": cannot parse {text!r} to a valid duration'
            raise BadQuery(message) from error


class Api:
    """Answers the read paths of ``/api/v1``."""

    def __init__(self, tsdb: Tsdb, engine: Engine, rules: RuleBook, clock: Clock) -> None:
        self._tsdb = tsdb
        self._engine = engine
        self._rules = rules
        self._clock = clock
        self._paths: dict[str, Callable[[Parameters], object]] = {
            "query": self._query,
            "query_range": self._query_range,
            "series": self._series,
            "labels": self._labels,
            "rules": lambda _: {"groups": rules.groups(self._now())},
            "alerts": lambda _: {"alerts": rules.alerts(self._now())},
            "status/buildinfo": lambda _: _BUILD_INFO,
        }

    def answer(self, path: str, parameters: Parameters) -> object | None:
        """The ``data`` for a path below ``/api/v1/``, None when there is no such path. Raises PromqlError."""
        label = _LABEL_VALUES.match(path)
        if label is not None:
            return self._label_values(label[1], parameters)
        respond = self._paths.get(path)
        return respond(parameters) if respond is not None else None

    def _now(self) -> int:
        return to_ms(self._clock.now())

    def _query(self, parameters: Parameters) -> JsonObject:
        at = parameters.moment("time", self._now())
        return _result(self._engine.instant(_expression(parameters), at), at)

    def _query_range(self, parameters: Parameters) -> JsonObject:
        for name in ("start", "end", "step"):
            if not parameters.text(name):
                raise BadQuery(f'invalid parameter "{name}": missing')
        start, end = parameters.moment("start", 0), parameters.moment("end", 0)
        tracks = self._engine.over(_expression(parameters), start, end, parameters.duration("step"))
        return {"resultType": "matrix", "result": [_matrix_entry(one.labels, one.points) for one in tracks]}

    def _series(self, parameters: Parameters) -> list[LabelSet]:
        if not parameters.all("match[]"):
            raise BadQuery("no match[] parameter provided")
        return [series.labels for series in self._selected(parameters)]

    def _labels(self, parameters: Parameters) -> list[str]:
        return sorted({name for series in self._selected(parameters) for name in series.labels})

    def _label_values(self, label: str, parameters: Parameters) -> list[str]:
        found = {series.labels.get(label, "") for series in self._selected(parameters)}
        return sorted(found - {""})

    def _selected(self, parameters: Parameters) -> list[Series]:
        # Without times everything held is listed; the real server looks as far as its blocks reach.
        start = parameters.moment("start", 0)
        end = parameters.moment("end", self._now())
        selectors = [_selector(text) for text in parameters.all("match[]")]
        with self._tsdb.lock:
            if not selectors:
                found = self._tsdb.series()
            else:
                groups = [matched(self._tsdb, selector) for selector in selectors]
                # Several selectors may pick the same series, and a client expects each once.
                found = list({id(one): one for group in groups for one in group}.values())
            return [one for one in found if one.times and one.times[0] <= end and one.times[-1] >= start]


def _expression(parameters: Parameters) -> str:
    return parameters.text("query")


def _selector(text: str) -> ast.VectorSelector:
    try:
        parsed = ast.parse(text)
    except ValueError as error:
        raise BadQuery(f'invalid parameter "match[]": {error}') from error
    if not isinstance(parsed, ast.VectorSelector):
        raise BadQuery('invalid parameter "match[]": not a vector selector')
    return parsed


def _milliseconds(seconds: float) -> int:
    try:
        return round(seconds * 1000)
    except OverflowError as error:
        raise ValueError("not a finite number of seconds") from error


def _result(value: Value, at: int) -> JsonObject:
    if isinstance(value, list):
        entries = [{"metric": one.labels, "value": _pair((at, one.value))} for one in value]
        return {"resultType": "vector", "result": entries}
    if isinstance(value, Window):
        runs = sorted(value.runs, key=lambda run: sorted(run.labels.items()))
        return {"resultType": "matrix", "result": [_matrix_entry(run.labels, run.points) for run in runs]}
    if isinstance(value, str):
        # Strings come without formatting; numbers go out as text, because JSON has no NaN and no infinity.
        return {"resultType": "string", "result": [at / 1000, value]}
    return {"resultType": "scalar", "result": _pair((at, value))}


def _matrix_entry(labels: LabelSet, points: list[Point]) -> JsonObject:
    return {"metric": labels, "values": [_pair(point) for point in points]}


def _pair(point: Point) -> list[object]:
    # Whole seconds are written without a fraction, as the real server does.
    seconds = point[0] // 1000 if point[0] % 1000 == 0 else point[0] / 1000
    return [seconds, format_value(point[1])]


_BUILD_INFO = {
    "version": _VERSION,
    "revision": "pretended",
    "branch": "world",
    "buildUser": "world",
    "buildDate": "",
    "goVersion": "",
}
