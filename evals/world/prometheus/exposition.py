"""The text format a Prometheus scrapes, and the timestamped OpenMetrics that promtool can import."""

from __future__ import annotations

from collections.abc import Iterator

from evals.world.prometheus.promql.values import format_value
from evals.world.prometheus.samples import NAME, Labels
from evals.world.prometheus.tsdb import Tsdb

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(tsdb: Tsdb) -> str:
    """The newest scrape in the text format 0.0.4."""
    lines, last = [], ""
    for labels, value in sorted(tsdb.present(), key=lambda pair: pair[0][NAME]):
        name = labels[NAME]
        if name != last:
            lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
            last = name
        lines.append(f"{name}{_braces(labels)} {format_value(value)}")
    return "\n".join([*lines, ""])


def open_metrics(tsdb: Tsdb) -> Iterator[str]:
    """The whole history, each sample with its time in seconds; the format has no staleness markers."""
    last = ""
    for series in sorted(tsdb.series(), key=lambda one: one.labels[NAME]):
        name = series.labels[NAME]
        if name != last:
            yield f"# TYPE {name} unknown\n"
            last = name
        braces = _braces(series.labels)
        for when, value in zip(series.times, series.values, strict=True):
            if value is not None:
                yield f"{name}{braces} {format_value(value)} {when / 1000:.3f}\n"
    yield "# EOF\n"


def _braces(labels: Labels) -> str:
    pairs = [f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()) if name != NAME]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
