"""Alerts as Prometheus makes them and groups as Alertmanager sends them; no clock of its own, no network.

Shapes and rules follow bodies recorded from Alertmanager 0.25 fed by Prometheus 2.42.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

from evals.world.kubernetes.objects import JsonObject
from evals.world.scenario import AlertRule

Vector = Sequence[tuple[Mapping[str, str], float]]
"""An instant vector: labels and value per element."""

NEVER_ENDED = "0001-01-01T00:00:00Z"
GROUP_BY = ("alertname", "namespace")


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert: active since the rule first held, firing since it held for long enough, ended or not."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    active_since: datetime
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """Its identity: a hash of the labels alone."""
        return fingerprint(self.labels)

    @property
    def status(self) -> str:
        """`firing` or `resolved`."""
        return "firing" if self.ends_at is None else "resolved"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where alerts say they come from: Prometheus and Alertmanager addresses, external labels, receiver."""

    prometheus_url: str
    alertmanager_url: str
    external_labels: Mapping[str, str]
    receiver: str


class RuleState:
    """One alerting rule over time: pending, firing, resolved."""

    def __init__(self, rule: AlertRule, external_labels: Mapping[str, str]) -> None:
        self._rule = rule
        self._external = external_labels
        self._active: dict[str, Alert] = {}

    def evaluate(self, vector: Vector, now: datetime) -> list[Alert]:
        """Alerts that fire now and alerts that just ended; the pending ones stay here."""
        seen: dict[str, Alert] = {}
        for labels, value in vector:
            fresh = self._alert(labels, value, now)
            # Labels and annotations are those of now, the times those of the episode.
            known = self._active.get(fresh.fingerprint)
            if known is not None:
                fresh = replace(fresh, active_since=known.active_since, starts_at=known.starts_at)
            if fresh.starts_at is None and now - fresh.active_since >= timedelta(seconds=self._rule.for_):
                # Prometheus says since when it fires, not since when the expression held.
                fresh = replace(fresh, starts_at=now)
            seen[fresh.fingerprint] = fresh
        ended = [
            replace(alert, ends_at=now)
            for key, alert in self._active.items()
            if key not in seen and alert.starts_at is not None
        ]
        self._active = seen
        return [alert for alert in seen.values() if alert.starts_at is not None] + ended

    def _alert(self, series: Mapping[str, str], value: float, now: datetime) -> Alert:
        own = {name: text for name, text in series.items() if name != "__name__"}
        labels = {**own, **self._rule.labels, "alertname": self._rule.name}
        labels = {**self._external, **labels}
        annotations = {name: _expanded(text, own, value) for name, text in self._rule.annotations.items()}
        return Alert(labels=dict(sorted(labels.items())), annotations=annotations, active_since=now)


def fingerprint(labels: Mapping[str, str]) -> str:
    """FNV-1a, 64 bits, over the sorted labels with 0xff between (prometheus/common model/signature.go)."""
    value = 0xCBF29CE484222325
    for name in sorted(labels):
        for byte in f"{name}\0{labels[name]}\0".encode().replace(b"\0", b"\xff"):
            value = ((value ^ byte) * 0x100000001B3) % (1 << 64)
    return f"{value:016x}"


def group_key(labels: Mapping[str, str]) -> str:
    """`{}:{alertname="X", namespace="y"}`: the route's matchers, then the group's labels."""
    inner = ", ".join(f'{name}="{labels[name]}"' for name in GROUP_BY if name in labels)
    return "{}:{" + inner + "}"


def webhook_body(alerts: Sequence[Alert], origin: Origin, expr: str) -> JsonObject:
    """The version-4 body for one group, fields in the order of the real one."""
    first = alerts[0].labels
    return {
        "receiver": origin.receiver,
        "status": "firing" if any(alert.status == "firing" for alert in alerts) else "resolved",
        "alerts": [_listed(alert, origin, expr) for alert in alerts],
        "groupLabels": {name: first[name] for name in GROUP_BY if name in first},
        "commonLabels": _common(alert.labels for alert in alerts),
        "commonAnnotations": _common(alert.annotations for alert in alerts),
        "externalURL": origin.alertmanager_url,
        "version": "4",
        "groupKey": group_key(first),
        "truncatedAlerts": 0,
    }


def api_alert(alert: Alert, origin: Origin, expr: str, silenced_by: Sequence[str] = ()) -> JsonObject:
    """One entry of `GET /api/v2/alerts`."""
    state = "suppressed" if silenced_by else "active"
    listed = _listed(alert, origin, expr)
    listed.pop("status")
    return {
        **listed,
        "receivers": [{"name": origin.receiver}],
        "status": {"inhibitedBy": [], "silencedBy": list(silenced_by), "state": state},
        "updatedAt": _stamp(alert.starts_at or alert.active_since),
    }


def generator_url(prometheus_url: str, expr: str) -> str:
    """The link Prometheus puts into an alert, which carries the expression."""
    return f"{prometheus_url}/graph?g0.expr={quote_plus(expr)}&g0.tab=1"


def _listed(alert: Alert, origin: Origin, expr: str) -> JsonObject:
    return {
        "status": alert.status,
        "labels": dict(alert.labels),
        "annotations": dict(sorted(alert.annotations.items())),
        "startsAt": _stamp(alert.starts_at or alert.active_since),
        "endsAt": NEVER_ENDED if alert.ends_at is None else _stamp(alert.ends_at),
        "generatorURL": generator_url(origin.prometheus_url, expr),
        "fingerprint": alert.fingerprint,
    }


def _common(each: Iterable[Mapping[str, str]]) -> dict[str, str]:
    first, *others = each
    return {
        name: text for name, text in sorted(first.items()) if all(other.get(name) == text for other in others)
    }


def _expanded(text: str, labels: Mapping[str, str], value: float) -> str:
    text = re.sub(r"{{\s*\$labels\.(\w+)\s*}}", lambda match: labels.get(match[1], ""), text)
    return re.sub(r"{{\s*\$value\s*}}", lambda _: f"{value:.4g}", text)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
