"""What series tell of limits, volumes, autoscalers, nodes, and of what changed around the start.

Each has a twin that is well and one that only looks sick: a spike, a series that ended, an old level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.measured import Measured, Name, Signal
from agents.investigator.analyzers.metric_pods import pod_metrics
from agents.investigator.analyzers.metric_services import service_graph, service_metrics
from agents.investigator.analyzers.metric_stores import store_metrics, time_to_full
from agents.investigator.analyzers.snapshot import Snapshot
from tests.support.kube_objects import Json, deployment, meta, pod, service, template
from tools.kubernetes.cleaning import value_tag
from tools.kubernetes.inventory import Inventory
from tools.prometheus import Track

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
STEPS = 180
FAULT = STEPS - 20
Curve = Callable[[int], float]
POD = {"namespace": "shop", "pod": "web-1", "container": "app", "gpu": "0"}
CLAIM = {"namespace": "shop", "persistentvolumeclaim": "data"}
SCALER = {"namespace": "shop", "horizontalpodautoscaler": "web", "metric_name": "cpu"}
OBJECTS = (
    pod("web-1"),
    {"kind": "PersistentVolumeClaim", "metadata": meta("PersistentVolumeClaim", "data")},
    {"kind": "HorizontalPodAutoscaler", "metadata": meta("HorizontalPodAutoscaler", "web")},
    {"kind": "Node", "metadata": {"name": "node-1", "uid": "node-1"}},
)


def track(labels: dict[str, str], curve: Curve, last: int = STEPS) -> Track:
    start = NOW - timedelta(minutes=STEPS)
    points = ((start.timestamp() + 60 * n, curve(n)) for n in range(1, last + 1))
    return Track(labels=labels, points=tuple(points))


def told(name: Name, *tracks: Track) -> Measured:
    return Measured(name=name, unit="share", tracks=tracks, evidence=f"E{1 + list(Name).index(name)}")


def look(*measured: Measured, objects: tuple[Json, ...] = OBJECTS) -> Snapshot:
    inventory = Inventory.of_list({"kind": "List", "items": list(objects)})
    return Snapshot(inventory=inventory, taken_at=NOW, measured=measured, began=NOW - timedelta(minutes=18))


def flat(value: float) -> Curve:
    return lambda _n: value


def stepped(before: float, after: float) -> Curve:
    # A little restless, as everything that is measured.
    return lambda n: (before if n < FAULT else after) * (1 + 0.02 * ((n * 7) % 5 - 2))


def spiky(level: float, spike: float) -> Curve:
    return lambda n: spike if n % 20 == 0 else level


PODS = [
    (Name.MEMORY, "metric.memory.near_limit", flat(0.95), flat(0.6), spiky(0.6, 1.0)),
    (Name.THROTTLED, "metric.cpu.throttled", flat(0.6), flat(0.01), spiky(0.02, 0.9)),
    (Name.RESTARTS, "metric.restarts.rose", lambda n: 3.0 + n // 50, flat(7), lambda n: float(n > FAULT)),
    (Name.GPU_MEMORY, "metric.gpu.memory_full", flat(0.99), flat(0.5), flat(0.92)),
    (Name.GPU_ERRORS, "metric.gpu.error", flat(79), flat(0), flat(0)),
    (Name.QUEUE, "modelserver.queueing", flat(40), flat(0), lambda n: float(n % 3 * 20)),
    (Name.KV_CACHE, "modelserver.cache_full", flat(0.99), flat(0.4), spiky(0.8, 1.0)),
]


@pytest.mark.parametrize(("name", "code", "sick", "well", "noisy"), PODS, ids=[row[1] for row in PODS])
def test_a_pods_series_is_told_when_it_lasts_and_not_when_it_spikes(
    name: Name, code: str, sick: Curve, well: Curve, noisy: Curve
) -> None:
    (found,) = pod_metrics(look(told(name, track(POD, sick))))
    assert (found.code, found.object.name) == (code, "web-1")
    assert found.evidence == (told(name).evidence,)
    assert found.fields["series"]["pod"] == "web-1"
    assert list(pod_metrics(look(told(name, track(POD, well))))) == []
    assert list(pod_metrics(look(told(name, track(POD, noisy))))) == []


def alerted(name: str, expression: str, **labels: str) -> Signal:
    pairs = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    lines = (f"{{{pairs}}} holds now with the value 64",)
    return Signal(alert=name, lines=lines, evidence="E99", expression=expression)


WAITING, FREE = "vllm:num_requests_waiting > 10", "kubelet_volume_stats_available_bytes < 1"


def test_what_an_alert_over_this_very_series_waited_for_needs_no_more_points() -> None:
    last = track(POD, lambda n: 64.0 if n == STEPS else 0.0)
    of_queue = look(told(Name.QUEUE, last))
    ours = alerted("Queueing", WAITING, namespace="shop", pod="web-1", job="llm")
    (found,) = pod_metrics(replace(of_queue, signals=(ours,)))
    assert (found.code, found.fields["value"]) == ("modelserver.queueing", 64.0)
    strangers = (
        alerted("Queueing", WAITING, namespace="shop", pod="web-2"),
        alerted("Slow", "rate(http_requests_total[5m]) > 1", namespace="shop", pod="web-1"),
    )
    assert list(pod_metrics(replace(of_queue, signals=strangers))) == []
    full = look(told(Name.DISK, track(CLAIM, lambda n: 0.98 if n == STEPS else 0.5)))
    assert list(store_metrics(full)) == []
    of_claim = alerted("FillingUp", FREE, namespace="shop", persistentvolumeclaim="data")
    assert [one.code for one in store_metrics(replace(full, signals=(of_claim,)))] == ["pvc.filling_up"]


def test_a_queue_scraped_by_its_service_is_that_of_the_one_workload_behind_it() -> None:
    by_service = told(Name.QUEUE, track({"namespace": "shop", "service": "web"}, flat(40)))
    (found,) = pod_metrics(look(by_service, objects=(deployment(), service())))
    assert str(found.object) == "Deployment shop/web"
    twins = (deployment(), deployment("web-2", template=template("web")), service())
    assert list(pod_metrics(look(by_service, objects=twins))) == []


def test_a_queue_of_a_few_is_what_batching_looks_like() -> None:
    assert list(pod_metrics(look(told(Name.QUEUE, track(POD, flat(3)))))) == []


@pytest.mark.parametrize(("name", "sick"), [(row[0], row[2]) for row in PODS])
def test_a_series_that_ended_or_is_of_a_pod_that_is_gone_says_nothing(name: Name, sick: Curve) -> None:
    assert list(pod_metrics(look(told(name, track(POD, sick, last=STEPS - 30))))) == []
    gone = {**POD, "pod": "web-0"}
    assert list(pod_metrics(look(told(name, track(gone, sick))))) == []


@pytest.mark.parametrize(
    ("name", "code"), [(Name.DISK, "pvc.filling_up"), (Name.INODES, "pvc.inodes_filling_up")]
)
def test_a_volume_that_fills_up_is_told_with_the_time_that_is_left(name: Name, code: str) -> None:
    rising = track(CLAIM, lambda n: 0.5 + 0.4 * n / STEPS)
    (found,) = store_metrics(look(told(name, rising)))
    assert found.code == code
    # A tenth is left, and four tenths took three hours.
    assert found.fields["full_in_s"] == pytest.approx(45 * 60, rel=0.1)
    (full,) = store_metrics(look(told(name, track(CLAIM, flat(0.98)))))
    assert full.severity is Severity.CRITICAL
    for harmless in (flat(0.7), lambda n: 0.7 - 0.001 * n, spiky(0.5, 0.95), lambda n: 0.5 + 0.0001 * n):
        assert list(store_metrics(look(told(name, track(CLAIM, harmless))))) == []


def test_one_large_file_that_comes_and_goes_does_not_fill_a_volume() -> None:
    points = track(CLAIM, lambda n: 0.9 if 150 < n < 158 else 0.6).points
    assert time_to_full(points) is None


def test_an_autoscaler_at_its_maximum_above_its_target_is_told_and_either_alone_is_not() -> None:
    at_most, above = told(Name.SCALED, track(SCALER, flat(1))), told(Name.TARGET, track(SCALER, flat(1.4)))
    (found,) = store_metrics(look(at_most, above))
    assert found.code == "hpa.maxed_out_above_target"
    assert found.fields["metric_name"] == "cpu"
    assert list(store_metrics(look(told(Name.SCALED, track(SCALER, flat(0.5))), above))) == []
    # The autoscaler itself does nothing within a tenth of its target.
    assert list(store_metrics(look(at_most, told(Name.TARGET, track(SCALER, flat(1.05)))))) == []


def test_pressure_on_a_node_is_told_also_when_it_is_over() -> None:
    labels = {"node": "node-1", "condition": "MemoryPressure"}
    (still,) = store_metrics(look(told(Name.PRESSURE, track(labels, lambda n: float(n > FAULT)))))
    assert (still.code, still.severity) == ("metric.node.pressure", Severity.WARNING)
    (over,) = store_metrics(look(told(Name.PRESSURE, track(labels, lambda n: float(20 < n < 40)))))
    assert (over.severity, over.fields["still"]) == (Severity.INFO, False)
    assert list(store_metrics(look(told(Name.PRESSURE, track(labels, flat(0)))))) == []


def services(*names: str) -> tuple[Json, ...]:
    return tuple(service(name, {"app": name}) for name in names)


def by_service(name: str, curve: Curve) -> Track:
    return track({"namespace": "shop", "service": name}, curve)


@pytest.mark.parametrize(
    ("name", "code", "sick"),
    [
        (Name.ERRORS, "metric.errors.rose", stepped(0.001, 0.2)),
        (Name.LATENCY, "metric.latency.rose", stepped(0.1, 0.4)),
        (Name.TRAFFIC, "metric.traffic.rose", stepped(10, 80)),
        (Name.TRAFFIC, "metric.traffic.fell", stepped(10, 0.01)),
    ],
)
def test_a_change_around_the_start_is_told_with_its_moment_and_size(
    name: Name, code: str, sick: Curve
) -> None:
    (found,) = service_metrics(look(told(name, by_service("web", sick)), objects=services("web")))
    assert found.code == code
    assert found.since is not None
    assert abs(found.since - (NOW - timedelta(minutes=20))) <= timedelta(minutes=2)
    assert found.fields["before"] == pytest.approx(sick(0), rel=0.1)
    assert found.fields["after"] == pytest.approx(sick(STEPS), rel=0.1)
    for harmless in (flat(sick(0)), spiky(sick(0), sick(STEPS)), lambda n: sick(n + 120)):
        measured = told(name, by_service("web", harmless))
        assert list(service_metrics(look(measured, objects=services("web")))) == []


def test_errors_count_as_none_before_their_counter_was_there() -> None:
    first = track({"namespace": "shop", "service": "web"}, flat(0.3))
    late = Track(labels=first.labels, points=first.points[FAULT:])
    requests = told(Name.TRAFFIC, by_service("web", flat(5)))
    found = list(service_metrics(look(requests, told(Name.ERRORS, late), objects=services("web"))))
    assert [one.code for one in found] == ["metric.errors.rose"]


def calling(name: str, *called: str) -> Json:
    made = deployment(name)
    made["spec"]["selector"] = {"matchLabels": {"app": name}}
    made["spec"]["template"]["metadata"] = {"labels": {"app": name}}
    addresses = [{"container": "app", "env": f"TO_{n}", "host": value_tag(to)} for n, to in enumerate(called)]
    return {**made, "addresses": addresses}


CHAIN = (
    *services("web", "cart", "db", "mail"),
    calling("web", "cart", "mail"),
    calling("cart", "db"),
    calling("db"),
    calling("mail"),
)


def origin(**latencies: Curve) -> list[Finding]:
    tracks = [by_service(name, curve) for name, curve in latencies.items()]
    found = service_metrics(look(told(Name.LATENCY, *tracks), objects=CHAIN))
    return [one for one in found if one.code == "metric.graph.origin"]


def test_the_graph_is_read_from_addresses_and_selectors() -> None:
    assert set(service_graph(look(objects=CHAIN))) == {
        ("shop/web", "shop/cart"),
        ("shop/web", "shop/mail"),
        ("shop/cart", "shop/db"),
    }


def test_the_service_that_its_callers_slowness_comes_from_is_named() -> None:
    (found,) = origin(
        web=stepped(0.5, 0.9), cart=stepped(0.2, 0.6), db=stepped(0.05, 0.45), mail=spiky(0.1, 0.5)
    )
    assert (found.object.kind, found.object.name) == ("Service", "db")
    assert found.evidence == (told(Name.LATENCY).evidence,)


def test_no_origin_is_named_where_nothing_changed_or_nobody_calls_anybody() -> None:
    assert origin(web=flat(0.5), cart=flat(0.2), db=flat(0.05), mail=spiky(0.1, 0.5)) == []
    assert origin(mail=stepped(0.1, 0.9)) == []
