"""The templates over a real socket: two at a time, stored as evidence, and found again in what was stored."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from agents.incident import Evidence
from agents.investigator.analyzers.measured import Measured, Name
from agents.investigator.analyzers.metric_pods import pod_metrics
from agents.investigator.analyzers.metric_services import service_metrics
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.measuring import Span, asked, measured
from agents.investigator.templates import wanted
from agents.ledger.investigations import Look
from evals.world.clock import VirtualClock
from evals.world.prometheus.samples import Sample
from evals.world.prometheus.server import PrometheusOptions, PrometheusServer
from evals.world.prometheus.tsdb import Tsdb
from tests.support.kube_objects import pod, service
from tools.kubernetes.inventory import Inventory
from tools.prometheus import Prometheus

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MINUTES = 200
FAULT = MINUTES - 20
WEB = {"namespace": "shop", "service": "web"}
BOX = {"namespace": "shop", "pod": "web-1", "container": "app"}


def series(minute: int) -> Iterator[Sample]:
    """Two requests a second with a ripple; from the fault on a third of them fail, and memory is short."""
    failed = max(0, minute - FAULT) * 40.0
    fine = minute * 120.0 + 20 * math.sin(minute)
    yield Sample("http_requests_total", {**WEB, "code": "200"}, fine - failed)
    if failed:
        yield Sample("http_requests_total", {**WEB, "code": "503"}, failed)
    yield Sample("container_memory_working_set_bytes", BOX, 96e6 if minute > FAULT else 60e6)
    yield Sample("container_spec_memory_limit_bytes", BOX, 100e6)
    yield Sample(
        "http_requests_total", {"namespace": "other", "service": "web", "code": "500"}, minute * 60.0
    )


@pytest.fixture
def server() -> Iterator[PrometheusServer]:
    tsdb = Tsdb()
    for minute in range(MINUTES + 1):
        tsdb.append(NOW - timedelta(minutes=MINUTES - minute), series(minute))
    made = PrometheusServer(tsdb, PrometheusOptions(clock=VirtualClock(NOW)))
    made.start()
    yield made
    made.stop()


def snapshot(*answers: Measured) -> Snapshot:
    inventory = Inventory.of_list({"kind": "List", "items": [service("web"), pod("web-1")]})
    return Snapshot(inventory=inventory, taken_at=NOW, measured=answers, began=NOW - timedelta(minutes=15))


def looks(server: PrometheusServer) -> list[Look]:
    span = Span.around(NOW - timedelta(minutes=15), NOW)
    return asyncio.run(asked(Prometheus.open(server.url), wanted(snapshot(), "shop"), span, "round-1"))


def stored(number: int, look: Look) -> Evidence:
    return Evidence(
        id=f"E{number}",
        tool=look.tool,
        query=look.query,
        fetched_at=NOW,
        excerpt=look.excerpt,
        digest=hashlib.sha256(look.excerpt.encode()).hexdigest(),
        notes=look.notes,
    )


def test_what_series_show_is_found_again_in_the_evidence(server: PrometheusServer) -> None:
    told = looks(server)
    assert server.busiest <= 2
    answers = [
        measured(each, stored(n, look))
        for n, (each, look) in enumerate(zip(wanted(snapshot(), "shop"), told, strict=True), 1)
        if look.excerpt
    ]
    seen = snapshot(*answers)
    found = {one.code: one for one in (*pod_metrics(seen), *service_metrics(seen))}
    assert set(found) == {"metric.errors.rose", "metric.memory.near_limit"}
    assert found["metric.errors.rose"].fields["after"] == pytest.approx(1 / 3, abs=0.05)
    # Whoever is cited can be looked up: the value that is told stands in the text.
    cited = next(each for each in answers if each.name is Name.MEMORY)
    assert found["metric.memory.near_limit"].evidence == (cited.evidence,)


def test_another_namespace_is_never_in_an_answer_and_a_missing_series_is_no_answer(
    server: PrometheusServer,
) -> None:
    told = {look.notes[0]: look for look in looks(server)}
    assert all("other" not in look.excerpt for look in told.values())
    assert told[Name.LATENCY.value].excerpt == ""
    assert told[Name.LATENCY.value].ok


def test_a_prometheus_that_is_away_is_told_and_not_taken_for_silence(server: PrometheusServer) -> None:
    server.faults.unavailable = True
    told = looks(server)
    assert told
    assert not any(look.ok for look in told)
    assert all(look.excerpt for look in told)
