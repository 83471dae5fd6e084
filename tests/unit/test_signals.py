"""An alert's own expression: found in its URL, bounded, and told apart from that of its neighbours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.incident import Alert
from agents.investigator.signals import Question, belongs, expression_of, lines_of, question

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def alert(expression: str = "up == 0", **changes: object) -> Alert:
    values: dict[str, object] = {
        "fingerprint": "f1",
        "firing": True,
        "labels": {"alertname": "A", "severity": "page", "namespace": "shop", "deployment": "cart"},
        "annotations": {},
        "starts_at": NOW - timedelta(minutes=5),
        "generator_url": f"http://prometheus:9090/graph?g0.expr={quote(expression)}&g0.tab=1",
    }
    return Alert.model_validate(values | changes)


def test_the_rules_own_expression_is_asked_from_half_an_hour_before_it_fired() -> None:
    asked = question(alert("up == 0"), NOW)
    assert isinstance(asked, Question)
    assert asked.expression == "up == 0"
    assert asked.window.start == NOW - timedelta(minutes=35)
    assert asked.window.end == NOW


def test_an_alert_that_fires_for_days_is_asked_about_six_hours() -> None:
    asked = question(alert(starts_at=NOW - timedelta(days=9)), NOW)
    assert isinstance(asked, Question)
    assert asked.window.end - asked.window.start == timedelta(hours=6)
    assert asked.step >= timedelta(minutes=3)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "names no expression"),
        ('{__name__=~".+"}', "no_metric_name"),
        ("up[30d] offset 400d", "time_travel"),
        ("count_values('x', up)", "unknown_function"),
        ("up ==", "not_promql"),
        ("(" * 5000, "too_long"),
    ],
)
def test_t29_an_expression_that_costs_too_much_is_not_asked_and_the_reason_is_listed(
    expression: str, why: str
) -> None:
    said = question(alert(expression), NOW)
    assert isinstance(said, str)
    assert why in said


@given(st.text())
def test_t28_whatever_stands_in_the_url_is_read_and_never_raises(url: str) -> None:
    assert isinstance(expression_of(url), str)
    assert isinstance(expression_of(f"http://[{url}/graph?g0.expr={url}"), str)


def test_a_sample_of_another_deployment_is_not_this_alerts() -> None:
    assert belongs(alert(), {"__name__": "x", "namespace": "shop", "deployment": "cart", "pod": "ksm-1"})
    assert not belongs(alert(), {"namespace": "shop", "deployment": "checkout"})


def test_a_severity_that_the_rule_set_itself_tells_nothing_apart() -> None:
    assert belongs(alert(), {"severity": "none", "deployment": "cart"})


def test_only_the_lines_about_this_alert_are_its_own() -> None:
    mine = '{deployment="cart", namespace="shop"} held at 3 of 9 steps, first 01:00:00 and last 01:01:00 UTC'
    other = '{deployment="checkout", namespace="shop"} held at 3 of 9 steps, first 01:00:00'
    assert lines_of(alert(), f"{mine}\n{other}\nno series") == (mine,)
