"""Two Alertmanagers that tell the same: histories of groups, repeated and out of order, and their oracle.

What is new is told in order, because an Alertmanager repeats it until it was heard and says nothing else
of the group meanwhile. Every other copy of it comes from either of the two and up to ``LATE_S`` late, so
after anything that was said since.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

BEGAN = datetime(2026, 11, 24, tzinfo=UTC)
LATE_S = 110.0


@dataclass(frozen=True, kw_only=True)
class News:
    """One thing that is said of a group. ``over`` names no alert that fires any more."""

    group: str
    at: float
    alerts: list[dict[str, Any]]
    opens: bool = False
    over: bool = False
    closed_at_once: bool = False


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A copy of it as one of the two sends it; the first is the one that has to count."""

    at: float
    news: News
    body: bytes
    first: bool


@dataclass(kw_only=True)
class Oracle:
    """What must have come of it all."""

    incidents: int = 0
    news: int = 0
    quiet: set[str] = field(default_factory=set)


def replay(chance: random.Random, deliveries: int) -> tuple[list[Sent], Oracle]:
    """At least so many deliveries in the order in which they arrive."""
    sent: list[Sent] = []
    oracle = Oracle()
    while len(sent) < deliveries:
        group = f"g{len(sent)}"
        story = list(_story(chance, group))
        oracle.news += len(story)
        oracle.incidents += sum(news.opens for news in story)
        if story[-1].over:
            oracle.quiet.add(group)
        first = 0.0
        for news in story:
            first = max(first, news.at + chance.uniform(0, LATE_S))
            late = [chance.uniform(first, first + LATE_S) for _ in range(chance.randint(0, 4))]
            sent.append(Sent(at=first, news=news, body=_body(chance, news), first=True))
            sent += [Sent(at=at, news=news, body=_body(chance, news), first=False) for at in late]
    return sorted(sent, key=lambda one: one.at), oracle


def at(seconds: float) -> datetime:
    """The moment so many seconds into the history."""
    return BEGAN + timedelta(seconds=seconds)


def _story(chance: random.Random, group: str) -> Iterator[News]:
    """One to three episodes: it fires, mostly something joins, it is over in one step or two, or not at all.

    In half of the groups the incident is closed as soon as all is over, so the next episode is another one.
    """
    now, closed_at_once, episodes = chance.uniform(0, 600), chance.random() < 0.5, chance.randint(1, 3)
    for episode in range(episodes):
        firing = [_alert(group, name, now) for name in ("a", "b")]
        opens = episode == 0 or closed_at_once
        shown = firing[: chance.randint(1, 2)]
        yield News(group=group, at=now, alerts=shown, opens=opens)
        if len(shown) == 1:
            now += chance.uniform(5, 60)
            yield News(group=group, at=now, alerts=firing)
        if episode == episodes - 1 and chance.random() < 0.3:
            return
        now += chance.uniform(5, 60)
        ended = [_ended(alert, now) for alert in firing]
        if chance.random() < 0.5:
            yield News(group=group, at=now, alerts=[ended[0], firing[1]])
            now += chance.uniform(5, 60)
        yield News(group=group, at=now, alerts=ended, over=True, closed_at_once=closed_at_once)
        now += chance.uniform(5, 60)


def _alert(group: str, name: str, since: float) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "KubePodNotReady", "namespace": group, "pod": name},
        "annotations": {},
        "startsAt": at(since).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{group}-{name}",
    }


def _ended(alert: dict[str, Any], now: float) -> dict[str, Any]:
    return {**alert, "status": "resolved", "endsAt": at(now).isoformat()}


def _body(chance: random.Random, news: News) -> bytes:
    """As one of the two words it: they differ in their address, in the receiver and in the order."""
    which = chance.choice(["one", "two"])
    alerts = [{**alert, "generatorURL": f"http://{which}/graph"} for alert in news.alerts]
    chance.shuffle(alerts)
    status = "resolved" if news.over else "firing"
    said = {"version": "4", "groupKey": news.group, "status": status, "truncatedAlerts": 0}
    route = {"receiver": f"midwatch-{which}", "externalURL": f"http://alertmanager-{which}"}
    return json.dumps({**said, **route, "alerts": alerts}).encode()
