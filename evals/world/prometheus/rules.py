"""Alerting rules as ``/rules`` and ``/alerts`` show them, derived from the database at each request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evals.world.prometheus.promql.engine import Engine, Track
from evals.world.prometheus.promql.values import LabelSet, format_value, without_name
from evals.world.prometheus.samples import JsonObject

_TEMPLATE = re.compile(r"\{\{\s*\$(?:labels\.(?P<label>\w+)|(?P<value>value))\s*(?:\|[^}]*)?\}\}")
_STEPS = 40
_SHORTEST_LOOK_MS = 600_000


@dataclass(frozen=True, kw_only=True)
class AlertingRule:
    """One alert: ``expr`` must hold for ``for_seconds``. Templates know ``$labels.x`` and ``$value``."""

    name: str
    expr: str
    for_seconds: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


class RuleBook:
    """The rules of one server and what they say at a moment (milliseconds)."""

    def __init__(self, engine: Engine, rules: Sequence[AlertingRule]) -> None:
        self._rules = tuple(rules)
        self._engine = engine

    def alerts(self, now: int) -> list[JsonObject]:
        """``data.alerts`` of ``GET /api/v1/alerts``. Raises PromqlError when a rule cannot be evaluated."""
        return [alert for rule in self._rules for alert in self._active(rule, now)]

    def groups(self, now: int) -> list[JsonObject]:
        """``data.groups`` of ``GET /api/v1/rules``: all rules in one group."""
        rules = [self._shown(rule, now) for rule in self._rules]
        group = {"name": "world", "file": "world.yml", "interval": 1, "rules": rules}
        return [group] if rules else []

    def _shown(self, rule: AlertingRule, now: int) -> JsonObject:
        alerts = list(self._active(rule, now))
        states = {alert["state"] for alert in alerts}
        return {
            "type": "alerting",
            "name": rule.name,
            "query": rule.expr,
            "duration": rule.for_seconds,
            "labels": dict(rule.labels),
            "annotations": dict(rule.annotations),
            "health": "ok",
            "state": "firing" if "firing" in states else "pending" if states else "inactive",
            "alerts": alerts,
        }

    def _active(self, rule: AlertingRule, now: int) -> Iterator[JsonObject]:
        # Long enough to see the whole pending time, and a while more for a useful activeAt.
        look = max(int(rule.for_seconds * 1000), _SHORTEST_LOOK_MS)
        step = max(look // _STEPS, 1000)
        first = now - (look // step + 1) * step
        for track in self._engine.over(rule.expr, first, now, step):
            if track.points[-1][0] == now:
                yield _alert(rule, track, _held_since(track, step))


def _held_since(track: Track, step: int) -> int:
    """When the expression began to hold without a gap, as far back as was looked."""
    since = track.points[-1][0]
    for when, _ in reversed(track.points[:-1]):
        if since - when != step:
            break
        since = when
    return since


def _alert(rule: AlertingRule, track: Track, since: int) -> JsonObject:
    now, value = track.points[-1]
    seen = without_name(track.labels)
    firing = (now - since) / 1000 >= rule.for_seconds
    return {
        "labels": {**seen, **_filled(rule.labels, seen, value), "alertname": rule.name},
        "annotations": _filled(rule.annotations, seen, value),
        "state": "firing" if firing else "pending",
        "activeAt": datetime.fromtimestamp(since / 1000, UTC).isoformat().replace("+00:00", "Z"),
        "value": format_value(value),
    }


def _filled(templates: Mapping[str, str], labels: LabelSet, value: float) -> dict[str, str]:
    def text(match: re.Match[str]) -> str:
        return format_value(value) if match["value"] else labels.get(match["label"], "")

    return {name: _TEMPLATE.sub(text, template) for name, template in templates.items()}
