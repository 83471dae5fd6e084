"""The plot: the same bytes every time, legible on light and dark, small, and inert whatever its words are."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.plot import INK, LIMIT, LINES, Plot, shapes, svg
from tools.plot_png import png

START = 1_795_000_000.0
CURVE = tuple((START + 60 * n, 0.4 + 0.1 * math.sin(n / 9) + (0.45 if n > 150 else 0)) for n in range(181))
FULL = Plot(
    title="memory against its limit: Pod shop/web-1",
    lines=(CURVE,),
    unit="share",
    limit=1.0,
    began=START + 160 * 60,
    changed=START + 151 * 60,
)
SMALL = 30 * 1024


def test_a_full_plot_is_small_and_the_same_bytes_each_time() -> None:
    assert svg(FULL) == svg(FULL)
    assert png(FULL) == png(FULL)
    assert len(svg(FULL)) <= SMALL
    assert len(png(FULL)) <= SMALL
    assert png(FULL).startswith(b"\x89PNG")


def test_the_limit_the_alert_and_the_change_are_marked() -> None:
    text = svg(FULL)
    for word in ("limit 100%", ">alert<", ">change<", "UTC"):
        assert word in text
    bare = svg(Plot(title="x", lines=(CURVE,)))
    assert "limit" not in bare
    assert ">alert<" not in bare


@settings(max_examples=40)
@given(st.text(max_size=120))
def test_no_title_becomes_markup(title: str) -> None:
    text = svg(Plot(title=f"<script>{title}</script>\"'&", lines=(CURVE,)))
    root = ElementTree.fromstring(text)  # noqa: S314
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "title", "text", "polyline"}
    assert not [
        name for element in root.iter() for name in element.attrib if name in ("style", "href", "onload")
    ]


@pytest.mark.parametrize("colour", [INK, LIMIT, *LINES])
@pytest.mark.parametrize("ground", ["#ffffff", "#14181d"])
def test_every_colour_stands_out_on_light_and_on_dark(colour: str, ground: str) -> None:
    light, dark = sorted((_luminance(colour), _luminance(ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("value", [0.0, 1.0, -5.0, 1e12, 1e-9])
def test_any_series_can_be_drawn_inside_its_frame(value: float) -> None:
    line = ((START, value), (START + 60, value), (START + 120, math.nan), (START + 180, value))
    plot = Plot(title="flat", lines=(line,), unit="req/s")
    assert shapes(plot)
    assert png(plot)


def test_a_plot_of_nothing_is_refused() -> None:
    assert Plot(title="x", lines=()).empty
    with pytest.raises(ValueError, match="two points"):
        svg(Plot(title="x", lines=(((START, 1.0),),)))
