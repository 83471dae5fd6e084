"""How long an alert's own expression goes on holding when all is well again."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from agents.incident import Alert
from agents.investigator.recovery import MOST_MEMORY, memory_of
from tests.support.scenes import alert
from tools.promql import MAX_CHARACTERS, lookback

LOOPS = 'max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[5m]) >= 1'


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        (LOOPS, 5),
        ("kube_deployment_spec_replicas != kube_deployment_status_replicas_available", 0),
        ("sum(rate(a[2m])) / sum(rate(b[10m])) > 0.1", 10),
        ("max_over_time((rate(a[1m]))[20m:1m]) > 1", 20),
        ("this is [ no promql", 0),
        ("a" * (MAX_CHARACTERS + 1), 0),
    ],
)
def test_an_expression_remembers_as_far_as_it_looks_back(expression: str, minutes: int) -> None:
    assert lookback(expression) == timedelta(minutes=minutes)


def firing(expression: str, *, fires: bool = True) -> Alert:
    url = f"http://prometheus.example/graph?{urlencode({'g0.expr': expression})}"
    return alert("A", namespace="shop").model_copy(update={"generator_url": url, "firing": fires})


def test_the_longest_memory_counts_and_only_of_what_fires_and_only_for_minutes() -> None:
    assert memory_of([firing(LOOPS), firing("rate(a[1m]) > 1")]) == timedelta(minutes=5)
    assert memory_of([firing(LOOPS, fires=False), firing("up == 0")]) == timedelta()
    assert memory_of([firing("rate(errors[6h]) > 1")]) == MOST_MEMORY
    assert memory_of([]) == timedelta()
