"""A story through the real Prometheus and Alertmanager: scraped, evaluated, grouped and told by them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agents.ledger.tags import Tag
from evals.world.scenario import AlertRule
from tests.support.datacentre import TOKEN
from tests.support.real_servers import PrometheusConfig, RealServer, real_alertmanager, real_prometheus
from tests.support.story import Scene, scene

pytestmark = pytest.mark.alertmanager


def test_what_the_real_alertmanager_tells_is_mended_and_closed_when_it_resolves(tmp_path: Path) -> None:
    with scene("bad-image", tmp_path, alerts=False) as at, _watched(at) as prometheus:
        at.start(prometheus_url=prometheus.url)
        at.centre.break_it()
        at.approve()
        told = at.recovered()
        (alert,) = told.incident.alerts
        assert alert.generator_url.startswith(f"{prometheus.url}/graph?g0.expr=kube_deployment_spec_replicas")
        at.until(lambda: len(at.said(Tag.DELIVERY_ACCEPTED)) > 1)


@contextmanager
def _watched(at: Scene) -> Iterator[RealServer]:
    """A real Prometheus with the scenario's rule that scrapes this data centre and tells an Alertmanager."""
    webhook = {
        "url": f"http://127.0.0.1:{at.port}/alertmanager",
        "send_resolved": True,
        "http_config": {"authorization": {"credentials": TOKEN}},
    }
    route = {
        "receiver": "midwatch",
        "group_by": ["alertname", "namespace"],
        "group_wait": "300ms",
        "group_interval": "1s",
    }
    receivers = [{"name": "midwatch", "webhook_configs": [webhook]}]
    with (
        real_alertmanager({"route": route, "receivers": receivers}) as alertmanager,
        real_prometheus(_config(at, alertmanager)) as prometheus,
    ):
        yield prometheus


def _config(at: Scene, alertmanager: RealServer) -> PrometheusConfig:
    scrape = {
        "job_name": "world",
        "honor_labels": True,
        "scrape_interval": "500ms",
        "scrape_timeout": "500ms",
        "static_configs": _static(at.centre.prometheus.url),
    }
    config: dict[str, Any] = {
        "global": {"external_labels": {"prometheus": "monitoring/k8s"}},
        "scrape_configs": [scrape],
        "alerting": {"alertmanagers": [{"static_configs": _static(alertmanager.url)}]},
    }
    group = {"name": "world", "interval": "500ms", "rules": [_rule(at.centre.scenario.alert)]}
    return PrometheusConfig(config=config, rules=[group])


def _static(url: str) -> list[dict[str, list[str]]]:
    return [{"targets": [url.removeprefix("http://")]}]


def _rule(rule: AlertRule) -> dict[str, Any]:
    return {
        "alert": rule.name,
        "expr": rule.expr,
        "for": f"{rule.for_:g}s",
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
    }
