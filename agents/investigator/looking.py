"""One look without an incident: a cluster as its reader sees it, or a file that somebody saved.

What was read is numbered as evidence is in an incident, but kept nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import yaml

from agents.investigator.analyzers.snapshot import LogKey, LogTail, Snapshot
from agents.investigator.which_logs import which_logs
from tools.kubernetes.client import Connection
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.log_lines import safe_log
from tools.kubernetes.logs import LOG_BYTES
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.reading import Depth, read_everything, read_inventory, read_log

MOST_LOGS = 20


class NoSnapshot(ValueError):
    """The file holds no Kubernetes objects."""

    retryable = False


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What was seen, what each evidence number stands for, of which kinds, and why nothing was seen if so."""

    snapshot: Snapshot
    queries: dict[str, str]
    kinds: frozenset[str]
    blind: str = ""


def at_cluster(cluster: Connection, namespace: str, say: Callable[[str], object] = lambda _: None) -> Looked:
    """A look at one namespace, or at all of them when it is empty. ``say`` hears what is being read."""
    say(f"reading {namespace or 'all namespaces'}")
    inventory = read_inventory(cluster, namespace, Depth.WHOLE) if namespace else read_everything(cluster)
    ids = {query.path: f"E{n}" for n, query in enumerate(inventory.queries, start=1)}
    evidence = {
        f"{query.kind}/{query.namespace}" if query.namespace else query.kind: (ids[query.path],)
        for query in inventory.queries
        if query.ok
    }
    logs, more = _logs(cluster, inventory, len(ids), say)
    snapshot = Snapshot(
        inventory=inventory,
        taken_at=datetime.now(UTC),
        evidence=evidence,
        logs=logs,
        live=True,
        not_checked=("metrics: this is a look at the cluster alone",),
    )
    asked = {number: f"GET {path}" for path, number in ids.items()}
    blind = "" if evidence else "; ".join(inventory.not_checked[:1])
    # Empty lists come from a namespace that was mistyped as well.
    if namespace and inventory.looked_at("Namespace", "") and not snapshot.find("Namespace", "", namespace):
        blind = f"there is no namespace {namespace}"
    kinds = frozenset(query.kind for query in inventory.queries if query.ok)
    return Looked(snapshot=snapshot, queries=asked | more, kinds=kinds, blind=blind)


def _logs(
    cluster: Connection, inventory: Inventory, first: int, say: Callable[[str], object]
) -> tuple[dict[LogKey, LogTail], dict[str, str]]:
    found: dict[LogKey, LogTail] = {}
    queries: dict[str, str] = {}
    for log in which_logs(inventory)[:MOST_LOGS]:
        say(f"reading the log of {log.words}")
        told, ids = {False: "", True: ""}, []
        for previous in log.runs:
            text = read_log(cluster, log.key[:2], log.key[2], previous=previous)
            if text.ok:
                told[previous] = safe_log(text.text, LOG_BYTES)
                ids.append(f"E{first + len(queries) + 1}")
                queries[ids[-1]] = f"GET {text.path}"
        found[log.key] = LogTail.stamped(told[False], told[True], tuple(ids))
    return found, queries


def in_file(content: bytes, name: str, namespace: str = "") -> Looked:
    """A look at what ``kubectl get … -o json`` or ``-o yaml`` wrote: a List, one object, or several
    documents. With ``namespace`` only what is in it or in none. Raises NoSnapshot.
    """
    objects = [obj for said in _documents(content, name) for obj in _objects(said, name)]
    here = [obj for obj in objects if obj["metadata"].get("namespace") in (None, "", namespace or None)]
    if namespace and not any(obj["metadata"].get("namespace") == namespace for obj in objects):
        raise NoSnapshot(f"{name} holds nothing of namespace {namespace}")
    inventory = Inventory.of_list({"kind": "List", "items": here if namespace else objects})
    evidence = dict.fromkeys(inventory.by_kind, ("E1",))
    snapshot = Snapshot(
        inventory=inventory,
        taken_at=datetime.now(UTC),
        evidence=evidence,
        not_checked=("logs and metrics: a file holds none",),
    )
    return Looked(snapshot=snapshot, queries={"E1": name}, kinds=frozenset(inventory.by_kind))


def _documents(content: bytes, name: str) -> list[object]:
    try:
        if content.lstrip().startswith((b"{", b"[")):
            return [orjson.loads(content)]
        return [said for said in yaml.load_all(content, yaml.CSafeLoader) if said is not None]
    except (orjson.JSONDecodeError, yaml.YAMLError, UnicodeDecodeError) as problem:
        first = str(problem).splitlines()[0]
        raise NoSnapshot(f"{name} is neither JSON nor YAML: {first}") from problem


def _objects(said: object, name: str) -> list[JsonObject]:
    """The objects in one document; those of a PodList do not say themselves what they are."""
    listed = said.get("items") if isinstance(said, dict) else None
    kind = str(said.get("kind") or "").removesuffix("List") if isinstance(said, dict) else ""
    found = listed if isinstance(listed, list) else [said]
    named = [{"kind": kind, **obj} if isinstance(obj, dict) else {} for obj in found]
    for number, obj in enumerate(named):
        meta = obj.get("metadata")
        if not obj.get("kind") or not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
            raise NoSnapshot(f"{name}: item {number} is no Kubernetes object with a kind and a name")
    return named
