"""A real Prometheus scrapes the pretend data centre: it reads every series and fires the same alert."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from evals.world.prometheus.rules import AlertingRule
from evals.world.prometheus.sampler import Sampler
from evals.world.prometheus.series import scrapes
from evals.world.prometheus.server import PrometheusOptions, PrometheusServer
from evals.world.prometheus.tsdb import Tsdb
from tests.support.patience import PATIENCE_S
from tests.support.real_servers import PrometheusConfig, real_prometheus
from tests.support.world_cluster import Bench

pytestmark = pytest.mark.alertmanager

ALERT = AlertingRule(
    name="KubeDeploymentRolloutStuck",
    expr="kube_deployment_status_replicas_unavailable > 0",
    labels={"severity": "warning"},
    annotations={"summary": "{{ $labels.namespace }}/{{ $labels.deployment }} lacks {{ $value }}"},
)


@pytest.fixture
def pretend() -> Iterator[tuple[Bench, Sampler, PrometheusServer]]:
    bench = Bench()
    bench.deployment(replicas=2)
    bench.later(60)
    tsdb = Tsdb()
    sampler = Sampler(tsdb, bench.store, scrapes(bench.kubelet))
    sampler.sample(bench.clock.now())
    server = PrometheusServer(tsdb, PrometheusOptions(clock=bench.clock, rules=[ALERT]))
    server.start()
    yield bench, sampler, server
    server.stop()


def _config(target: str) -> PrometheusConfig:
    job = {
        "job_name": "pretend",
        "honor_labels": True,
        "scrape_interval": "200ms",
        "scrape_timeout": "200ms",
        "static_configs": [{"targets": [target.removeprefix("http://")]}],
    }
    rule = {
        "alert": ALERT.name,
        "expr": ALERT.expr,
        "labels": dict(ALERT.labels),
        "annotations": dict(ALERT.annotations),
    }
    group = {"name": "world", "interval": "200ms", "rules": [rule]}
    return PrometheusConfig(config={"scrape_configs": [job]}, rules=[group])


def _values(client: httpx.Client, query: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Samples by labels, without ``instance``, which a real scrape adds where there is none."""
    found = client.get("/api/v1/query", params={"query": query}).raise_for_status().json()["data"]["result"]
    return {
        tuple(sorted((k, v) for k, v in one["metric"].items() if k != "instance")): float(one["value"][1])
        for one in found
    }


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def test_a_real_prometheus_reads_what_the_pretend_one_holds(
    pretend: tuple[Bench, Sampler, PrometheusServer],
) -> None:
    bench, sampler, server = pretend
    everything = '{__name__=~"kube_.*|container_.*"}'
    with (
        real_prometheus(_config(server.url)) as real,
        httpx.Client(base_url=real.url, trust_env=False, timeout=PATIENCE_S) as ask_real,
        httpx.Client(base_url=server.url, trust_env=False, timeout=PATIENCE_S) as ask_pretend,
    ):
        _until(lambda: bool(_values(ask_real, everything)))
        healthy = _values(ask_pretend, everything)
        assert _values(ask_real, everything) == healthy
        assert len(healthy) > 100

        bench.set_image("registry.example/shop/web:9.9")
        bench.later(30)
        sampler.sample(bench.clock.now())
        broken = _values(ask_pretend, everything)
        assert broken != healthy
        _until(lambda: _values(ask_real, everything) == broken)

        _until(lambda: bool(ask_real.get("/api/v1/alerts").json()["data"]["alerts"]))
        (said,) = ask_real.get("/api/v1/alerts").json()["data"]["alerts"]
        (ours,) = ask_pretend.get("/api/v1/alerts").json()["data"]["alerts"]
        assert {**said["labels"], "instance": ""} == {**ours["labels"], "instance": ""}
        assert said["annotations"] == ours["annotations"]
        assert (said["state"], float(said["value"])) == (ours["state"], float(ours["value"]))


def test_the_rules_are_listed_with_their_state(pretend: tuple[Bench, Sampler, PrometheusServer]) -> None:
    bench, sampler, server = pretend
    with httpx.Client(base_url=server.url, trust_env=False, timeout=PATIENCE_S) as client:
        (group,) = client.get("/api/v1/rules").json()["data"]["groups"]
        assert [(rule["name"], rule["state"]) for rule in group["rules"]] == [(ALERT.name, "inactive")]
        bench.set_image("registry.example/shop/web:9.9")
        bench.later(15)
        sampler.sample(bench.clock.now())
        (group,) = client.get("/api/v1/rules").json()["data"]["groups"]
        assert group["rules"][0]["state"] == "firing"
        assert group["rules"][0]["alerts"][0]["labels"]["deployment"] == "web"
