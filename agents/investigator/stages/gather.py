"""Gather: one bounded look at each namespace, the logs of what is sick, the alert's own signal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from langgraph.runtime import Runtime

from agents.incident import Alert, Evidence
from agents.investigator import traffic
from agents.investigator.analyzers.snapshot import LogKey, LogTail, Signal, Snapshot
from agents.investigator.looking import ended, statuses
from agents.investigator.purse import Purse
from agents.investigator.recall import Recall, recalled
from agents.investigator.signals import Question, lines_of, looked, question
from agents.investigator.stages.triage import places_left_out
from agents.investigator.state import State
from agents.investigator.targets import claimed_elsewhere
from agents.investigator.toolbox import Toolbox
from agents.ledger import incidents, investigations
from agents.ledger.investigations import Look
from tools.kubernetes.inventory import Inventory, Query, lines
from tools.kubernetes.objects import JsonObject, is_namespace
from tools.kubernetes.reading import LogText, read_inventory, read_log
from tools.redaction import redact

EXCERPT = 96_000
MOST_LOGS = 6
MOST_SIGNALS = 3
QUIET_KINDS = frozenset({"Secret", "ConfigMap", "Namespace"})


async def gather(state: State, runtime: Runtime[Toolbox]) -> State:
    """Look once and store what was seen."""
    purse = purse_of(state, runtime.context)
    await look(state, runtime.context, purse)
    return {"spent": purse.spent}


def purse_of(state: State, box: Toolbox) -> Purse:
    """What this round may still spend."""
    return Purse.resumed(box.policy.allowance, state.get("spent"))


@dataclass(kw_only=True)
class _Round:
    """One round of looking: under which key it is stored, what it may spend, what it had to leave out."""

    box: Toolbox
    key: str
    purse: Purse
    left_out: list[str] = field(default_factory=list)

    def may(self, what: str) -> bool:
        """Whether one more look can be paid for; what cannot is remembered."""
        why = self.purse.take("tool_calls")
        if why:
            self.left_out.append(f"{what}: {why}")
        return not why

    async def store(self, looks: list[Look]) -> list[Evidence]:
        """The looks as evidence; one that was stored before keeps its id and text."""
        return await self.box.write(investigations.store_evidence, looks)


async def look(state: State, box: Toolbox, purse: Purse) -> Snapshot:
    """The snapshot of this round: read now, stored as evidence, kept for the stages that follow."""
    now = _Round(box=box, key=f"round-{state.get('round', 1)}", purse=purse)
    merged = Inventory()
    evidence: dict[str, tuple[str, ...]] = {}
    for namespace in state.get("namespaces") or [""]:
        # One pass over a namespace is one look: it is bounded by itself.
        if not now.may(f"namespace {namespace}" if namespace else "nodes"):
            continue
        part = await asyncio.to_thread(read_inventory, box.cluster, namespace)
        stored = await now.store(_looks(part, now.key))
        for query, item in zip(_shown(part), stored, strict=True):
            evidence[f"{query.kind}/{query.namespace}" if query.namespace else query.kind] = (item.id,)
        merged = _merged(merged, part)
    found = await asyncio.to_thread(incidents.incident, box.ledger, state["incident"])
    if found is not None:
        now.left_out += [*places_left_out(found), *claimed_elsewhere(found)]
    signals = await _signals(now, found.firing if found else ())
    rates = await _traffic(now, state.get("namespaces") or [])
    seen = Snapshot(
        inventory=merged,
        taken_at=await asyncio.to_thread(box.ledger.now),
        evidence=evidence,
        signals=signals,
        traffic=rates,
    )
    # What was decided by an earlier round of the same incident did not end it: then everything is read.
    once = found if state.get("round", 1) == 1 else None
    logs = await _logs(now, merged, await asyncio.to_thread(recalled, box.ledger, once, seen))
    snapshot = replace(seen, logs=logs, not_checked=tuple(now.left_out))
    box.snapshots[state["incident"]] = snapshot
    return snapshot


async def _signals(now: _Round, firing: tuple[Alert, ...]) -> tuple[Signal, ...]:
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
            Signal(alert=one.name, lines=lines, evidence=item.id)
            for one in about
            if (lines := lines_of(one, item.excerpt))
        ]
    return tuple(signals)


async def _traffic(now: _Round, namespaces: list[str]) -> dict[tuple[str, str], float]:
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
    return found


def _questions(now: _Round, alerts: list[Alert], at: datetime) -> list[tuple[Question, list[Alert]]]:
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


def _shown(part: Inventory) -> list[Query]:
    return [query for query in part.queries if not query.ok or query.count]


def _looks(part: Inventory, key: str) -> list[Look]:
    return [_look(part, query, key) for query in _shown(part)]


def _look(part: Inventory, query: Query, key: str) -> Look:
    text = query.problem or _text(part.objects(query.kind), query.kind)
    short = text[:EXCERPT]
    return Look(
        key=f"{key}:{query.path}",
        tool="kubernetes.list",
        query=f"GET {query.path}",
        ok=query.ok,
        excerpt=redact(short),
        notes=(f"{query.count} objects", *(("truncated",) if len(short) < len(text) else ())),
    )


def _text(objects: tuple[JsonObject, ...], kind: str) -> str:
    if kind in QUIET_KINDS:
        return "\n".join(f"{kind} {obj['metadata']['name']}" for obj in objects)
    # Sick pods first: an excerpt that has to be cut keeps what matters.
    ordered = sorted(objects, key=lambda obj: kind == "Pod" and _healthy(obj))
    return "\n".join(line for obj in ordered for line in lines(obj))


def _merged(one: Inventory, other: Inventory) -> Inventory:
    by_kind = {kind: _once(one, other, kind) for kind in {*one.by_kind, *other.by_kind}}
    return Inventory(by_kind=by_kind, queries=(*one.queries, *other.queries))


def _once(one: Inventory, other: Inventory, kind: str) -> tuple[JsonObject, ...]:
    # Cluster-scoped kinds are read with every namespace: each object is kept once.
    found = {obj["metadata"]["uid"]: obj for obj in (*one.objects(kind), *other.objects(kind))}
    return tuple(found.values())


def _healthy(pod: JsonObject) -> bool:
    return all(item.get("ready") and not item.get("restartCount") for item in statuses(pod))


async def _logs(now: _Round, inventory: Inventory, recall: Recall) -> dict[LogKey, LogTail]:
    wanted = recall.first(ended(inventory))
    found: dict[LogKey, LogTail] = {}
    for name in wanted[:MOST_LOGS]:
        if await asyncio.to_thread(recall.enough, found):
            left = len(wanted) - len(found)
            now.left_out.append(f"the logs of {left} containers that ended: not read, {recall.why}")
            return found
        if now.may(f"the logs of {'/'.join(name)}"):
            found[name] = await _tail(now, name)
    if (more := len(wanted) - MOST_LOGS) > 0:
        now.left_out.append(f"the logs of {more} more containers that ended: not read")
    return found


async def _tail(now: _Round, name: LogKey) -> LogTail:
    texts: list[LogText] = [
        await asyncio.to_thread(read_log, now.box.cluster, name[:2], name[2], previous=previous)
        for previous in (False, True)
    ]
    looks = [
        Look(
            key=f"{now.key}:{text.path}",
            tool="kubernetes.log",
            query=f"GET {text.path}",
            ok=text.ok,
            excerpt=redact(text.text[-EXCERPT:]),
        )
        for text in texts
    ]
    stored = await now.store(looks)
    if not any(text.ok for text in texts):
        now.left_out.append(f"the logs of {'/'.join(name)}: {redact(texts[0].text)}")
    # What is analysed is what was stored: a quote can always be found in its evidence.
    current, previous = (item.excerpt if item.ok else "" for item in stored)
    ids = tuple(item.id for item in stored if item.ok)
    return LogTail(current=current, previous=previous, evidence=ids)
