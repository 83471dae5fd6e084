"""Series as evidence holds them: readable, quotable, and read back as they were."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tools import tracks
from tools.prometheus import Track
from tools.redaction import redact

START = 1_795_000_000.0
WEB = Track(labels={"namespace": "shop", "service": "web"}, points=((START, 1.5), (START + 120, 0.25)))


def test_a_series_is_one_line_that_names_its_labels_start_and_step() -> None:
    text = tracks.written([WEB], 60)
    assert text == '{namespace="shop", service="web"} from 2026-11-18T11:06:40Z every 60 s: 1.5 - 0.25'


def test_what_was_written_is_read_back_with_its_gaps() -> None:
    assert tracks.read(tracks.written([WEB], 60)) == (WEB,)


@settings(max_examples=40)
@given(st.text(max_size=40), st.lists(st.floats(0.001, 1e9), min_size=1, max_size=8))
def test_no_label_breaks_out_of_its_line_or_reaches_another_series(value: str, values: list[float]) -> None:
    hostile = Track(
        labels={"service": value}, points=tuple((START + 60 * n, v) for n, v in enumerate(values))
    )
    found = tracks.read(tracks.written([hostile, WEB], 60))
    assert found[-1] == WEB
    assert len(found) <= 2


def test_values_of_every_size_survive_the_scanner_for_secrets() -> None:
    values = [0.0, 1e-9, 0.001234, 7.5, 123456.0, 4_294_967_296.0, 123_456_789_012.0, float("inf")]
    many = Track(
        labels={"pod": "web-1"}, points=tuple((START + 60 * n, v) for n, v in enumerate(values * 20))
    )
    text = tracks.written([many], 60)
    assert redact(text) == text


def test_a_line_that_was_cut_or_is_something_else_is_left_out() -> None:
    text = tracks.written([WEB], 60)
    assert tracks.read(f"{text[:40]}\nno such series\n{text}") == (WEB,)
