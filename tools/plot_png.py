"""The shapes of a plot as pixels, with Pillow and the face it ships: no fonts of the machine, the same bytes.

Drawn twice as large and scaled down, which is what makes the lines smooth.
"""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw, ImageFont

from tools.plot import HEIGHT, WIDTH, Plot, Point, Shape, Stroke, Words, shapes

SCALE = 2
"""Pixels per point of the result: chats show pictures on dense screens."""
_SMOOTH = 2
_ALL = SCALE * _SMOOTH
_DASH, _GAP = 5.0, 4.0
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def png(plot: Plot) -> bytes:
    """The plot as a PNG on a transparent ground. Raises ValueError when there is nothing to draw."""
    picture = Image.new("RGBA", (WIDTH * _ALL, HEIGHT * _ALL), (125, 133, 144, 0))
    drawing = ImageDraw.Draw(picture)
    for shape in shapes(plot):
        _draw(drawing, shape)
    small = picture.resize((WIDTH * SCALE, HEIGHT * SCALE), Image.Resampling.BOX)
    written = io.BytesIO()
    # A palette would halve the size and lose the smooth edges; it is small enough without.
    small.save(written, "PNG", optimize=True)
    return written.getvalue()


def _draw(drawing: ImageDraw.ImageDraw, shape: Shape) -> None:
    if isinstance(shape, Words):
        font = ImageFont.load_default(shape.size * _ALL)
        where = (shape.x * _ALL, shape.y * _ALL)
        drawing.text(where, shape.text, fill=shape.colour, font=font, anchor=_ANCHORS[shape.anchor])
        return
    width = max(1, round(shape.width * _ALL))
    for piece in _dashes(shape) if shape.dashed else [shape.points]:
        scaled = [(x * _ALL, y * _ALL) for x, y in piece]
        drawing.line(scaled, fill=shape.colour, width=width, joint="curve")


def _dashes(stroke: Stroke) -> list[tuple[Point, ...]]:
    """A straight stroke in pieces."""
    (x, y), (to_x, to_y) = stroke.points[0], stroke.points[-1]
    length = math.hypot(to_x - x, to_y - y) or 1.0
    pieces, at = [], 0.0
    while at < length:
        ends = (at / length, min(1.0, (at + _DASH) / length))
        pieces.append(tuple((x + part * (to_x - x), y + part * (to_y - y)) for part in ends))
        at += _DASH + _GAP
    return pieces
