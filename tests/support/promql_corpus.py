"""One hour of three pods and the PromQL asked of it, for comparing two engines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from evals.world.prometheus.samples import Sample
from evals.world.prometheus.tsdb import Tsdb, to_ms

BEGIN = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
STEP_S = 15.0
STEPS = 240
NOW = to_ms(BEGIN) / 1000 + STEP_S * (STEPS - 1) + 4.321

PODS = ("checkout-1", "checkout-2", "cart-1")


def history() -> Tsdb:
    """An hour of three pods: resets, NaN, infinity, a histogram, series that come late, go, or are sparse."""
    tsdb = Tsdb()
    for index in range(STEPS):
        tsdb.append(BEGIN + timedelta(seconds=STEP_S * index), list(_scrape(index)))
    for series in tsdb.series():
        # promtool cannot import staleness markers, so neither side may have them here.
        kept = [pair for pair in zip(series.times, series.values, strict=True) if pair[1] is not None]
        series.times[:], series.values[:] = [when for when, _ in kept], [value for _, value in kept]
    return tsdb


def _scrape(index: int) -> Iterator[Sample]:
    for number, pod in enumerate(PODS):
        app, labels = pod.rpartition("-")[0], {"namespace": "shop", "pod": pod}
        yield Sample("kube_pod_info", {**labels, "node": f"node-{number % 2}", "job": "ksm"}, 1.0)
        yield Sample(
            "cpu_seconds_total", {**labels, "container": app}, (index % (70 + number * 50)) * 1.7 + number
        )
        yield Sample("memory_bytes", {**labels, "container": app}, 1e8 + 3e6 * math.sin(index / 7 + number))
        yield Sample("requests_total", {**labels, "code": "200"}, 31.0 * index * (number + 1))
        yield Sample("requests_total", {**labels, "code": "500"}, 2.0 * max(0, index - 150) * number)
        yield Sample("pod_limit_bytes", labels, 1.2e8)
        for bound, share in (("0.1", 0.5), ("0.5", 0.8), ("1", 0.95), ("+Inf", 1.0)):
            yield Sample("latency_bucket", {**labels, "le": bound}, round(10 * index * share) * (number + 1))
    yield Sample("kube_node_info", {"node": "node-0", "zone": "a"}, 1.0)
    yield Sample("kube_node_info", {"node": "node-1", "zone": "b"}, 1.0)
    yield Sample("temperature", {"room": "a"}, -3.5 + index / 100)
    yield Sample("temperature", {"room": "b"}, math.nan if index % 2 else 4.0)
    yield Sample("temperature", {"room": "c"}, math.inf)
    yield Sample("constant", {}, 42.0)
    if index > 200:
        yield Sample("late", {"job": "x"}, float(index))
    if index < 100:
        yield Sample("gone", {"job": "x"}, float(index))
    if index % 9 == 0:
        yield Sample("sparse_total", {"job": "x"}, float(index))


QUERIES = [
    "constant",
    'requests_total{code="500"}',
    'requests_total{code=~"5..",pod!~"cart.*"}',
    'requests_total{pod!="cart-1",missing=""}',
    '{__name__=~"kube_.*_info"}',
    'kube_pod_info{pod=~"(?i)CART.*"}',
    'kube_pod_info{pod=~"cart|checkout"}',
    'kube_pod_info{pod=~"cart-[0-9]|check.+-2"}',
    "late",
    "gone",
    "gone offset 40m",
    "late offset 2m",
    "temperature offset -1m",
    "cpu_seconds_total[1m]",
    "late[20m]",
    "rate(cpu_seconds_total[5m])",
    "rate(cpu_seconds_total[17m])",
    "rate(late[10m])",
    "rate(gone[45m])",
    "rate(requests_total[2m] offset 10m)",
    "rate(sparse_total[15m])",
    "irate(cpu_seconds_total[5m])",
    "increase(requests_total[30m])",
    "increase(sparse_total[10m])",
    "delta(memory_bytes[10m])",
    "idelta(memory_bytes[10m])",
    "deriv(memory_bytes[10m])",
    "deriv(constant[10m])",
    "predict_linear(memory_bytes[15m], 3600)",
    "predict_linear(temperature[15m], 600)",
    "changes(cpu_seconds_total[20m])",
    "changes(temperature[5m])",
    "resets(cpu_seconds_total[1h])",
    "avg_over_time(memory_bytes[10m])",
    "min_over_time(temperature[10m])",
    "max_over_time(temperature[10m])",
    "sum_over_time(constant[5m])",
    "count_over_time(late[1h])",
    "last_over_time(gone[50m])",
    "present_over_time(gone[50m])",
    "stddev_over_time(memory_bytes[10m])",
    "stdvar_over_time(memory_bytes[10m])",
    "quantile_over_time(0.9, memory_bytes[10m])",
    "max_over_time(rate(requests_total[2m])[20m:1m])",
    "avg_over_time(memory_bytes[10m:])",
    "sum_over_time(constant[7m:45s] offset 3m)",
    "sum(requests_total)",
    "sum by (pod) (requests_total)",
    "sum without (code) (rate(requests_total[5m]))",
    "sum by (pod, nothing) (requests_total)",
    "avg by (namespace) (memory_bytes)",
    "min(temperature)",
    "max(temperature)",
    "avg(temperature)",
    "count by (code) (requests_total)",
    "count by (__name__) ({namespace='shop'})",
    "group(requests_total)",
    "stddev(memory_bytes)",
    "stdvar by (pod) (requests_total)",
    "topk(2, requests_total)",
    "topk by (code) (1, requests_total)",
    "bottomk(2, temperature)",
    "topk(0, temperature)",
    "quantile(0.5, requests_total)",
    "quantile(2, requests_total)",
    "quantile by (code) (0.25, requests_total)",
    'count_values("v", kube_pod_info)',
    "memory_bytes / 1024 / 1024",
    "2 ^ temperature",
    "-temperature",
    "temperature % 3",
    "temperature / 0",
    "10 - constant",
    "1 + 2 * 3 ^ 2 / 4 % 5",
    "(0 / 0)",
    "1 > bool 2",
    "temperature > 0",
    "0 < temperature",
    "temperature >= bool 4",
    "temperature != temperature",
    "temperature == 4",
    "constant atan2 temperature",
    'requests_total{code="500"} / ignoring (code) requests_total{code="200"}',
    'sum by (pod) (rate(requests_total{code="500"}[5m])) / sum by (pod) (rate(requests_total[5m])) > 0.01',
    "memory_bytes / on (pod) pod_limit_bytes",
    "memory_bytes / on (namespace, pod) group_left () pod_limit_bytes > 0.8",
    "kube_pod_info * on (node) group_left (zone) kube_node_info",
    "kube_node_info * on (node) group_right (zone) kube_pod_info",
    "requests_total * on (pod) group_left (node) kube_pod_info",
    "requests_total > on (pod) group_left () memory_bytes",
    "requests_total < bool on (pod) group_left () memory_bytes",
    "memory_bytes and on (pod) kube_pod_info{node='node-0'}",
    "memory_bytes unless on (pod) kube_pod_info{node='node-0'}",
    "kube_node_info or kube_pod_info",
    "kube_pod_info or on (node) kube_node_info",
    "memory_bytes and temperature",
    "vector(1) or vector(2)",
    "absent(nothing{job='x', code=~'5..', pod='y'})",
    "absent(constant)",
    "absent(sum(nothing{job='x'}))",
    "absent(nothing{job='x', job='y'})",
    "absent_over_time(gone{job='x'}[5m])",
    "absent_over_time(late{job='x'}[5m])",
    "histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))",
    "histogram_quantile(0.99, rate(latency_bucket[5m]))",
    "histogram_quantile(0, latency_bucket)",
    "histogram_quantile(1.5, latency_bucket)",
    'histogram_quantile(0.5, latency_bucket{le!="+Inf"})',
    "clamp(temperature, 0, 5)",
    "clamp(temperature, 5, 0)",
    "clamp_min(temperature, 0)",
    "clamp_max(temperature, 0)",
    "abs(temperature)",
    "ceil(temperature)",
    "floor(temperature)",
    "round(temperature)",
    "round(memory_bytes, 1000)",
    "round(temperature, 0.1)",
    "sqrt(temperature)",
    "ln(temperature)",
    "log2(constant)",
    "log10(temperature)",
    "exp(temperature)",
    "sgn(temperature)",
    'label_replace(kube_pod_info, "app", "$1", "pod", "(.*)-\\\\d+")',
    'label_replace(kube_pod_info, "app", "${1}x$2", "pod", "(cart|check)-?(.*)")',
    'label_replace(kube_pod_info, "pod", "", "pod", "cart.*")',
    'label_replace(kube_pod_info, "node", "all", "node", ".*")',
    'label_join(kube_pod_info, "where", "/", "namespace", "pod", "none")',
    "time()",
    "vector(time())",
    "scalar(constant)",
    "scalar(temperature)",
    "memory_bytes > scalar(constant) * 1e6",
    "sort(requests_total)",
    "sort_desc(temperature)",
    '"a string"',
    "count(up) or vector(0)",
    'min_over_time(kube_pod_info[5m]) == 1 and on (pod) (increase(requests_total{code="500"}[5m]) > 0)',
]

FAULTY = [
    "requests_total / memory_bytes{",
    "sum(requests_total[5m])",
    "rate(constant)",
    "requests_total / on (pod) memory_bytes",
    "memory_bytes / on (pod) requests_total",
    "memory_bytes * on (namespace) group_left () pod_limit_bytes",
    'rate({__name__=~"requests_total|cpu_seconds_total", pod="cart-1"}[5m]) and {__name__=""}',
    'label_replace(kube_pod_info, "pod", "same", "node", ".*")',
    'label_replace(kube_pod_info, "0bad", "x", "node", ".*")',
    '-{__name__=~"memory_bytes|pod_limit_bytes"} + nothing_at_all{x=~"("}',
    'sum_over_time({__name__=~"kube_.*", node=~".+"}[5m]) * on () kube_node_info',
    "{}",
    "1 > 2",
    "constant + 'a'",
]
