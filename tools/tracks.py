"""Series as text and back: one line a series, so that evidence can be read, quoted, redacted and drawn again.

``{namespace="shop", service="web"} from 2026-11-27T06:00:00Z every 60 s: 1.2 1.3 - 1.4``; a dash is a step
without a value. Four digits are kept of each value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tools.prometheus import Track

MOST_POINTS = 400
"""Steps of one line; more is not one of ours."""

_LINE = re.compile(
    r"^\{(?P<labels>.*)\} from (?P<start>\S+Z) every (?P<step>[\d.]+) s: (?P<values>[-+.\w ]+)$"
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


def written(tracks: Iterable[Track], step_s: float) -> str:
    """The series as lines; the first point of each is its own start."""
    return "\n".join(_line(track, step_s) for track in tracks if track.points)


def read(text: str) -> tuple[Track, ...]:
    """The series of a text; a line that is none, or that was cut, is left out."""
    return tuple(_tracks(text))


def braced(labels: dict[str, str]) -> str:
    """Labels as Prometheus writes them, on one line whatever they hold."""
    return "{" + ", ".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")


def _line(track: Track, step_s: float) -> str:
    start = track.points[0][0]
    known = {round((at - start) / step_s): value for at, value in track.points}
    values = (f"{known[n]:.4g}" if n in known else "-" for n in range(max(known) + 1))
    moment = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{braced(track.labels)} from {moment} every {step_s:g} s: {' '.join(values)}"


def _tracks(text: str) -> Iterator[Track]:
    for line in text.split("\n"):
        match = _LINE.match(line)
        if match is None:
            continue
        labels = {name: _ESCAPED.sub(r"\1", value) for name, value in _LABEL.findall(match["labels"])}
        try:
            start = datetime.fromisoformat(match["start"]).timestamp()
            values = [float(word) if word != "-" else None for word in match["values"].split()]
            step_s = float(match["step"])
        except ValueError:
            # Redaction or a cut at the end may have taken a part of it.
            continue
        points = ((start + n * step_s, value) for n, value in enumerate(values) if value is not None)
        yield Track(labels=labels, points=tuple(points)[:MOST_POINTS])
