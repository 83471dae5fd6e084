"""The allow-list for PromQL: hostile queries that must all be stopped, benign ones that must all pass."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.promql import MAX_CHARACTERS, Objection, Query, Scope, admissible, lookback

SCOPE = Scope(
    labels={
        "namespace": frozenset({"shop"}),
        "pod": frozenset({"checkout-1", "checkout-2"}),
        "node": frozenset({"node-1"}),
        "service": frozenset({"checkout"}),
    }
)
IN = 'namespace="shop"'

BENIGN = [
    f"kube_pod_status_phase{{{IN}}}",
    f'kube_pod_status_phase{{{IN},phase="Pending"}} == 1',
    'kube_pod_info{pod="checkout-1"}',
    'kube_node_status_condition{node="node-1",condition="Ready",status="true"}',
    f"up{{{IN}}}",
    f"up{{{IN}}} == 0",
    f"rate(http_requests_total{{{IN}}}[5m])",
    f"irate(http_requests_total{{{IN}}}[5m])",
    f"increase(kube_pod_container_status_restarts_total{{{IN}}}[1h])",
    f"sum(rate(http_requests_total{{{IN}}}[5m]))",
    f"sum by (pod) (rate(http_requests_total{{{IN}}}[5m]))",
    f"sum by (pod, code) (rate(http_requests_total{{{IN}}}[5m])) > 0.1",
    f'sum(rate(http_requests_total{{{IN},code=~"5.."}}[5m])) / sum(rate(http_requests_total{{{IN}}}[5m]))',
    f'sum(rate(requests_total{{{IN},code=~"5.."}}[5m])) > 0.05 * sum(rate(http_requests_total{{{IN}}}[5m]))',
    f"100 * sum(rate(errors_total{{{IN}}}[5m])) / sum(rate(requests_total{{{IN}}}[5m]))",
    f"histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{{{IN}}}[5m])))",
    f"histogram_quantile(0.5, rate(latency_bucket{{{IN}}}[10m]))",
    f"max by (pod) (container_memory_working_set_bytes{{{IN}}})",
    f'max by (pod) (container_memory_working_set_bytes{{{IN},container!=""}}) / 1024 / 1024',
    f"container_memory_working_set_bytes{{{IN}}} / on (namespace, pod, container) group_left () "
    f'kube_pod_container_resource_limits{{{IN},resource="memory"}}',
    f"sum by (pod) (container_memory_working_set_bytes{{{IN}}}) / sum by (pod) "
    f'(kube_pod_container_resource_limits{{{IN},resource="memory"}}) > 0.9',
    f"sum by (pod) (rate(container_cpu_cfs_throttled_periods_total{{{IN}}}[5m])) / "
    f"sum by (pod) (rate(container_cpu_cfs_periods_total{{{IN}}}[5m]))",
    f"rate(container_cpu_usage_seconds_total{{{IN},container='app'}}[2m])",
    f"topk(5, sum by (pod) (rate(container_cpu_usage_seconds_total{{{IN}}}[5m])))",
    f"bottomk(3, kube_pod_status_ready{{{IN}}})",
    f"quantile by (pod) (0.9, latency_seconds{{{IN}}})",
    f"avg_over_time(kube_pod_status_ready{{{IN},condition='true'}}[30m])",
    f"min_over_time(up{{{IN}}}[6h])",
    f"max_over_time(kube_pod_container_status_waiting_reason{{{IN},reason='CrashLoopBackOff'}}[5m]) >= 1",
    f"sum_over_time(up{{{IN}}}[1h]) / count_over_time(up{{{IN}}}[1h])",
    f"changes(kube_deployment_status_observed_generation{{{IN}}}[6h])",
    f"resets(http_requests_total{{{IN}}}[1h])",
    f"delta(memory_bytes{{{IN}}}[1h])",
    f"deriv(memory_bytes{{{IN}}}[30m])",
    f"predict_linear(kubelet_volume_stats_available_bytes{{{IN}}}[6h], 4 * 24 * 3600) < 0",
    f"kubelet_volume_stats_available_bytes{{{IN}}} / kubelet_volume_stats_capacity_bytes{{{IN}}} < 0.03",
    f"quantile_over_time(0.95, latency_seconds{{{IN}}}[30m])",
    f"stddev_over_time(latency_seconds{{{IN}}}[30m])",
    f"last_over_time(kube_pod_info{{{IN}}}[10m])",
    f"present_over_time(kube_pod_info{{{IN}}}[10m])",
    f"absent(up{{{IN},job='checkout'}})",
    f"absent_over_time(up{{{IN}}}[15m])",
    f"kube_deployment_spec_replicas{{{IN}}} != kube_deployment_status_replicas_available{{{IN}}}",
    f"kube_deployment_spec_replicas{{{IN}}} > bool 0",
    f"kube_deployment_status_replicas_unavailable{{{IN}}} and kube_deployment_spec_paused{{{IN}}} == 0",
    f"kube_pod_info{{{IN}}} unless on (pod) kube_pod_status_ready{{{IN},condition='true'}} == 1",
    f"up{{{IN}}} or kube_pod_info{{{IN}}}",
    f"count(kube_pod_info{{{IN}}})",
    f"count by (reason) (kube_pod_container_status_last_terminated_reason{{{IN}}})",
    f"group by (pod) (kube_pod_info{{{IN}}})",
    f"rate(http_requests_total{{{IN}}}[5m]) / rate(http_requests_total{{{IN}}}[5m] offset 1d)",
    f"rate(http_requests_total{{{IN}}}[5m] offset 1w)",
    f"time() - kube_pod_created{{{IN}}}",
    f"time() - timestamp(up{{{IN}}}) > 300",
    f"clamp_max(rate(http_requests_total{{{IN}}}[5m]), 100)",
    f"clamp(rate(http_requests_total{{{IN}}}[5m]), 0, 100)",
    f"round(rate(http_requests_total{{{IN}}}[5m]), 0.01)",
    f"ceil(abs(temperature{{{IN}}}))",
    f"-memory_bytes{{{IN}}}",
    f"(memory_bytes{{{IN}}})",
    f"sort_desc(sum by (pod) (memory_bytes{{{IN}}}))",
    f"vector(1) and on () up{{{IN}}}",
    f"scalar(count(up{{{IN}}})) * up{{{IN}}}",
    f"max_over_time(rate(http_requests_total{{{IN}}}[5m])[1h:1m])",
    f"avg_over_time(sum(rate(http_requests_total{{{IN}}}[5m]))[6h:5m])",
    f"max(sum by (pod) (memory_bytes{{{IN}}}))",
    f"kube_horizontalpodautoscaler_status_current_replicas{{{IN}}} == "
    f"kube_horizontalpodautoscaler_spec_max_replicas{{{IN}}}",
    f"kube_endpointslice_endpoints{{{IN},ready='true'}}",
    'kube_endpoint_address{endpoint="checkout",service="checkout"}',
    f'{{__name__="up",{IN}}}',
    f'{{"http.requests",{IN}}}',
    f'http_requests_total{{{IN},path=~"/api/(cart|order).*",code!~"2..|3.."}}',
    f'kube_pod_labels{{{IN},pod=~"checkout-[0-9a-z]+"}}',
    f"kube_resourcequota{{{IN},type='used'}} / ignoring (type) kube_resourcequota{{{IN},type='hard'}} > 0.9",
    f"sum without (instance) (rate(http_requests_total{{{IN}}}[5m]))",
    f"memory_bytes{{{IN}}} ^ 2 % 7",
    'node_memory_MemAvailable_bytes{node="node-1"} / node_memory_MemTotal_bytes{node="node-1"}',
]

HOSTILE = {
    # T29 by name, and the cheap ways to read everything.
    '{__name__=~".+"}[1y]': Objection.NO_METRIC_NAME,
    '{__name__=~".+"}': Objection.NO_METRIC_NAME,
    f'{{__name__=~".+",{IN}}}': Objection.NO_METRIC_NAME,
    f'{{__name__!="",{IN}}}': Objection.NO_METRIC_NAME,
    f"{{{IN}}}": Objection.NO_METRIC_NAME,
    f"count({{{IN}}})": Objection.NO_METRIC_NAME,
    "up": Objection.OUT_OF_SCOPE,
    "kube_pod_info": Objection.OUT_OF_SCOPE,
    "count(kube_pod_info)": Objection.OUT_OF_SCOPE,
    'up{namespace="kube-system"}': Objection.OUT_OF_SCOPE,
    'up{namespace!="shop"}': Objection.OUT_OF_SCOPE,
    'up{namespace=~"shop"}': Objection.OUT_OF_SCOPE,
    'up{namespace=~"shop|.*"}': Objection.OUT_OF_SCOPE,
    'up{namespace=""}': Objection.OUT_OF_SCOPE,
    'up{job="shop"}': Objection.OUT_OF_SCOPE,
    'up{exported_namespace="shop"}': Objection.OUT_OF_SCOPE,
    'up{namespace="Shop"}': Objection.OUT_OF_SCOPE,
    'up{namespace="shop "}': Objection.OUT_OF_SCOPE,
    'up{namespace="checkout-1"}': Objection.OUT_OF_SCOPE,
    'kube_pod_info{pod!~"checkout-1"}': Objection.OUT_OF_SCOPE,
    f"up{{{IN}}} or kube_secret_info": Objection.OUT_OF_SCOPE,
    f"up{{{IN}}} + on () group_left () kube_secret_info": Objection.OUT_OF_SCOPE,
    f"sum(up{{{IN}}}) / sum(up)": Objection.OUT_OF_SCOPE,
    f"topk(scalar(count(kube_node_info)), up{{{IN}}})": Objection.OUT_OF_SCOPE,
    f'up{{{IN} or namespace="kube-system"}}': Objection.OUT_OF_SCOPE,
    f'up{{namespace="kube-system" or {IN}}}': Objection.OUT_OF_SCOPE,
    # Too long ago, too far, too fine.
    f"rate(up{{{IN}}}[1y])": Objection.RANGE_TOO_LONG,
    f"rate(up{{{IN}}}[7h])": Objection.RANGE_TOO_LONG,
    f"rate(up{{{IN}}}[21601s])": Objection.RANGE_TOO_LONG,
    f"up{{{IN}}}[30d]": Objection.RANGE_TOO_LONG,
    f"max_over_time(up{{{IN}}}[1d:1h])": Objection.RANGE_TOO_LONG,
    f"max_over_time(rate(up{{{IN}}}[1d])[1h:5m])": Objection.RANGE_TOO_LONG,
    f"up{{{IN}}} offset 1y": Objection.TIME_TRAVEL,
    f"up{{{IN}}} offset -30d": Objection.TIME_TRAVEL,
    f"rate(up{{{IN}}}[5m] offset 9d)": Objection.TIME_TRAVEL,
    f"up{{{IN}}} @ 0": Objection.TIME_TRAVEL,
    f"up{{{IN}}} @ end()": Objection.TIME_TRAVEL,
    f"rate(up{{{IN}}}[5m] @ 1609746000)": Objection.TIME_TRAVEL,
    f"max_over_time(up{{{IN}}}[1h:1m] @ start())": Objection.TIME_TRAVEL,
    f"max_over_time(up{{{IN}}}[1h:1m] offset 1y)": Objection.TIME_TRAVEL,
    f"max_over_time(up{{{IN}}}[6h:1s])": Objection.SUBQUERY_TOO_FINE,
    f"max_over_time(up{{{IN}}}[1h:1ms])": Objection.SUBQUERY_TOO_FINE,
    f"max_over_time(up{{{IN}}}[6h:14s])": Objection.SUBQUERY_TOO_FINE,
    f"max_over_time(max_over_time(up{{{IN}}}[1h:1m])[1h:1m])": Objection.NESTED_TOO_DEEP,
    f"max_over_time(sum(rate(max_over_time(up{{{IN}}}[6h:1m])[6h:1m]))[6h:1m])": Objection.NESTED_TOO_DEEP,
    f"sum(max(min(avg(up{{{IN}}}))))": Objection.NESTED_TOO_DEEP,
    f"sum(max(min(up{{{IN}}})))": Objection.NESTED_TOO_DEEP,
    f"a{{{IN}}} * on (x) (b{{{IN}}} * on (x) (c{{{IN}}} * on (x) d{{{IN}}}))": Objection.NESTED_TOO_DEEP,
    " and ".join([f"up{{{IN}}}"] * 5): Objection.NESTED_TOO_DEEP,
    " * on () group_left () ".join([f"up{{{IN}}}"] * 9): Objection.TOO_COMPLEX,
    "+".join([f"up{{{IN}}}"] * 40): Objection.TOO_COMPLEX,
    "-" * 900 + f"up{{{IN}}}": Objection.TOO_COMPLEX,
    "(" * 450 + f"up{{{IN}}}" + ")" * 450: Objection.TOO_COMPLEX,
    "abs(" * 180 + f"up{{{IN}}}" + ")" * 180: Objection.TOO_COMPLEX,
    # The parser's stack would overflow on these: they must never reach it.
    "(" * 100_000 + "x" + ")" * 100_000: Objection.TOO_LONG,
    "-" * 100_000 + "x": Objection.TOO_LONG,
    "x" + "+x" * 50_000: Objection.TOO_LONG,
    "[" * 10_000: Objection.TOO_LONG,
    f'up{{{IN},x=~"{"a" * 3000}"}}': Objection.TOO_LONG,
    # Functions that forge, multiply or are unknown here.
    f'label_replace(up{{{IN}}}, "namespace", "kube-system", "pod", ".*")': Objection.UNKNOWN_FUNCTION,
    f'label_join(up{{{IN}}}, "pod", "", "namespace")': Objection.UNKNOWN_FUNCTION,
    f'sum by (x) (label_replace(up{{{IN}}}, "x", "$1", "pod", "(.*)"))': Objection.UNKNOWN_FUNCTION,
    f'count_values("v", up{{{IN}}})': Objection.UNKNOWN_FUNCTION,
    f"count_values('pod', rate(up{{{IN}}}[5m]))": Objection.UNKNOWN_FUNCTION,
    f"limitk(5, up{{{IN}}})": Objection.UNKNOWN_FUNCTION,
    f"day_of_week(up{{{IN}}})": Objection.UNKNOWN_FUNCTION,
    f"holt_winters(up{{{IN}}}[1h], 0.5, 0.5)": Objection.NOT_PROMQL,
    f"a{{{IN}}} atan2 b{{{IN}}}": Objection.UNKNOWN_OPERATOR,
    f"a{{{IN}}} + fill(0) b{{{IN}}}": Objection.UNKNOWN_OPERATOR,
    # Regular expressions built to be slow or to hide what they match.
    f'up{{{IN},x=~"((a{{1,500}}){{1,500}})"}}': Objection.NOT_PROMQL,
    f'up{{{IN},x=~"(a{{1000}}){{1000}}"}}': Objection.NOT_PROMQL,
    f'up{{{IN},x=~"a{{1,500}}"}}': Objection.WILD_REGEX,
    f'up{{{IN},x=~"{"(a|b|c|d)*" * 30}"}}': Objection.WILD_REGEX,
    f'up{{{IN},x!~"{"x" * 300}"}}': Objection.WILD_REGEX,
    f'up{{{IN},x=~"ａｄｍｉｎ"}}': Objection.WILD_REGEX,
    # Nothing of the world is read.
    "vector(1)": Objection.NO_SERIES,
    "1": Objection.NO_SERIES,
    "time()": Objection.NO_SERIES,
    '"firing"': Objection.NO_SERIES,
    "1 + 1 == bool 2": Objection.NO_SERIES,
    # Not PromQL, or something beside it.
    "": Objection.NOT_PROMQL,
    " ": Objection.NOT_PROMQL,
    f"up{{{IN}}}; drop": Objection.NOT_PROMQL,
    f"up{{{IN}": Objection.NOT_PROMQL,
    f"up{{{IN}}} up{{{IN}}}": Objection.NOT_PROMQL,
    "select * from samples": Objection.NOT_PROMQL,
    "../../api/v1/admin/tsdb/delete_series": Objection.NOT_PROMQL,
    f"rate(up{{{IN}}})": Objection.NOT_PROMQL,
    f'up{{{IN},x=~"("}}': Objection.NOT_PROMQL,
    f"up{{{IN}}}[5m": Objection.NOT_PROMQL,
    "http://prometheus/api/v1/query?query=up": Objection.NOT_PROMQL,
    "{{ .Values.query }}": Objection.NOT_PROMQL,
}


@pytest.mark.parametrize("expr", BENIGN)
def test_what_an_engineer_would_ask_is_admitted(expr: str) -> None:
    assert admissible(Query(expr=expr), SCOPE) is None


@pytest.mark.parametrize("expr", BENIGN)
def test_what_an_engineer_would_plot_is_admitted(expr: str) -> None:
    if expr.endswith("]"):
        pytest.skip("a range vector cannot be plotted")
    step = timedelta(minutes=10)
    assert admissible(Query(expr=expr, window=timedelta(hours=3), step=step), SCOPE) is None


@pytest.mark.parametrize(("expr", "expected"), HOSTILE.items(), ids=[text[:70] for text in HOSTILE])
def test_a_hostile_query_is_stopped_for_its_gravest_reason(expr: str, expected: Objection) -> None:
    assert admissible(Query(expr=expr), SCOPE) is expected


@pytest.mark.parametrize(
    "outer", ["abs({})", "sum({})", "-({})", "({}) > 0", "1 + ({})", "vector(scalar({}))"]
)
@pytest.mark.parametrize("inner", ["up", '{__name__=~".+"}', f"up{{{IN}}} @ 0", f"rate(up{{{IN}}}[1d])"])
def test_wrapping_a_hostile_query_does_not_hide_it(outer: str, inner: str) -> None:
    assert admissible(Query(expr=outer.format(inner)), SCOPE) is not None


def test_the_corpora_are_large_enough_to_mean_something() -> None:
    assert len(BENIGN) >= 60
    assert len(HOSTILE) >= 60
    assert set(HOSTILE.values()) == set(Objection) - {Objection.TOO_MANY_POINTS}


@pytest.mark.parametrize(
    ("window", "step", "expected"),
    [
        (timedelta(hours=6), timedelta(seconds=2), None),
        (timedelta(hours=6), timedelta(seconds=1), Objection.TOO_MANY_POINTS),
        (timedelta(hours=6, seconds=1), timedelta(minutes=1), Objection.RANGE_TOO_LONG),
        (timedelta(days=365), timedelta(days=1), Objection.RANGE_TOO_LONG),
        (timedelta(hours=1), timedelta(0), Objection.TOO_MANY_POINTS),
        (timedelta(hours=1), timedelta(seconds=-5), Objection.TOO_MANY_POINTS),
    ],
)
def test_a_plot_is_bounded_in_length_and_points(
    window: timedelta, step: timedelta, expected: Objection | None
) -> None:
    assert admissible(Query(expr=f"up{{{IN}}}", window=window, step=step), SCOPE) is expected


def test_the_points_of_a_subquery_count_for_each_point_of_the_plot() -> None:
    expr = f"max_over_time(rate(up{{{IN}}}[5m])[1h:15s])"
    assert admissible(Query(expr=expr), SCOPE) is None
    plotted = Query(expr=expr, window=timedelta(hours=6), step=timedelta(minutes=1))
    assert admissible(plotted, SCOPE) is Objection.TOO_MANY_POINTS


def test_an_empty_scope_admits_nothing() -> None:
    assert all(admissible(Query(expr=expr), Scope()) is not None for expr in BENIGN)


@given(st.text(max_size=MAX_CHARACTERS + 10))
@settings(max_examples=100, deadline=None)
def test_no_text_makes_the_check_itself_fail(text: str) -> None:
    assert admissible(Query(expr=text), SCOPE) is not None


@given(st.text(alphabet='up{}[]()"=~!,0123456789mhs:@+-*/ \\n\\\\', max_size=120))
@settings(max_examples=100, deadline=None)
def test_no_soup_of_syntax_is_admitted_without_naming_the_incident(text: str) -> None:
    assert admissible(Query(expr=text), SCOPE) is not None


@pytest.mark.parametrize(
    ("expr", "minutes"),
    [
        ("up == 0", 0),
        ("max_over_time(up[5m]) >= 1", 5),
        ("rate(a[5m]) > 2 * rate(b[1h] offset 1d)", 24 * 60 + 60),
        ("max_over_time(rate(a[5m])[30m:1m]) > 1", 35),
        ("increase(a[10m] offset -5m) > 1", 10),
        ("not promql (((", 0),
        ("(" * 5_000, 0),
    ],
)
def test_how_far_an_expression_looks_back_is_the_sum_of_what_stands_inside_one_another(
    expr: str, minutes: int
) -> None:
    assert lookback(expr) == timedelta(minutes=minutes)
