"""Alerts and groups without a network: pending, firing, resolved, and the text that goes with them."""

from __future__ import annotations

from datetime import timedelta

from evals.world.alerting import Origin, RuleState, group_key, webhook_body
from evals.world.scenario import AlertRule
from tests.support.world_cluster import START

RULE = AlertRule.model_validate(
    {
        "name": "KubePodNotReady",
        "expr": "up == 0",
        "for": "2s",
        "labels": {"severity": "warning"},
        "annotations": {"description": "{{ $labels.namespace }}/{{ $labels.pod }} is at {{ $value }}"},
    }
)
ORIGIN = Origin(
    prometheus_url="http://127.0.0.1:1",
    alertmanager_url="http://127.0.0.1:2",
    external_labels={},
    receiver="r",
)
SICK = [({"__name__": "up", "namespace": "shop", "pod": "web-1"}, 0.0)]


def test_an_alert_fires_only_after_its_expression_held_for_long_enough() -> None:
    state = RuleState(RULE, {})
    assert state.evaluate(SICK, START) == []
    assert state.evaluate(SICK, START + timedelta(seconds=1)) == []
    (alert,) = state.evaluate(SICK, START + timedelta(seconds=2))
    assert alert.status == "firing"
    assert alert.starts_at == START + timedelta(seconds=2)


def test_an_interruption_starts_the_wait_again() -> None:
    state = RuleState(RULE, {})
    state.evaluate(SICK, START)
    state.evaluate([], START + timedelta(seconds=1))
    assert state.evaluate(SICK, START + timedelta(seconds=2)) == []


def test_an_alert_that_ends_is_resolved_once() -> None:
    state = RuleState(RULE, {})
    state.evaluate(SICK, START)
    (firing,) = state.evaluate(SICK, START + timedelta(seconds=3))
    (ended,) = state.evaluate([], START + timedelta(seconds=4))
    assert (ended.status, ended.fingerprint, ended.starts_at) == (
        "resolved",
        firing.fingerprint,
        firing.starts_at,
    )
    assert state.evaluate([], START + timedelta(seconds=5)) == []


def test_a_pending_alert_that_ends_is_never_heard_of() -> None:
    state = RuleState(RULE, {})
    state.evaluate(SICK, START)
    assert state.evaluate([], START + timedelta(seconds=1)) == []


def test_labels_are_those_of_series_rule_and_prometheus_and_annotations_are_filled_in() -> None:
    state = RuleState(RULE, {"cluster": "demo-1", "severity": "none"})
    state.evaluate(SICK, START)
    (alert,) = state.evaluate(SICK, START + timedelta(seconds=2))
    assert alert.labels == {
        "alertname": "KubePodNotReady",
        "cluster": "demo-1",
        "namespace": "shop",
        "pod": "web-1",
        "severity": "warning",
    }
    assert alert.annotations["description"] == "shop/web-1 is at 0"


def test_common_labels_are_those_every_alert_of_the_group_has() -> None:
    state = RuleState(RULE, {})
    two = [*SICK, ({"namespace": "shop", "pod": "web-2"}, 0.0)]
    state.evaluate(two, START)
    alerts = state.evaluate(two, START + timedelta(seconds=2))
    body = webhook_body(alerts, ORIGIN, RULE.expr)
    assert len(body["alerts"]) == 2
    assert body["commonLabels"] == {
        "alertname": "KubePodNotReady",
        "namespace": "shop",
        "severity": "warning",
    }
    assert body["commonAnnotations"] == {}


def test_a_group_without_a_namespace_has_none_in_its_key() -> None:
    assert group_key({"alertname": "Watchdog"}) == '{}:{alertname="Watchdog"}'
