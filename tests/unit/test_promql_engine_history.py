"""The database behind PromQL: staleness, bounds, the invented past, and what the engine refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from evals.world.prometheus.promql.engine import Engine
from evals.world.prometheus.promql.values import BadQuery, NotSupported, PromqlError
from evals.world.prometheus.sampler import Sampler, Scrape
from evals.world.prometheus.samples import JsonObject, ObjectSource, Sample, Target
from evals.world.prometheus.tsdb import Tsdb, to_ms

BEGIN = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def value(tsdb: Tsdb, query: str, at: datetime) -> list[float]:
    result = Engine(tsdb).instant(query, to_ms(at))
    assert isinstance(result, list)
    return [one.value for one in result]


def later(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def test_a_series_that_vanishes_is_gone_at_the_next_scrape() -> None:
    tsdb = Tsdb()
    tsdb.append(BEGIN, [Sample("up", {"pod": "a"}, 1.0), Sample("up", {"pod": "b"}, 1.0)])
    tsdb.append(later(15), [Sample("up", {"pod": "a"}, 1.0)])
    assert len(value(tsdb, "up", later(14))) == 2
    assert len(value(tsdb, "up", later(15))) == 1
    assert value(tsdb, 'count_over_time(up{pod="b"}[1m])', later(15)) == [1.0]


def test_a_series_that_comes_back_is_seen_again() -> None:
    tsdb = Tsdb()
    for seconds, present in ((0, True), (15, False), (30, True)):
        tsdb.append(later(seconds), [Sample("waiting", {}, 1.0)] if present else [])
    assert value(tsdb, "waiting", later(20)) == []
    assert value(tsdb, "waiting", later(30)) == [1.0]
    assert value(tsdb, "max_over_time(waiting[1m])", later(20)) == [1.0]


def test_a_sample_is_believed_for_five_minutes() -> None:
    tsdb = Tsdb()
    tsdb.append(BEGIN, [Sample("up", {}, 1.0)])
    assert value(tsdb, "up", later(300)) == [1.0]
    assert value(tsdb, "up", later(301)) == []
    assert value(tsdb, "up", later(-1)) == []


def test_an_empty_label_is_no_label() -> None:
    tsdb = Tsdb()
    tsdb.append(BEGIN, [Sample("up", {"pod": "a", "node": ""}, 1.0)])
    assert tsdb.series()[0].labels == {"__name__": "up", "pod": "a"}
    assert value(tsdb, 'up{node=""}', BEGIN) == [1.0]


def test_a_series_exposed_twice_is_a_fault_and_nothing_is_written() -> None:
    tsdb = Tsdb()
    with pytest.raises(ValueError, match="twice"):
        tsdb.append(BEGIN, [Sample("up", {}, 1.0), Sample("up", {"x": ""}, 2.0)])
    assert tsdb.series() == []


def test_time_does_not_run_backwards() -> None:
    tsdb = Tsdb()
    tsdb.append(BEGIN, [Sample("up", {}, 1.0)])
    with pytest.raises(ValueError, match="later"):
        tsdb.append(BEGIN, [Sample("up", {}, 2.0)])


def test_history_is_bounded_by_age_and_by_count() -> None:
    old, many = Tsdb(retention_seconds=60), Tsdb(max_points=20)
    for index in range(50):
        gone = [Sample("gone", {}, 1.0)] if index == 0 else []
        for tsdb in (old, many):
            tsdb.append(later(15 * index), [Sample("up", {}, float(index)), *gone])
    assert [series.labels["__name__"] for series in old.series()] == ["up"]
    assert len(old.series("up")[0].times) == 5
    assert len(many.series("up")[0].times) <= 20
    assert value(many, "up", later(15 * 49)) == [49.0]


class _World:
    """Two pods; it counts how often they are read."""

    def __init__(self) -> None:
        self.reads = 0
        self.resource_version = 7

    def list(self, resource: str, namespace: str | None = None) -> list[JsonObject]:
        assert namespace is None
        self.reads += 1
        return [
            {"metadata": {"name": "a", "namespace": "shop"}},
            {"metadata": {"name": "b", "namespace": "infra"}},
        ]


def _pods(objects: ObjectSource, now: datetime) -> Iterator[Sample]:
    for pod in objects.list("pods", "shop"):
        yield Sample("kube_pod_info", {"pod": pod["metadata"]["name"]}, 1.0)
    assert len(objects.list("pods")) == 2
    yield Sample("clock_total", {}, now.timestamp())


def _versions(objects: ObjectSource, _: datetime) -> Iterator[Sample]:
    yield Sample("version", {}, float(objects.resource_version))


def test_a_scrape_reads_each_resource_once_and_adds_the_targets_labels() -> None:
    world, tsdb = _World(), Tsdb()
    target = Target(labels={"job": "ksm", "pod": "exporter"})
    sampler = Sampler(tsdb, world, [Scrape(_pods, target)])
    assert sampler.sample(BEGIN)
    assert world.reads == 1
    assert tsdb.series("kube_pod_info")[0].labels == {"__name__": "kube_pod_info", "job": "ksm", "pod": "a"}


def test_objects_are_read_again_when_they_have_changed_and_a_clock_is_read_every_time() -> None:
    world, tsdb = _World(), Tsdb()
    sampler = Sampler(tsdb, world, [Scrape(_pods), Scrape(_versions, steady=True)])
    told = []
    for seconds, version in enumerate((7, 7, 8, 8, 7)):
        world.resource_version = version
        sampler.sample(later(seconds))
        told.append((world.reads, *value(tsdb, "version", later(seconds))))
        assert value(tsdb, "clock_total", later(seconds)) == [later(seconds).timestamp()]
    assert told == [(1, 7), (1, 7), (2, 8), (2, 8), (3, 7)]


def test_a_clock_that_stands_still_is_not_sampled_twice() -> None:
    sampler = Sampler(Tsdb(), _World(), [Scrape(_pods)])
    assert sampler.sample(BEGIN)
    assert not sampler.sample(BEGIN)
    assert not sampler.sample(later(-10))
    assert sampler.sample(later(0.001))


def test_the_invented_past_is_calm_and_counters_rise_through_it() -> None:
    world, tsdb = _World(), Tsdb()
    sampler = Sampler(tsdb, world, [Scrape(_pods)])
    sampler.backfill(BEGIN, 60)
    assert world.reads == 1
    sampler.sample(BEGIN)
    assert value(tsdb, "min_over_time(kube_pod_info[1h])", BEGIN) == [1.0]
    assert value(tsdb, "count_over_time(kube_pod_info[1h])", BEGIN) == [121.0]
    assert value(tsdb, "rate(clock_total[5m])", BEGIN) == [pytest.approx(1.0)]


def test_the_past_is_invented_before_the_first_scrape_or_not_at_all() -> None:
    sampler = Sampler(Tsdb(), _World(), [Scrape(_pods)])
    sampler.sample(BEGIN)
    with pytest.raises(RuntimeError, match="before the first scrape"):
        sampler.backfill(later(60), 10)


@pytest.mark.parametrize(
    "query",
    [
        "up @ 0",
        "rate(up[5m] @ end())",
        "max_over_time(up[5m:1m] @ 0)",
        "timestamp(up)",
        "day_of_week()",
        "days_in_month(up)",
        "a + fill(0) b",
        '{a="b" or c="d"}',
        'up{x=~"[[:alpha:]]+"}',
        'up{x=~"\\\\pL+"}',
        "limitk(1, up)",
        "x" * 5000,
    ],
)
def test_what_is_not_understood_is_refused_by_name(query: str) -> None:
    with pytest.raises(NotSupported, match="not supported here: ") as caught:
        Engine(Tsdb()).instant(query, 0)
    assert (caught.value.status, caught.value.kind) == (422, "execution")


@pytest.mark.parametrize(
    "query", ["", "up{", "sum(", "rate(up)", "up offset", "foo(up)", "1 > 2", '{x=~"("}']
)
def test_what_is_not_promql_is_bad_data(query: str) -> None:
    with pytest.raises(BadQuery) as caught:
        Engine(Tsdb()).instant(query, 0)
    assert (caught.value.status, caught.value.kind) == (400, "bad_data")


def test_a_range_query_has_as_many_points_as_steps_and_no_more_than_allowed() -> None:
    tsdb = Tsdb()
    tsdb.append(BEGIN, [Sample("up", {}, 1.0)])
    engine, start = Engine(tsdb), to_ms(BEGIN)
    assert [len(track.points) for track in engine.over("up", start, start + 120_000, 60_000)] == [3]
    with pytest.raises(BadQuery, match="11,000"):
        engine.over("up", start, start + 11_001_000, 1000)
    with pytest.raises(PromqlError):
        engine.over("up[5m]", start, start, 1000)
