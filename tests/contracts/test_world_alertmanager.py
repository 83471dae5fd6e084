"""The pretend Alertmanager against bodies recorded from a real one, and its manners towards a receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from evals.world.alerting import Vector, fingerprint, generator_url, group_key
from evals.world.alertmanager import AlertmanagerOptions, PretendAlertmanager, Source
from evals.world.clock import VirtualClock
from evals.world.scenario import AlertRule
from tests.support.datacentre import Receiver
from tests.support.patience import PATIENCE_S
from tests.support.world_cluster import START

# Recorded from Alertmanager 0.25.0 fed by Prometheus 2.42.0: one alert, firing.
RECORDED: dict[str, Any] = json.loads(
    r"""{"receiver":"triage","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"KubePodCrashLooping","cluster":"demo-1","container":"api","instance":"127.0.0.1:19080","job":"kube-state-metrics","namespace":"payments","pod":"checkout-api-6d9f7c5b8d-x2kqv","prometheus":"monitoring/k8s","reason":"CrashLoopBackOff","severity":"warning","uid":"00005cdb-1111-4222-8333-5cdb034cffd8"},"annotations":{"description":"Pod payments/checkout-api-6d9f7c5b8d-x2kqv (api) is waiting, reason \"CrashLoopBackOff\".","runbook_url":"https://runbooks.example.com/kubernetes/kubepodcrashlooping","summary":"Pod is crash looping."},"startsAt":"2026-11-23T11:18:32.341Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://127.0.0.1:19090/graph?g0.expr=max_over_time%28kube_pod_container_status_waiting_reason%7Bjob%3D%22kube-state-metrics%22%2Creason%3D%22CrashLoopBackOff%22%7D%5B2s%5D%29+%3E%3D+1&g0.tab=1","fingerprint":"f2d3f95d74cce6f7"}],"groupLabels":{"alertname":"KubePodCrashLooping","namespace":"payments"},"commonLabels":{"alertname":"KubePodCrashLooping","cluster":"demo-1","container":"api","instance":"127.0.0.1:19080","job":"kube-state-metrics","namespace":"payments","pod":"checkout-api-6d9f7c5b8d-x2kqv","prometheus":"monitoring/k8s","reason":"CrashLoopBackOff","severity":"warning","uid":"00005cdb-1111-4222-8333-5cdb034cffd8"},"commonAnnotations":{"description":"Pod payments/checkout-api-6d9f7c5b8d-x2kqv (api) is waiting, reason \"CrashLoopBackOff\".","runbook_url":"https://runbooks.example.com/kubernetes/kubepodcrashlooping","summary":"Pod is crash looping."},"externalURL":"http://127.0.0.1:19093","version":"4","groupKey":"{}:{alertname=\"KubePodCrashLooping\", namespace=\"payments\"}","truncatedAlerts":0}"""  # noqa: E501
)
ALERT = RECORDED["alerts"][0]
EXPR = (
    'max_over_time(kube_pod_container_status_waiting_reason{job="kube-state-metrics",'
    'reason="CrashLoopBackOff"}[2s]) >= 1'
)
EXTERNAL = {"cluster": "demo-1", "prometheus": "monitoring/k8s"}
SERIES = {
    name: text for name, text in ALERT["labels"].items() if name not in ("alertname", "severity", *EXTERNAL)
}
RULE = AlertRule.model_validate(
    {
        "name": "KubePodCrashLooping",
        "expr": EXPR,
        "labels": {"severity": "warning"},
        "annotations": {
            **ALERT["annotations"],
            "description": "Pod {{ $labels.namespace }}/{{ $labels.pod }} ({{ $labels.container }}) "
            'is waiting, reason "{{ $labels.reason }}".',
        },
    }
)


class Bench:
    """A pretend Alertmanager stepped by hand, with an expression whose answer the test sets."""

    def __init__(self, receiver_url: str) -> None:
        self.clock = VirtualClock(START)
        self.answer: Vector = [(SERIES, 1.0)]
        source = Source(
            rule=RULE,
            query=self._query,
            prometheus_url="http://127.0.0.1:19090",
            external_labels=EXTERNAL,
        )
        options = AlertmanagerOptions(
            receiver_url=receiver_url,
            token="s3cret",
            group_wait=0.3,
            group_interval=5.0,
            repeat_interval=60.0,
            clock=self.clock,
        )
        self.alertmanager = PretendAlertmanager(source, options)

    def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.alertmanager.step()

    def _query(self, expr: str, at: datetime) -> Vector:
        assert (expr, at) == (EXPR, self.clock.now())
        return self.answer


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def bench(receiver: Receiver) -> Iterator[Bench]:
    made = Bench(receiver.url)
    made.alertmanager.step()
    yield made
    made.alertmanager.stop()


def test_the_body_is_the_recorded_one_but_for_times_and_addresses(bench: Bench, receiver: Receiver) -> None:
    bench.after(0.5)
    (body,) = receiver.bodies
    assert list(body) == list(RECORDED)
    assert list(body["alerts"][0]) == list(ALERT)
    moved = {"receiver": "triage", "externalURL": RECORDED["externalURL"]}
    alert = {**body["alerts"][0], "startsAt": ALERT["startsAt"]}
    assert {**body, **moved, "alerts": [alert]} == RECORDED


def test_fingerprint_group_key_and_link_are_computed_as_the_real_ones() -> None:
    assert fingerprint(ALERT["labels"]) == ALERT["fingerprint"]
    assert group_key(RECORDED["groupLabels"]) == RECORDED["groupKey"]
    assert generator_url("http://127.0.0.1:19090", EXPR) == ALERT["generatorURL"]


def test_it_carries_the_bearer_token_and_says_who_it_is(bench: Bench, receiver: Receiver) -> None:
    bench.after(0.5)
    assert receiver.headers[0]["Authorization"] == "Bearer s3cret"
    assert receiver.headers[0]["User-Agent"] == "Alertmanager/0.25.0"
    assert receiver.headers[0]["Content-Type"] == "application/json"


def test_nothing_is_sent_before_the_group_has_waited(bench: Bench, receiver: Receiver) -> None:
    bench.after(0.1)
    assert receiver.bodies == []


def test_a_server_error_is_tried_again_within_the_flush(bench: Bench, receiver: Receiver) -> None:
    receiver.codes = [503, 500]
    for _ in range(4):
        bench.after(0.5)
    assert len(receiver.bodies) == 3
    bench.after(6)
    assert len(receiver.bodies) == 3


def test_a_refusal_is_tried_again_only_after_the_group_interval(bench: Bench, receiver: Receiver) -> None:
    receiver.codes = [400]
    bench.after(0.5)
    bench.after(2)
    assert len(receiver.bodies) == 1
    bench.after(4)
    assert len(receiver.bodies) == 2


def test_a_receiver_that_is_away_gets_the_alert_when_it_is_back() -> None:
    gone = Receiver()
    gone.close()
    bench = Bench(gone.url)
    bench.alertmanager.step()
    bench.after(0.5)
    back = Receiver(gone.port)
    bench.after(1)
    bench.alertmanager.stop()
    back.close()
    assert [body["status"] for body in back.bodies] == ["firing"]


def test_resolved_is_sent_once_with_the_same_identity(bench: Bench, receiver: Receiver) -> None:
    bench.after(0.5)
    bench.answer = []
    bench.after(6)
    bench.after(60)
    firing, resolved = receiver.bodies
    assert resolved["status"] == resolved["alerts"][0]["status"] == "resolved"
    for same in ("fingerprint", "startsAt", "labels"):
        assert resolved["alerts"][0][same] == firing["alerts"][0][same]
    ended = START + timedelta(seconds=6.5)
    assert resolved["alerts"][0]["endsAt"] == ended.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert bench.alertmanager.alerts() == []


def test_an_alert_that_ended_before_anybody_was_told_is_not_mentioned(
    bench: Bench, receiver: Receiver
) -> None:
    bench.answer = []
    bench.after(0.5)
    bench.after(10)
    assert receiver.bodies == []


def test_an_unchanged_group_is_repeated_byte_for_byte_after_the_repeat_interval(
    bench: Bench, receiver: Receiver
) -> None:
    bench.after(0.5)
    bench.after(30)
    assert len(receiver.bodies) == 1
    bench.after(31)
    first, again = receiver.bodies
    assert first == again


def test_its_api_lists_what_fires(bench: Bench) -> None:
    bench.alertmanager.start()
    base = bench.alertmanager.url
    with httpx.Client(trust_env=False, timeout=PATIENCE_S) as client:
        assert client.get(f"{base}/-/ready").text == "OK"
        (alert,) = client.get(f"{base}/api/v2/alerts").json()
        assert client.get(f"{base}/nowhere").status_code == 404
    assert alert["labels"]["alertname"] == "KubePodCrashLooping"
    assert alert["status"] == {"inhibitedBy": [], "silencedBy": [], "state": "active"}
