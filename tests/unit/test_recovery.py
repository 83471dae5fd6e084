"""How long an alert's own rule is waited for after a change, and how often it is asked meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from agents.incident import Alert
from agents.investigator.recovery import looks_back, pause_s
from tests.support.plans import an_alert


def alert(rule: str, **changes: object) -> Alert:
    url = f"http://prometheus/graph?{urlencode({'g0.expr': rule})}"
    return an_alert(datetime(2026, 11, 24, 2, tzinfo=UTC), generator_url=url, **changes)


def test_the_rule_that_looks_back_furthest_and_still_fires_is_waited_for() -> None:
    short, long = "rate(a[5m]) > 1", "max_over_time(b[1h]) > 1"
    assert looks_back((alert(short), alert(long))) == timedelta(hours=1)
    assert looks_back((alert(short), alert(long, firing=False))) == timedelta(minutes=5)
    assert looks_back(()) == timedelta(0)


@pytest.mark.parametrize(("minutes", "seconds"), [(5, 15.0), (10, 15.0), (60, 90.0), (24 * 60, 2160.0)])
def test_a_rule_over_hours_is_not_asked_by_the_second(minutes: int, seconds: float) -> None:
    assert pause_s(timedelta(minutes=minutes)) == seconds
