"""An alert's own signal: its expression, taken from the ``generatorURL``, asked of our Prometheus.

The URL is parsed and never fetched (threat T28), and the expression passes the allow-list (T29).
A sample belongs to an alert when the labels they share agree: a rule that fires for two
Deployments is quiet for one of them while it still holds for the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from agents.incident import Alert
from agents.ledger.investigations import Look
from tools.prometheus import Prometheus, PrometheusError, Sample, Track, Window
from tools.promql import Query, Scope, admissible
from tools.redaction import redact

BEFORE = timedelta(minutes=30)
LONGEST = timedelta(hours=6)
FINEST = timedelta(seconds=15)
STEPS = 120
MOST_SERIES = 40
_SET_BY_THE_RULE = frozenset({"__name__", "alertname", "severity"})


@dataclass(frozen=True, kw_only=True)
class Question:
    """One expression and the moments it is asked for."""

    expression: str
    window: Window
    step: timedelta


def expression_of(generator_url: str) -> str:
    """The expression in an alert's generatorURL (``g0.expr``), or nothing."""
    try:
        return parse_qs(urlsplit(generator_url).query).get("g0.expr", [""])[0]
    except ValueError:
        # The URL comes from outside; one that is none has no expression.
        return ""


def question(alert: Alert, now: datetime) -> Question | str:
    """What to ask for this alert, from half an hour before it began until now; or why it cannot be asked."""
    expression = expression_of(alert.generator_url)
    if not expression:
        return f"the signal of {alert.name}: its generatorURL names no expression"
    start = max(min(alert.starts_at, now) - BEFORE, now - LONGEST)
    step = max(FINEST, (now - start) / STEPS)
    against = admissible(Query(expr=expression, window=now - start, step=step), Scope(rule=True))
    if against is not None:
        return f"the signal of {alert.name}: its expression is not asked ({against.value})"
    return Question(expression=expression, window=Window(start=start, end=now), step=step)


def looked(prometheus: Prometheus, asked: Question, key: str) -> Look:
    """The answer as a look to be stored; a failure is one as well."""
    try:
        now = prometheus.instant(asked.expression, asked.window.end)
        found = prometheus.range(asked.expression, asked.window, asked.step)
        lines = [*_present(now.samples), *_past(found.tracks, asked)]
        text, ok = "\n".join(lines) or "it holds for nothing, and did not in this window", True
        notes: tuple[str, ...] = (f"{len(found.tracks)} series", *now.warnings, *found.warnings)
    except PrometheusError as problem:
        text, ok, notes = str(problem), False, ()
    return Look(
        # The expression came with the alert and may hold a secret: the key is its digest.
        key=f"{key}:promql:{hashlib.sha256(asked.expression.encode()).hexdigest()}",
        tool="prometheus.query",
        query=redact(asked.expression),
        excerpt=redact(text),
        ok=ok,
        window=(asked.window.start, asked.window.end),
        notes=tuple(redact(note) for note in notes),
    )


def lines_of(alert: Alert, excerpt: str) -> tuple[str, ...]:
    """The stored lines that are about this alert."""
    return tuple(line for line in excerpt.splitlines() if line.startswith("{") and _about(alert, line))


def belongs(alert: Alert, labels: dict[str, str]) -> bool:
    """Whether a sample with these labels is this alert's."""
    shared = labels.keys() & alert.labels.keys() - _SET_BY_THE_RULE
    return all(labels[name] == alert.labels[name] for name in shared)


def _present(samples: tuple[Sample, ...]) -> Iterator[str]:
    for sample in samples[:MOST_SERIES]:
        yield f"{_braced(sample.labels)} holds now with the value {sample.value:g}"


def _past(tracks: tuple[Track, ...], asked: Question) -> Iterator[str]:
    steps = (asked.window.end - asked.window.start) // asked.step + 1
    for track in tracks[:MOST_SERIES]:
        first, last = (datetime.fromtimestamp(track.points[n][0], UTC) for n in (0, -1))
        yield (
            f"{_braced(track.labels)} held at {len(track.points)} of {steps} steps, first {first:%H:%M:%S} "
            f"and last {last:%H:%M:%S} UTC, with the value {track.points[-1][1]:g}"
        )


def _braced(labels: dict[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"


def _about(alert: Alert, line: str) -> bool:
    inside = line[1:].partition("} held at ")[0].partition("} holds now ")[0]
    pairs = (part.partition("=") for part in inside.split('", '))
    return belongs(alert, {name: value.strip('"') for name, _, value in pairs if name})
