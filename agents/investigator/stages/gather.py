"""Gather: one bounded look at each namespace, the logs of what is sick, the alert's own signal."""

from __future__ import annotations

import asyncio

from langgraph.runtime import Runtime

from agents.incident import Evidence
from agents.investigator.analyzers.snapshot import LogKey, LogTail, Snapshot
from agents.investigator.state import State
from agents.investigator.toolbox import Toolbox
from agents.ledger import investigations
from agents.ledger.investigations import Look
from tools.kubernetes.inventory import Inventory, Query, lines
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.reading import LogText, read_inventory, read_log
from tools.redaction import redact

EXCERPT = 96_000
MOST_LOGS = 6
QUIET_KINDS = frozenset({"Secret", "ConfigMap", "Namespace"})


async def gather(state: State, runtime: Runtime[Toolbox]) -> State:
    """Look once and store what was seen."""
    await look(state, runtime.context)
    return {}


async def look(state: State, box: Toolbox) -> Snapshot:
    """The snapshot of this round: read now, stored as evidence, kept for the stages that follow."""
    key = f"round-{state.get('round', 1)}"
    merged = Inventory()
    evidence: dict[str, tuple[str, ...]] = {}
    for namespace in state.get("namespaces") or [""]:
        part = await asyncio.to_thread(read_inventory, box.cluster, namespace)
        stored = await box.write(investigations.store_evidence, _looks(part, key))
        for query, item in zip(_shown(part), stored, strict=True):
            evidence[f"{query.kind}/{query.namespace}" if query.namespace else query.kind] = (item.id,)
        merged = _merged(merged, part)
    logs = await _logs(box, merged, key)
    snapshot = Snapshot(
        inventory=merged, taken_at=await asyncio.to_thread(box.ledger.now), logs=logs, evidence=evidence
    )
    box.snapshots[state["incident"]] = snapshot
    return snapshot


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


def _statuses(pod: JsonObject) -> list[JsonObject]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _healthy(pod: JsonObject) -> bool:
    return all(item.get("ready") and not item.get("restartCount") for item in _statuses(pod))


async def _logs(box: Toolbox, inventory: Inventory, key: str) -> dict[LogKey, LogTail]:
    wanted = [
        (pod["metadata"]["namespace"], pod["metadata"]["name"], item["name"])
        for pod in inventory.objects("Pod")
        for item in _statuses(pod)
        if item.get("restartCount") or "terminated" in (item.get("state") or {})
    ]
    return {name: await _tail(box, name, key) for name in wanted[:MOST_LOGS]}


async def _tail(box: Toolbox, name: LogKey, key: str) -> LogTail:
    texts: list[LogText] = [
        await asyncio.to_thread(read_log, box.cluster, name[:2], name[2], previous=previous)
        for previous in (False, True)
    ]
    looks = [
        Look(
            key=f"{key}:{text.path}",
            tool="kubernetes.log",
            query=f"GET {text.path}",
            ok=text.ok,
            excerpt=redact(text.text[-EXCERPT:]),
        )
        for text in texts
    ]
    stored: list[Evidence] = await box.write(investigations.store_evidence, looks)
    # What is analysed is what was stored: a quote can always be found in its evidence.
    current, previous = (item.excerpt if item.ok else "" for item in stored)
    ids = tuple(item.id for item in stored if item.ok)
    return LogTail(current=current, previous=previous, evidence=ids)
