"""Where a fault in a graph comes from; ``python -m evals.localisation`` tells how often it is right."""

from __future__ import annotations

import pytest

from agents.investigator.analyzers.localisation import suspects
from evals.localisation.graphs import trouble
from evals.localisation.score import FLOOR, answers, kept, scores
from tests.support.scale import PROVING, scale


@pytest.mark.proof
def test_the_origin_of_a_fault_is_named_first_and_nobody_where_there_is_none() -> None:
    faults = scale("graph_faults")
    found = scores(answers(faults, quiet=faults // 2))
    # A slice is too small for a share of its own: there most of them is enough.
    assert kept(found) if PROVING else found["all"].at_1 >= FLOOR - 0.15
    assert found["all"].silent >= 0.95 * found["all"].quiet - 1


def test_the_order_of_calls_and_services_changes_nothing() -> None:
    case = trouble(5, "errors")
    turned = {kind: dict(reversed(of.items())) for kind, of in case.series.items()}
    straight = suspects(case.calls, case.series, case.began)
    assert straight
    assert suspects(reversed(case.calls), turned, case.began) == straight


def test_a_noisy_service_that_nobody_calls_changes_no_answer() -> None:
    case = trouble(5, "latency")
    noisy = {"latency": {**case.series["latency"], "zz": trouble(6, "none").series["latency"]["s00"]}}
    before = suspects(case.calls, {"latency": case.series["latency"]}, case.began)
    assert [one.service for one in suspects(case.calls, noisy, case.began)][:1] == [before[0].service]


def test_without_series_or_graph_nobody_is_suspected() -> None:
    assert suspects([], {}, 0.0) == ()
    assert suspects([("a", "b")], {"latency": {}}, 0.0) == ()
