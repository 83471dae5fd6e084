"""The bench's arithmetic and its table. Nothing here measures: a test that times is a test that lies."""

from __future__ import annotations

import inspect
import json
import math
import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.bench.__main__ import MEASUREMENTS, PAGE
from evals.bench.figures import Bound, Figure, Result, Statistic, at_most, quantile
from evals.bench.flood import Door
from evals.bench.intake import groups
from evals.bench.street import scenario_of, shops
from evals.bench.table import BEGIN, END, markdown, rewrite, row
from midwatch.intake.notification import read_delivery

NOW = datetime(2026, 11, 26, tzinfo=UTC)
FIGURES = [
    value
    for measure in MEASUREMENTS.values()
    for value in vars(sys.modules[measure.__module__]).values()
    if isinstance(value, Figure)
]
P50, P99 = Statistic.P50, Statistic.P99
PROMISED = {
    "POST → card": [("s", at_most(P50, 2)), ("s", at_most(P99, 5))],
    "click → change": [("s", at_most(P50, 1))],
    "intake": [("alerts/s", Bound(statistic=P50, value=1000, at_least=True)), ("ms", at_most(P99, 500))],
    "bombs": [("ms", at_most(P99, 250)), ("ms", at_most(P99, 100))],
    "--help": [("ms", at_most(P50, 300))],
    "idle RSS": [("MiB", at_most(P50, 400))],
    "demo": [("s", at_most(P50, 15))],
    "queue": [("ms", at_most(P50, 20))],
    "verify": [("s", at_most(P50, 10))],
    "analysis": [("s", at_most(P50, 2)), ("MiB", at_most(P50, 400))],
}
SPEED = Figure(title="speed", unit="s", bounds=(at_most(P50, 2), at_most(P99, 5)))


def measured(*values: float, figure: Figure = SPEED) -> Result:
    return Result(figure=figure, values=values)


@pytest.mark.parametrize("figure", PROMISED)
def test_every_promised_figure_is_measured(figure: str) -> None:
    kept = [(found.unit, bound) for found in FIGURES for bound in found.bounds]
    assert [promise for promise in PROMISED[figure] if promise not in kept] == []


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_says_how_it_is_made(name: str) -> None:
    assert len(inspect.getdoc(MEASUREMENTS[name]) or "") > 40
    assert f"`{name}`" in PAGE.read_text()


def test_the_page_has_a_row_for_every_figure() -> None:
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    for figure in FIGURES:
        assert f"| {figure.title} |" in table


def test_the_median_and_the_worst_of_few() -> None:
    assert quantile((3.0, 1.0, 2.0), 0.5) == 2.0
    assert quantile((3.0, 1.0, 2.0), 0.99) == 3.0
    assert quantile((7.0,), 0.5) == 7.0


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400), st.floats(0.01, 1.0))
def test_a_quantile_is_a_sample_that_enough_others_do_not_exceed(values: list[float], share: float) -> None:
    found = quantile(tuple(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


def test_one_broken_bound_is_a_missed_target() -> None:
    assert measured(2.0, 2.0, 5.0).met is True
    assert measured(2.1, 2.1, 2.1).met is False
    assert measured(1.0, 1.0, 5.1).met is False
    assert measured(9.0, figure=Figure(title="told", unit="s")).met is None


def test_a_rate_must_not_be_too_small() -> None:
    rate = Figure(title="rate", unit="alerts/s", bounds=(Bound(statistic=P50, value=1000, at_least=True),))
    assert measured(1000.0, figure=rate).met is True
    assert measured(999.0, figure=rate).met is False


@pytest.mark.parametrize("values", [(), (math.nan,), (1.0, math.inf)])
def test_nothing_measured_is_not_a_result(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        measured(*values)


def test_a_row_names_target_figures_and_verdict() -> None:
    assert row(measured(1.0, 2.5, 6.0)) == (
        "speed",
        "p50 ≤ 2 s, p99 ≤ 5 s",
        "2.5 s",
        "6 s",
        "3",
        "**no**",
    )


def test_writing_the_page_changes_only_what_is_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    rewrite(page, markdown([measured(1.0)], ["2 cores"]))
    told = page.read_text()
    assert told.startswith(f"before\n{BEGIN}\n| figure |")
    assert told.endswith(f"Measured on: 2 cores.\n{END}\nafter\n")
    assert "old" not in told
    page.write_text("no markers")
    with pytest.raises(ValueError, match="once each"):
        rewrite(page, "table")


def test_every_group_of_the_flood_is_new_and_readable() -> None:
    first, second = (read_delivery(body, NOW, "bench") for body in islice(groups(), 2))
    assert first.notification is not None
    assert second.notification is not None
    assert first.notification.group_key != second.notification.group_key
    prints = {alert.fingerprint for one in (first, second) for alert in one.notification.alerts}
    assert len(prints) == 20


def test_a_request_of_the_flood_says_how_long_it_is() -> None:
    request = Door(url="http://127.0.0.1:8480", token="t").request(b"{}")
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"Content-Length: 2" in head
    assert b"Authorization: Bearer t" in head
    assert json.loads(body) == {}


def test_every_shop_of_the_street_breaks_on_its_own() -> None:
    scenario = scenario_of(3)
    broken = [patch.object.namespace for step in scenario.fault for patch in step.patch]
    assert broken == shops(3)
    made = [m for step in scenario.history for m in step.create if m["kind"] == "Deployment"]
    assert [m["metadata"]["namespace"] for m in made] == shops(3)
