"""What Prometheus is asked in a round: the alerts' own expressions, traffic, the hours around the start."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from itertools import starmap

from agents.incident import Alert
from agents.investigator import measuring, traffic
from agents.investigator.analyzers.measured import Measured, Signal
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.signals import Question, lines_of, looked, question
from agents.investigator.stages.rounds import Round
from agents.investigator.targets_labels import namespace_label
from agents.investigator.templates import Wanted, wanted
from agents.ledger.investigations import Look
from tools.kubernetes.objects import is_namespace

MOST_SIGNALS = 3
KEPT_BACK = 16
"""Looks that later rounds need for themselves: metrics are asked only with what is above."""


async def signals_of(now: Round, firing: tuple[Alert, ...]) -> tuple[Signal, ...]:
    """What the alerts' own expressions say, one question an expression."""
    prometheus = now.box.prometheus
    if prometheus is None:
        now.left_out.append("metrics: no Prometheus is configured")
        return ()
    at = await asyncio.to_thread(now.box.ledger.now)
    alerts = sorted(firing, key=lambda alert: alert.starts_at)
    signals: list[Signal] = []
    for asked, about in _questions(now, alerts, at):
        if not now.may(f"the signal of {about[0].name}"):
            continue
        (item,) = await now.store([await asyncio.to_thread(looked, prometheus, asked, now.key)])
        if not item.ok:
            now.left_out.append(f"the signal of {about[0].name}: {item.excerpt}")
            continue
        signals += [
            Signal(alert=one.name, lines=lines, evidence=item.id, expression=item.query)
            for one in about
            if (lines := lines_of(one, item.excerpt))
        ]
    return tuple(signals)


async def traffic_of(now: Round, namespaces: list[str]) -> dict[tuple[str, str], float]:
    """How much traffic each Service has: it says how much hangs on a change."""
    prometheus = now.box.prometheus
    found: dict[tuple[str, str], float] = {}
    for namespace in filter(is_namespace, namespaces):
        if prometheus is None or not now.may(f"the traffic of {namespace}"):
            continue
        at = await asyncio.to_thread(now.box.ledger.now)
        seen = await asyncio.to_thread(traffic.looked, prometheus, (namespace, at), now.key)
        (item,) = await now.store([seen])
        if item.ok:
            found |= traffic.rates(namespace, item.excerpt)
        else:
            now.left_out.append(f"the traffic of {namespace}: {item.excerpt}")
            now.blind = True
    return found


def _questions(now: Round, alerts: list[Alert], at: datetime) -> list[tuple[Question, list[Alert]]]:
    asked: dict[str, tuple[Question, list[Alert]]] = {}
    for alert in alerts:
        wanted = question(alert, at)
        if isinstance(wanted, str):
            now.left_out.append(wanted)
        else:
            # The oldest alert came first: its window holds those of the others.
            asked.setdefault(wanted.expression, (wanted, []))[1].append(alert)
    chosen = list(asked.values())
    now.left_out += [f"the signal of {about[0].name}: not asked" for _, about in chosen[MOST_SIGNALS:]]
    return chosen[:MOST_SIGNALS]


def asking(now: Round, snapshot: Snapshot, firing: tuple[Alert, ...]) -> tuple[Wanted, ...]:
    """What metrics are asked for: of the namespace that most alerts name, as far as it can be paid for."""
    named = Counter(filter(is_namespace, (namespace_label(alert.labels) for alert in firing)))
    if not named or now.box.prometheus is None or now.blind:
        return ()
    place = min(named, key=lambda name: (-named[name], name))
    every = wanted(snapshot, place, measuring.nodes_of(snapshot, place, firing))
    room = max(0, now.purse.left("tool_calls") - KEPT_BACK)
    if len(every) > room:
        now.left_out.append(
            f"{len(every) - room} of {len(every)} questions to the metrics of {place}: not asked"
        )
    return tuple(one for one in every[:room] if now.may(f"the {one.template.name.value} of {place}"))


async def answers(now: Round, snapshot: Snapshot, asking: tuple[Wanted, ...]) -> list[Look]:
    """What it answers to these, not stored yet."""
    if now.box.prometheus is None or not asking:
        return []
    span = measuring.Span.around(snapshot.began or snapshot.taken_at, snapshot.taken_at)
    return await measuring.asked(now.box.prometheus, asking, span, now.key)


async def measured(now: Round, asking: tuple[Wanted, ...], answers: list[Look]) -> tuple[Measured, ...]:
    """The answers as evidence, and what was measured in them."""
    # That there is no such series is no evidence of anything.
    told = [(each, answer) for each, answer in zip(asking, answers, strict=True) if answer.excerpt]
    stored = await now.store([answer for _, answer in told]) if told else []
    pairs = [(each, item) for (each, _), item in zip(told, stored, strict=True)]
    now.left_out += [
        f"the {each.template.name.value} of {each.value}: {item.excerpt}"
        for each, item in pairs
        if not item.ok
    ]
    return tuple(starmap(measuring.measured, ((each, item) for each, item in pairs if item.ok)))
