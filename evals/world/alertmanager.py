"""A pretend Alertmanager with a rule engine inside: evaluates one rule, groups, sends version-4 webhooks.

Delivery follows Alertmanager 0.25 as measured: 5xx and connection errors are tried again with growing
pauses, 4xx
only at the next group interval; a resolved alert is sent once; nothing changed is sent again only after the
repeat
interval.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from evals.world.alerting import Alert, Origin, RuleState, Vector, api_alert, group_key, webhook_body
from evals.world.clock import Clock, RealClock
from evals.world.loopback import LoopbackServer, Reply
from evals.world.scenario import AlertRule
from evals.world.silences import Silences
from evals.world.trust import trusted

Query = Callable[[str, datetime], Vector]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.4, 7.0
_USER_AGENT = "Alertmanager/0.25.0"


@dataclass(frozen=True, kw_only=True)
class AlertmanagerOptions:
    """Receiver and timings in seconds. Without a receiver alerts are only shown by the API."""

    receiver_url: str | None = None
    token: str | None = None
    receiver: str = "midwatch"
    evaluate_every: float = 0.5
    group_wait: float = 0.3
    group_interval: float = 1.0
    repeat_interval: float = 4 * 3600.0
    timeout: float = 10.0
    port: int = 0
    clock: Clock = field(default_factory=RealClock)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is watched: a rule, the query function that answers it, and who asks (for links and labels)."""

    rule: AlertRule
    query: Query
    prometheus_url: str
    external_labels: dict[str, str]


@dataclass(kw_only=True)
class _Group:
    """Alerts that travel together. `told` is what the receiver last acknowledged: fingerprint → status."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    told_at: datetime | None = None
    due: datetime
    failures: int = 0


class PretendAlertmanager:
    """Evaluates, groups and notifies: `step` does one round, `watch` one after the other in a thread."""

    def __init__(self, source: Source, options: AlertmanagerOptions) -> None:
        self._source = source
        self._options = options
        self._rule = RuleState(source.rule, source.external_labels)
        self._groups: dict[str, _Group] = {}
        self._lock = threading.Lock()
        self._client = httpx.Client(
            verify=trusted(), timeout=options.timeout, headers={"User-Agent": _USER_AGENT}, trust_env=False
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="world-alertmanager", daemon=True)
        self.silences = Silences(options.clock)
        self._server = LoopbackServer(
            {
                ("GET", "/-/ready"): lambda: Reply(body="OK"),
                ("GET", "/-/healthy"): lambda: Reply(body="OK"),
                ("GET", "/api/v2/alerts"): lambda: Reply(body=self.alerts()),
            },
            options.port,
            self.silences.answer,
        )
        self._origin = Origin(
            prometheus_url=source.prometheus_url,
            alertmanager_url=self._server.url,
            external_labels=source.external_labels,
            receiver=options.receiver,
        )

    @property
    def url(self) -> str:
        """Where its API is served."""
        return self._server.url

    def start(self) -> None:
        """Serve the API; nothing is evaluated yet."""
        self._server.start()

    def watch(self) -> None:
        """Begin to evaluate and to notify, until stopped. Once only."""
        self._thread.start()

    def stop(self) -> None:
        """Stop evaluating, close every socket."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._server.stop()
        self._client.close()

    def alerts(self) -> list[dict[str, object]]:
        """Firing alerts as `GET /api/v2/alerts` lists them."""
        with self._lock:
            firing = [
                alert
                for group in self._groups.values()
                for alert in group.alerts.values()
                if alert.status == "firing"
            ]
        expr, by = self._source.rule.expr, self.silences.by
        return [api_alert(alert, self._origin, expr, by(alert.labels)) for alert in firing]

    def step(self) -> None:
        """Evaluate the rule once and send what is due."""
        now = self._options.clock.now()
        current = self._rule.evaluate(self._source.query(self._source.rule.expr, now), now)
        with self._lock:
            for alert in current:
                key = group_key(alert.labels)
                wait = now + timedelta(seconds=self._options.group_wait)
                group = self._groups.setdefault(key, _Group(due=wait))
                group.alerts[alert.fingerprint] = alert
            due = [group for group in self._groups.values() if group.alerts and group.due <= now]
        # Outside the lock: a slow receiver must not block whoever reads the API.
        for group in due:
            self._flush(group, now)

    def _flush(self, group: _Group, now: datetime) -> None:
        with self._lock:
            every = sorted(group.alerts.values(), key=lambda alert: (alert.status, alert.fingerprint))
        alerts = [alert for alert in every if not self.silences.by(alert.labels)]
        news = {alert.fingerprint: alert.status for alert in alerts}
        # Whoever was never told that an alert fires need not hear that it ended.
        worth_telling = any(status == "firing" or key in group.told for key, status in news.items())
        if worth_telling and (news != group.told or self._repeats(group, now)):
            outcome = self._send(alerts)
            if outcome == "again":
                group.failures += 1
                pause = min(_FIRST_PAUSE * 2 ** (group.failures - 1), _LONGEST_PAUSE)
                group.due = now + timedelta(seconds=pause)
                return
            if outcome == "told":
                group.told, group.told_at = news, now
        group.failures = 0
        group.due = now + timedelta(seconds=self._options.group_interval)
        if group.told == news or not worth_telling:
            self._forget_resolved(group, every)

    def _repeats(self, group: _Group, now: datetime) -> bool:
        since = group.told_at
        return since is None or now - since >= timedelta(seconds=self._options.repeat_interval)

    def _forget_resolved(self, group: _Group, sent: list[Alert]) -> None:
        with self._lock:
            for alert in sent:
                if alert.status == "resolved" and group.alerts.get(alert.fingerprint) is alert:
                    del group.alerts[alert.fingerprint]
                    group.told.pop(alert.fingerprint, None)
            if not group.alerts:
                self._groups = {key: each for key, each in self._groups.items() if each is not group}

    def _send(self, alerts: list[Alert]) -> str:
        """`told` (2xx, or nobody to tell), `again` (worth a retry now) or `refused` (4xx)."""
        # With nobody to tell, alerts must still come and go for the API.
        if self._options.receiver_url is None:
            return "told"
        body = webhook_body(alerts, self._origin, self._source.rule.expr)
        headers = {"Content-Type": "application/json"}
        if self._options.token:
            headers["Authorization"] = f"Bearer {self._options.token}"
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            answer = self._client.post(self._options.receiver_url, content=content, headers=headers)
        except httpx.HTTPError:
            return "again"
        if answer.is_success:
            return "told"
        return "again" if answer.is_server_error else "refused"

    def _run(self) -> None:
        while not self._stop.wait(min(self._options.evaluate_every, self._options.group_wait or 0.05)):
            self.step()
