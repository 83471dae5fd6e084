"""Asking Prometheus the templates' questions over the hours around an alert's start, two at a time.

The hours before the start are what the hours after it are compared with; without them every busy service
looks sick. A question that fails is told as not checked and stops the others: a slow Prometheus is not made
slower.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.incident import Alert, Evidence
from agents.investigator.analyzers.fields import dig
from agents.investigator.analyzers.measured import Measured
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.templates import MOST_NODES, Wanted
from agents.ledger.investigations import Look
from tools import tracks
from tools.prometheus import AT_ONCE, Prometheus, PrometheusError, RangeResult, Window
from tools.promql import Query, Scope, admissible
from tools.redaction import redact

BEFORE = timedelta(hours=3)
"""How much of the quiet past a change is judged by."""
LONGEST = timedelta(hours=6)
STEPS = 180
FINEST_S = 30
MOST_SERIES = 40


@dataclass(frozen=True, kw_only=True)
class Span:
    """The window that is asked for, and the seconds between two points."""

    window: Window
    step: timedelta

    @classmethod
    def around(cls, began: datetime, now: datetime) -> Span:
        """From hours before the start until now, in steps that keep an answer small."""
        start = max(min(began, now) - BEFORE, now - LONGEST)
        step = max(FINEST_S, math.ceil((now - start).total_seconds() / STEPS / FINEST_S) * FINEST_S)
        return cls(window=Window(start=start, end=now), step=timedelta(seconds=step))


async def asked(prometheus: Prometheus, wanted: Iterable[Wanted], span: Span, key: str) -> list[Look]:
    """The answers as looks to be stored; a failure is one as well, and an empty answer too."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(each: Wanted) -> Look:
        async with turns:
            return await asyncio.to_thread(_looked, prometheus, each, span, key)

    return list(await asyncio.gather(*map(one, wanted)))


def measured(wanted: Wanted, stored: Evidence) -> Measured:
    """The series of a stored answer: what is analysed is what stands in the evidence."""
    template = wanted.template
    return Measured(
        name=template.name, unit=template.unit, tracks=tracks.read(stored.excerpt), evidence=stored.id
    )


def nodes_of(snapshot: Snapshot, namespace: str, alerts: Iterable[Alert]) -> tuple[str, ...]:
    """The nodes that matter: those that alerts name, then those of the pods that are not well."""
    named = [alert.labels.get("node", "") for alert in alerts]
    unwell = [pod for pod in snapshot.unwell if dig(pod, "metadata", "namespace") == namespace]
    used = Counter(dig(pod, "spec", "nodeName") or "" for pod in unwell)
    found = dict.fromkeys((*named, *(node for node, _ in sorted(used.items(), key=lambda one: -one[1]))))
    return tuple(node for node in found if snapshot.find("Node", "", node))[:MOST_NODES]


def _looked(prometheus: Prometheus, wanted: Wanted, span: Span, key: str) -> Look:
    asking = wanted.expression
    query = Query(expr=asking, window=span.window.end - span.window.start, step=span.step)
    against = admissible(query, Scope(labels={wanted.label: frozenset({wanted.value})}))
    try:
        if against is not None:
            raise AssertionError(f"a template that the allow-list refuses: {asking!r} ({against.value})")
        text, ok, notes = _told(prometheus.range(asking, span.window, span.step), wanted, span)
    except PrometheusError as problem:
        text, ok, notes = str(problem), False, ()
    return Look(
        key=f"{key}:metric:{wanted.template.name.value}:{wanted.value}",
        tool="prometheus.query",
        query=asking,
        excerpt=redact(text),
        ok=ok,
        window=(span.window.start, span.window.end),
        notes=tuple(map(redact, notes)),
    )


def _told(found: RangeResult, wanted: Wanted, span: Span) -> tuple[str, bool, tuple[str, ...]]:
    template, step_s = wanted.template, span.step.total_seconds()
    notes = [template.name.value, *([f"in {template.unit}"] if template.unit else []), *found.warnings]
    if len(found.tracks) > MOST_SERIES:
        notes.append(f"{MOST_SERIES} of {len(found.tracks)} series")
    return tracks.written(found.tracks[:MOST_SERIES], step_s), True, tuple(notes)
