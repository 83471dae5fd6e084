"""Disruption budgets that let nobody drain a node, or protect nobody.

Source: PodDisruptionBudget (policy/v1); the eviction API refuses a pod that has two budgets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import (
    WORKLOAD_KINDS,
    condition,
    count_of,
    dig,
    is_finished,
    labels_of,
    moment,
    name_of,
    namespace_of,
    quotable,
    selected_by,
    selector_text,
)
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

_STATUS = "status.disruptionsAllowed, status.currentHealthy, status.desiredHealthy, status.expectedPods"


class PdbCode(Coded):
    """What a disruption budget can suffer from."""

    BLOCKS_ALL = (
        "pdb.blocks_all",
        "A disruption budget allows no eviction though all its pods are healthy: no node can be drained.",
        f"{_STATUS}, spec.minAvailable, spec.maxUnavailable",
    )
    NO_ROOM = (
        "pdb.no_room",
        "A disruption budget allows no eviction for now, because too few of its pods are healthy.",
        _STATUS,
    )
    SYNC_FAILED = (
        "pdb.sync_failed",
        "The controller cannot work a disruption budget out, so no eviction is allowed.",
        "the condition DisruptionAllowed (reason SyncFailed)",
    )
    MATCHES_NOTHING = (
        "pdb.matches_nothing",
        "A disruption budget selects no pod and no workload: it protects nothing.",
        "spec.selector, pod labels, the labels of pod templates",
    )
    OVERLAPS = (
        "pdb.overlaps",
        "A pod has two disruption budgets; the eviction API refuses such a pod always.",
        "spec.selector of the budgets, pod labels",
    )


def budgets(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for disruption budgets; one that leaves room, and one of a parked workload, are silent."""
    chosen = {name: _pods(snapshot, pdb) for name, pdb in _named(snapshot)}
    by_pod: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (namespace, name), pods in chosen.items():
        for pod in pods:
            by_pod[namespace, pod].append(name)
    for (namespace, name), pdb in _named(snapshot):
        others = {
            other for pod in chosen[namespace, name] for other in by_pod[namespace, pod] if other != name
        }
        for said in (_blocked(pdb), _nothing(snapshot, pdb, chosen[namespace, name]), _overlap(others)):
            if said is not None:
                yield said.of(snapshot, pdb)


def _named(snapshot: Snapshot) -> Iterator[tuple[tuple[str, str], JsonObject]]:
    for pdb in snapshot.objects("PodDisruptionBudget"):
        yield (namespace_of(pdb), name_of(pdb)), pdb


def _pods(snapshot: Snapshot, pdb: JsonObject) -> tuple[str, ...]:
    selector = dig(pdb, "spec", "selector")
    if selector is None:
        return ()
    equal = selector.get("matchLabels") or {}
    if equal:
        alive = snapshot.living(namespace_of(pdb), equal)
    else:
        alive = tuple(pod for pod in snapshot.pods_in(namespace_of(pdb)) if not is_finished(pod))
    if not selector.get("matchExpressions"):
        return tuple(map(name_of, alive))
    return tuple(name_of(pod) for pod in alive if selected_by(selector, labels_of(pod)))


def _blocked(pdb: JsonObject) -> Said | None:
    told = condition(pdb, "DisruptionAllowed")
    expected = count_of(pdb, "status", "expectedPods")
    healthy, needed = count_of(pdb, "status", "currentHealthy"), count_of(pdb, "status", "desiredHealthy")
    failed = told.get("reason") == "SyncFailed"
    if count_of(pdb, "status", "disruptionsAllowed") or not (expected or failed):
        return None
    every = healthy >= expected
    words = {
        PdbCode.SYNC_FAILED: f"the controller cannot work it out ({quotable(told.get('message') or '')})",
        PdbCode.BLOCKS_ALL: f"it wants {needed} of {expected} pods, and all are healthy",
        PdbCode.NO_ROOM: f"{healthy} of {expected} pods are healthy and it wants {needed}",
    }
    code = PdbCode.SYNC_FAILED if failed else PdbCode.BLOCKS_ALL if every else PdbCode.NO_ROOM
    return Said(
        code=code,
        # Too few healthy pods have a cause of their own; the budget then does what it is there for.
        severity=Severity.INFO if code is PdbCode.NO_ROOM else Severity.WARNING,
        message=f"The budget allows no eviction: {words[code]}.",
        fields={
            "healthy": healthy,
            "needed": needed,
            "expected": expected,
            "min_available": dig(pdb, "spec", "minAvailable"),
            "max_unavailable": dig(pdb, "spec", "maxUnavailable"),
            "reason": told.get("reason"),
        },
        since=moment(told.get("lastTransitionTime")),
    )


def _nothing(snapshot: Snapshot, pdb: JsonObject, pods: tuple[str, ...]) -> Said | None:
    selector = dig(pdb, "spec", "selector") or {}
    namespace = namespace_of(pdb)
    # An empty selector means the whole namespace: with no pods there, nothing is unprotected.
    if pods or not selector or not snapshot.looked_at(namespace, "Pod"):
        return None
    if any(selected_by(selector, labels) for labels in snapshot.template_labels_in(namespace)):
        return None
    told = condition(pdb, "DisruptionAllowed")
    return Said(
        code=PdbCode.MATCHES_NOTHING,
        severity=Severity.INFO,
        message=f"pdb/{name_of(pdb)} protects nothing: no pod and no workload has "
        f"{quotable(selector_text(selector))}.",
        fields={"selector": selector_text(selector), "reason": told.get("reason")},
        reads=("Pod", *WORKLOAD_KINDS),
    )


def _overlap(others: set[str]) -> Said | None:
    if not others:
        return None
    return Said(
        code=PdbCode.OVERLAPS,
        message=f"Pods of this budget have another one too ({', '.join(sorted(others))}), so they cannot be "
        "evicted at all.",
        fields={"budgets": sorted(others)},
        reads=("Pod",),
    )
