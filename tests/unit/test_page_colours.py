"""The colours of the pages: every pair that is read has the contrast of WCAG AA, light and dark."""

from __future__ import annotations

import re

import pytest

from midwatch.web.static import FOLDER

TOKEN = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
CSS = (FOLDER / "midwatch.css").read_text(encoding="utf-8")
TOKENS = {name: (light, dark) for name, light, dark in TOKEN.findall(CSS)}
TEXT = 4.5
EDGE = 3.0
GROUNDS = ("paper", "sheet", "soft")
PAIRS = [
    *((ink, ground, TEXT) for ink in ("ink", "quiet", "accent", "good", "bad", "warn") for ground in GROUNDS),
    *((kind, f"{kind}-soft", TEXT) for kind in ("good", "bad", "warn", "accent")),
    ("ink", "mark", TEXT),
    ("ink", "accent-soft", TEXT),
    ("accent", "accent-soft", TEXT),
    ("quiet", "accent-soft", TEXT),
    *(("edge", ground, EDGE) for ground in GROUNDS),
]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_what_is_read_can_be_read(scheme: int) -> None:
    weak = []
    for ink, ground, least in PAIRS:
        dark, light = sorted(luminance(TOKENS[name][scheme]) for name in (ink, ground))
        ratio = (light + 0.05) / (dark + 0.05)
        if ratio < least:
            weak.append(f"{ink} on {ground}: {ratio:.2f}, {least} is needed")
    assert weak == []


def test_no_colour_is_written_where_it_is_used() -> None:
    used = CSS[CSS.index(':root[data-theme="light"]') :]
    assert re.findall(r"#[0-9a-f]{3,8}\b", used) == []
