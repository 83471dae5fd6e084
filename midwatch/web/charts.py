"""Bars and lines for pages, drawn here as inline SVG: no script, no style attribute, and words beside them.

A value that is not known is a gap and never nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from tools.redaction import redact

WIDTH, HEIGHT, LEFT, BAR, ROOM = 640, 200, 190, 22, 90


@dataclass(frozen=True, kw_only=True)
class Point:
    """One value under its label; ``shown`` is how it is written, None of ``value`` is not known."""

    label: str
    value: float | None
    shown: str


def bars(title: str, points: Sequence[Point]) -> Markup:
    """Horizontal bars, one a label, each with its value written beside it."""
    most = max((point.value or 0 for point in points), default=0) or 1
    drawn = [_bar(point, number * (BAR + 6), most) for number, point in enumerate(points)]
    return _figure(title, points, len(points) * (BAR + 6), drawn)


def _bar(point: Point, y: int, most: float) -> str:
    length = round((WIDTH - LEFT - ROOM) * max(0.0, point.value or 0) / most, 1)
    label = _words(point.label, 28)
    return (
        f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{label}</text>'
        f'<rect class="fill" x="{LEFT}" y="{y + 2}" width="{max(length, 1)}" height="{BAR - 4}" rx="2"/>'
        f'<text class="value" x="{LEFT + length + 8}" y="{y + 16}">{_words(point.shown, 14)}</text>'
    )


def line(title: str, points: Sequence[Point]) -> Markup:
    """One line through the values in their order, with the largest and the first and last label."""
    known = [point.value for point in points if point.value is not None]
    most, low = max(known, default=0) or 1, 40
    width, floor = WIDTH - low - 16, HEIGHT - 24
    each = width / max(1, len(points) - 1)
    places = [
        None
        if point.value is None
        else (round(low + number * each, 1), round(floor - (floor - 16) * max(0.0, point.value) / most, 1))
        for number, point in enumerate(points)
    ]
    drawn = [f'<path class="grid" d="M{low} {y}H{WIDTH - 16}"/>' for y in (16, (16 + floor) // 2, floor)]
    drawn.append(f'<path class="line" d="{_path(places)}"/>')
    drawn += [f'<circle class="fill" cx="{x}" cy="{y}" r="3"/>' for x, y in filter(None, places)]
    drawn.append(f'<text x="{low - 6}" y="20" text-anchor="end">{_words(_round(most), 8)}</text>')
    drawn.append(f'<text x="{low - 6}" y="{floor + 4}" text-anchor="end">0</text>')
    if points:
        drawn.append(f'<text x="{low}" y="{HEIGHT - 4}">{_words(points[0].label, 20)}</text>')
        last = (
            f'<text x="{WIDTH - 16}" y="{HEIGHT - 4}" text-anchor="end">{_words(points[-1].label, 20)}</text>'
        )
        drawn.append(last)
    return _figure(title, points, HEIGHT, drawn)


def _path(places: Sequence[tuple[float, float] | None]) -> str:
    drawn, apart = [], True
    for place in places:
        if place is not None:
            drawn.append(f"{'M' if apart else 'L'}{place[0]} {place[1]}")
        apart = place is None
    return "".join(drawn)


def _round(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or math.isclose(value, round(value)) else f"{value:.2g}"


def _words(text: str, most: int) -> str:
    plain = redact(text)
    return str(escape(plain if len(plain) <= most else f"{plain[: most - 1]}…"))


def _figure(title: str, points: Sequence[Point], height: int, drawn: Sequence[str]) -> Markup:
    # The same values in words: a picture alone tells nothing to a screen reader.
    told = "; ".join(f"{_words(point.label, 60)} {_words(point.shown, 60)}" for point in points)
    head = f'<figure class="chart"><figcaption>{_words(title, 120)}</figcaption>'
    svg = f'<svg viewBox="0 0 {WIDTH} {max(height, 1)}" role="img" aria-label="{told}">'
    # Every word went through the escape above.
    return Markup(f"{head}{svg}{''.join(drawn)}</svg></figure>")  # noqa: S704
