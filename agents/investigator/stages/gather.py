"""Gather: one bounded look at each namespace, the logs of what is sick, the alert's own signal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from langgraph.runtime import Runtime

from agents.incident import Alert, Evidence
from agents.investigator.analyzers.snapshot import LogKey, LogTail, Snapshot
from agents.investigator.changes import HOURS, changes
from agents.investigator.purse import Purse
from agents.investigator.recall import Recall, recalled
from agents.investigator.stages import gather_series
from agents.investigator.stages.rounds import Round, purse_of
from agents.investigator.stages.triage import places_left_out
from agents.investigator.state import State
from agents.investigator.targets import claimed_elsewhere, targets
from agents.investigator.toolbox import Toolbox
from agents.investigator.which_logs import WantedLog, statuses, which_logs
from agents.investigator.which_places import answering
from agents.ledger import incidents
from agents.ledger.investigations import LOG, Look
from tools.kubernetes.inventory import Inventory, Query, lines
from tools.kubernetes.log_lines import safe_log
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.reading import LogText, read_inventory, read_log
from tools.redaction import redact

EXCERPT = 96_000
MOST_LOGS = 6
MOST_CHANGES = 500
QUIET_KINDS = frozenset({"Secret", "ConfigMap", "Namespace"})


async def gather(state: State, runtime: Runtime[Toolbox]) -> State:
    """Look once and store what was seen."""
    purse = purse_of(state, runtime.context)
    await look(state, runtime.context, purse)
    return {"spent": purse.spent}


async def look(state: State, box: Toolbox, purse: Purse) -> Snapshot:
    """The snapshot of this round: read now, stored as evidence, kept for the stages that follow."""
    now = Round(box=box, key=f"round-{state.get('round', 1)}", purse=purse)
    places = state.get("namespaces") or [""]
    merged, evidence = await _places(now, places, Inventory())
    if further := answering(merged, places):
        merged, more = await _places(now, further, merged)
        evidence |= more
    found = await asyncio.to_thread(incidents.incident, box.ledger, state["incident"])
    if found is not None:
        now.left_out += [*places_left_out(found, state.get("namespaces") or []), *claimed_elsewhere(found)]
    firing = found.firing if found else ()
    signals = await gather_series.signals_of(now, firing)
    rates = await gather_series.traffic_of(now, state.get("namespaces") or [])
    seen = Snapshot(
        inventory=merged,
        taken_at=await asyncio.to_thread(box.ledger.now),
        evidence=evidence,
        signals=signals,
        traffic=rates,
        began=min((alert.starts_at for alert in firing), default=None),
        live=True,
    )
    # What was decided by an earlier round of the same incident did not end it: then everything is read.
    once = found if state.get("round", 1) == 1 else None
    recall = await asyncio.to_thread(recalled, box.ledger, once, seen, box.extras)
    asking = gather_series.asking(now, seen, firing)
    # Logs come from the API server and series from Prometheus: neither waits for the other.
    logs, answers = await asyncio.gather(_logs(now, firing, recall), gather_series.answers(now, seen, asking))
    measured = await gather_series.measured(now, asking, answers)
    snapshot = replace(seen, logs=logs, measured=measured, not_checked=tuple(now.left_out))
    snapshot = await _with_changes(now, snapshot)
    box.snapshots[state["incident"]] = snapshot
    return snapshot


async def _places(
    now: Round, places: Iterable[str], merged: Inventory
) -> tuple[Inventory, dict[str, tuple[str, ...]]]:
    """What was read with these namespaces added to it, and the evidence that it was stored as."""
    evidence: dict[str, tuple[str, ...]] = {}
    for namespace in places:
        # One pass over a namespace is one look: it is bounded by itself.
        if not now.may(f"namespace {namespace}" if namespace else "nodes"):
            continue
        part = await asyncio.to_thread(read_inventory, now.box.cluster, namespace)
        # In a thread: hiding what is secret takes longer than a click may wait for its answer.
        stored = await now.store(await asyncio.to_thread(_looks, part, now.key))
        evidence |= cited(part, stored)
        merged = _merged(merged, part)
    return merged, evidence


def cited(part: Inventory, stored: Sequence[Evidence]) -> dict[str, tuple[str, ...]]:
    """By kind and place the evidence that a finding may cite.

    A read that failed is kept as well, but nothing can be told from it: a claim that cited it would fall.
    """
    pairs = zip(_shown(part), stored, strict=True)
    return {
        f"{query.kind}/{query.namespace}" if query.namespace else query.kind: (item.id,)
        for query, item in pairs
        if query.ok
    }


async def _with_changes(now: Round, snapshot: Snapshot) -> Snapshot:
    """The snapshot with what was changed before the alerts as evidence: read from it, so it costs no look."""
    found = await asyncio.to_thread(changes, snapshot, snapshot.began) if snapshot.began else ()
    if not found:
        return snapshot
    told = Look(
        key=f"{now.key}:changes",
        tool="kubernetes.changes",
        query=f"writes and rollouts in the {HOURS} hours before {snapshot.began:%Y-%m-%d %H:%M:%S} UTC",
        excerpt=redact("\n".join(str(one) for one in found[:MOST_CHANGES])),
        notes=(f"{len(found)} changes", *(("truncated",) if len(found) > MOST_CHANGES else ())),
    )
    (item,) = await now.store([told])
    return replace(snapshot, evidence={**snapshot.evidence, "Change": (item.id,)})


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


async def _logs(now: Round, alerts: tuple[Alert, ...], recall: Recall) -> dict[LogKey, LogTail]:
    inventory = recall.seen.inventory
    by_key = {log.key: log for log in which_logs(inventory, targets(alerts, inventory).holds)}
    wanted = [by_key[key] for key in recall.first(by_key)]
    found: dict[LogKey, LogTail] = {}
    for log in wanted[:MOST_LOGS]:
        if await asyncio.to_thread(recall.enough, found):
            now.left_out.append(f"the logs of {len(wanted) - len(found)} containers: not read, {recall.why}")
            return found
        if now.may(f"the logs of {log.words}"):
            found[log.key] = await _tail(now, log)
    if (more := len(wanted) - MOST_LOGS) > 0:
        now.left_out.append(f"the logs of {more} more containers: not read")
    return found


async def _tail(now: Round, log: WantedLog) -> LogTail:
    texts: list[LogText] = [
        await asyncio.to_thread(read_log, now.box.cluster, log.key[:2], log.key[2], previous=previous)
        for previous in log.runs
    ]
    looks = [
        Look(
            key=f"{now.key}:{text.path}",
            tool=LOG,
            query=f"GET {text.path}",
            ok=text.ok,
            excerpt=safe_log(text.text, EXCERPT) if text.ok else redact(text.text),
        )
        for text in texts
    ]
    stored = await now.store(looks)
    if not any(text.ok for text in texts):
        now.left_out.append(f"the logs of {log.words}: {redact(texts[0].text)}")
    # What is analysed is what was stored: a quote can always be found in its evidence.
    told = dict(zip(log.runs, (item.excerpt if item.ok else "" for item in stored), strict=True))
    ids = tuple(item.id for item in stored if item.ok)
    return LogTail.stamped(told[False], told.get(True, ""), ids)
