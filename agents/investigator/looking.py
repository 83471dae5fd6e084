"""One look without an incident: a cluster as its reader sees it, or a file that somebody saved.

What was read is numbered as evidence is in an incident, but kept nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import yaml

from agents.investigator.analyzers.fields import namespace_of
from agents.investigator.analyzers.snapshot import LogKey, LogTail, Snapshot
from agents.investigator.which_logs import which_logs
from tools.kubernetes.client import Connection
from tools.kubernetes.inventory import Inventory
from tools.kubernetes.log_lines import safe_log
from tools.kubernetes.logs import LOG_BYTES
from tools.kubernetes.objects import JsonObject, ref_of
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

    A kind that the file does not hold was not asked for: ``kubectl get all`` leaves out ConfigMaps, Secrets
    and classes, and nothing is missing because of that.
    """
    told = (obj for said in _documents(content, name) for obj in _objects(said, name))
    # Two questions in one file, as of `all` and of `pods`, may have the same answer.
    objects = list({ref_of(obj).key: obj for obj in told}.values())
    if not objects:
        # What kubectl writes of a namespace that was mistyped, or when it fails: no sign of health.
        raise NoSnapshot(f"{name} holds no objects")
    here = [obj for obj in objects if obj["metadata"].get("namespace") in (None, "", namespace or None)]
    if namespace and not any(obj["metadata"].get("namespace") == namespace for obj in objects):
        raise NoSnapshot(f"{name} holds nothing of namespace {namespace}")
    inventory = Inventory.of_list({"items": here if namespace else objects})
    snapshot = Snapshot(
        inventory=inventory,
        taken_at=datetime.now(UTC),
        evidence=dict.fromkeys(_asked_for(inventory), ("E1",)),
        not_checked=("logs, metrics and kinds that are not in the file",),
    )
    return Looked(snapshot=snapshot, queries={"E1": name}, kinds=frozenset(inventory.by_kind))


def _asked_for(inventory: Inventory) -> Iterator[str]:
    """What the file can tell of: its kinds; in a file about one namespace only what is there or in none."""
    objects = (obj for found in inventory.by_kind.values() for obj in found)
    places = {namespace_of(obj) for obj in objects} - {""}
    if len(places) > 1:
        yield from inventory.by_kind
    else:
        yield from (f"{kind}/{place}" for kind in inventory.by_kind for place in ("", *places))


def _documents(content: bytes, name: str) -> list[object]:
    try:
        if content.lstrip().startswith((b"{", b"[")):
            return [orjson.loads(content)]
        return [said for said in yaml.load_all(content, yaml.CSafeLoader) if said is not None]
    except (orjson.JSONDecodeError, yaml.YAMLError, UnicodeDecodeError) as problem:
        first = str(problem).splitlines()[0]
        raise NoSnapshot(f"{name} is neither JSON nor YAML: {first}") from problem


def _objects(said: object, name: str) -> Iterator[JsonObject]:
    """The objects in one document, of lists within lists too; those of a PodList do not say what they are."""
    kind = str(said.get("kind") or "").removesuffix("List") if isinstance(said, dict) else ""
    listed = said.get("items", ()) if isinstance(said, dict) and ("items" in said or not kind) else [said]
    for number, obj in enumerate(listed or ()):
        whole = {"kind": kind, **obj} if isinstance(obj, dict) else {}
        if isinstance(whole.get("items"), list):
            yield from _objects(whole, name)
            continue
        meta = whole.get("metadata")
        if not whole.get("kind") or not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
            raise NoSnapshot(f"{name}: item {number} is no Kubernetes object with a kind and a name")
        yield whole
