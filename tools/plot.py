"""One small, quiet plot of a few series: as SVG for a page and as PNG for a chat, from the same shapes.

The same input gives the same bytes. Colours stand in the middle, so they are legible on light and on dark and
the ground stays transparent. Words of strangers end as inert text: escaped in the SVG, pixels in the PNG.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from tools.redaction import redact

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 38, 26
MOST_LINES = 4
MOST_POINTS = 400
_TITLE = 84

INK = "#7d8590"
LINES = ("#2f7fd6", "#8f6fd0", "#2f9e78", "#b07d2b")
LIMIT = "#d9534f"
GRID = "#7d859055"

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """What is drawn: ``lines`` of (seconds since the epoch, value), a limit, the alert's start, a change."""

    title: str
    lines: tuple[tuple[Point, ...], ...]
    unit: str = ""
    limit: float | None = None
    began: float | None = None
    changed: float | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(len(line) > 1 for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """A line through points, dashed or not."""

    points: tuple[Point, ...]
    colour: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text; ``anchor`` is which end of it stands at ``x``."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    size: int = 11
    colour: str = INK


Shape = Stroke | Words


@dataclass(frozen=True)
class _Frame:
    """From time and value to pixels."""

    first: float
    last: float
    low: float
    high: float

    def at(self, point: Point) -> Point:
        when = (point[0] - self.first) / (self.last - self.first)
        much = (point[1] - self.low) / (self.high - self.low)
        x = _LEFT + min(1.0, max(0.0, when)) * (WIDTH - _LEFT - _RIGHT)
        y = HEIGHT - _BOTTOM - min(1.0, max(0.0, much)) * (HEIGHT - _TOP - _BOTTOM)
        return round(x, 1), round(y, 1)


def shapes(plot: Plot) -> tuple[Shape, ...]:
    """Everything that is drawn, back to front. Raises ValueError when there is nothing to draw."""
    if plot.empty:
        raise ValueError("a plot needs a line of two points")
    lines = tuple(_finite(line) for line in plot.lines[:MOST_LINES])
    frame = _framed(plot, lines)
    return (
        *_axes(plot, frame),
        *_marks(plot, frame),
        *(
            Stroke(points=tuple(map(frame.at, line)), colour=colour, width=1.6)
            for line, colour in zip(lines, LINES, strict=False)
            if len(line) > 1
        ),
    )


def _finite(line: tuple[Point, ...]) -> tuple[Point, ...]:
    return tuple(point for point in line[-MOST_POINTS:] if math.isfinite(point[1]))


def _framed(plot: Plot, lines: tuple[tuple[Point, ...], ...]) -> _Frame:
    every = [point for line in lines for point in line]
    values = [value for _, value in every] + ([plot.limit] if plot.limit is not None else [])
    low, high = min(0.0, *values), max(values)
    high = high + (high - low) * 0.08 if high > low else low + 1.0
    first, last = min(at for at, _ in every), max(at for at, _ in every)
    return _Frame(first, max(last, first + 1.0), low, high)


def _axes(plot: Plot, frame: _Frame) -> Iterator[Shape]:
    title = "".join(char if char.isprintable() else " " for char in redact(plot.title))
    yield Words(x=_LEFT, y=18, text=title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…", size=12)
    for part in (0.0, 0.5, 1.0):
        value = frame.low + part * (frame.high - frame.low) / 1.08
        left, y = frame.at((frame.first, value))
        yield Stroke(points=((left, y), (WIDTH - _RIGHT, y)), colour=GRID)
        yield Words(x=left - 6, y=y + 4, text=_number(value, plot.unit), anchor="end")
    for part, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        moment = frame.first + part * (frame.last - frame.first)
        x, _ = frame.at((moment, frame.low))
        text = datetime.fromtimestamp(moment, UTC).strftime("%H:%M")
        yield Words(x=x, y=HEIGHT - 8, text=f"{text} UTC" if part == 1.0 else text, anchor=anchor)


def _marks(plot: Plot, frame: _Frame) -> Iterator[Shape]:
    if plot.limit is not None:
        left, y = frame.at((frame.first, plot.limit))
        yield Stroke(points=((left, y), (WIDTH - _RIGHT, y)), colour=LIMIT, dashed=True)
        yield Words(x=left + 4, y=y - 4, text=f"limit {_number(plot.limit, plot.unit)}", colour=LIMIT)
    marks = [(at, text) for at, text in ((plot.began, "alert"), (plot.changed, "change")) if at is not None]
    shown = sorted(mark for mark in marks if frame.first <= mark[0] <= frame.last)
    for number, (at, text) in enumerate(shown):
        x, bottom = frame.at((at, frame.low))
        yield Stroke(points=((x, _TOP), (x, bottom)), colour=INK, dashed=text == "change")
        # Two marks close to each other must not write over each other: the first one's word stands before it.
        before = number == 0 and len(shown) > 1
        place = x - 3 if before else min(x + 3, WIDTH - _RIGHT - 36)
        yield Words(x=place, y=_TOP - 4, text=text, anchor="end" if before else "start", size=10)


def _number(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value:.1%}" if abs(value) < 0.1 and value else f"{value:.0%}"
    return f"{value:.3g} {unit}".rstrip()


def svg(plot: Plot) -> str:
    """The plot as one ``svg`` element without styles, scripts or links: the strictest policy lets it in."""
    inner = "".join(_element(shape) for shape in shapes(plot))
    title = escape("".join(char if char.isprintable() else " " for char in redact(plot.title)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" font-family="sans-serif"><title>{title}</title>{inner}</svg>'
    )


def _element(shape: Shape) -> str:
    if isinstance(shape, Words):
        where = f'x="{shape.x:g}" y="{shape.y:g}" text-anchor={quoteattr(shape.anchor)}'
        return f'<text {where} font-size="{shape.size}" fill="{shape.colour}">{escape(shape.text)}</text>'
    points = " ".join(f"{x:g},{y:g}" for x, y in shape.points)
    dashes = ' stroke-dasharray="5 4"' if shape.dashed else ""
    colour, alpha = shape.colour[:7], shape.colour[7:]
    opacity = f' stroke-opacity="{int(alpha, 16) / 255:.2f}"' if alpha else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}"{opacity} '
        f'stroke-width="{shape.width:g}"{dashes}/>'
    )
