"""The recorded test inputs of k8sgpt: the same objects are flagged for the same facts, the silent stay so.

The file holds objects and facts only (names, numbers, reasons and messages that stand in the objects); the
wording is ours. A case is about the objects of its kinds in its namespace with its labels, as a user would
ask for them. That we see more in an object that is flagged anyway is no difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.fields import container_statuses, items, labels_of, name_of, namespace_of
from agents.investigator.analyzers.registry import analyze
from agents.investigator.analyzers.snapshot import ERROR_LINES, LogKey, LogTail, Snapshot
from tools.kubernetes.inventory import Inventory

Json = dict[str, Any]
FILE = Path(__file__).parent.parent / "fixtures" / "conformance" / "cases.json"
CASES: list[Json] = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
NOW = datetime(2026, 8, 19, tzinfo=UTC)
KINDS = {
    "Log": ("Pod",),
    # Theirs looks at the Endpoints of a name, ours at the Service first.
    "Service": ("Service", "Endpoints"),
    "Security": ("Pod", "ServiceAccount", "RoleBinding"),
    "Storage": ("StorageClass", "PersistentVolume", "PersistentVolumeClaim"),
}
"""The kinds that an analyzer of theirs flags, where it is not the one it is named after."""

ASPECTS = {"PersistentVolumeClaim": ("pvc.provisioning_failed", "pvc.binding_failed")}
"""What an analyzer of theirs asks of a kind, where another of theirs (Storage) asks the rest of it."""

CLUSTER_WIDE = ("GatewayClass", "Node", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
"""Kinds without a namespace, to which their test objects give one all the same; no API server would."""

# Families of ours that are here already; a case of another one is not asked yet.
HERE: frozenset[str] = frozenset(
    (
        "ConfigMap",
        "CronJob",
        "DaemonSet",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Job",
        "Log",
        "Pod",
        "PodDisruptionBudget",
        "ReplicaSet",
        "StatefulSet",
        # What they are served by and run on.
        "Gateway",
        "GatewayClass",
        "HTTPRoute",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Storage",
        "Node",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "Security",
        "CatalogSource",
        "ClusterCatalog",
        "ClusterExtension",
        "ClusterServiceVersion",
        "InstallPlan",
        "OperatorGroup",
        "Subscription",
        "Ingress",
        "Service",
    )
)
ASKED = [case for case in CASES if case["analyzer"] in HERE]


def expanded(value: Any) -> Any:
    """The objects with their long texts written out."""
    if isinstance(value, dict):
        if "$repeat" in value:
            return value["$repeat"]["char"] * value["$repeat"]["count"]
        return {key: expanded(inner) for key, inner in value.items()}
    return [expanded(inner) for inner in value] if isinstance(value, list) else value


def seen(case: Json) -> list[Finding]:
    """What is found of the kinds that the case is about, where and with the labels that it asks for."""
    objects = expanded(case["objects"])
    for one in objects:
        if one["kind"] in CLUSTER_WIDE:
            one["metadata"].pop("namespace", None)
    inventory = Inventory.of_list({"kind": "List", "items": objects})
    pattern = re.compile(case["pattern"]) if case.get("pattern") else ERROR_LINES
    snapshot = Snapshot(inventory=inventory, taken_at=NOW, logs=logs_of(case, inventory), error_lines=pattern)
    kinds = KINDS.get(case["analyzer"], (case["analyzer"],))
    wanted = dict(pair.split("=") for pair in case["selector"].split(",") if pair)
    return [
        finding
        for finding in analyze(snapshot)
        if finding.object.kind in kinds
        and finding.code in ASPECTS.get(case["analyzer"], (finding.code,))
        and finding.object.namespace in ("", case["namespace"] or finding.object.namespace)
        and wanted.items() <= labels_of(inventory.find(finding.object) or {}).items()
    ]


def logs_of(case: Json, inventory: Inventory) -> dict[LogKey, LogTail]:
    """Their pretend API server says the same for each container, and again for the run before a restart."""
    said = (case.get("logs") or {}).get("*", "")
    return {
        (namespace_of(pod), name_of(pod), container["name"]): LogTail(
            current="" if container["name"] in restarted(pod) else said, previous=said
        )
        for pod in inventory.objects("Pod")
        for container in items(pod, "spec", "containers")
        if said
    }


def restarted(pod: Json) -> set[str]:
    """The containers that ran before: what matters of them is what they said before their restart."""
    return {status["name"] for _, status in container_statuses(pod) if status.get("restartCount")}


def names(finding: Finding) -> set[str]:
    """The names under which the file may know what was found: the object, or a part of it."""
    ref = finding.object
    whole = f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name
    container, webhook = finding.fields.get("container"), finding.fields.get("webhook")
    # Several OperatorGroups are known there by their namespace.
    place = {ref.namespace} if ref.kind == "OperatorGroup" else set()
    # A webhook is known there by its own name.
    return (
        {whole}
        | ({f"{whole}/{container}"} if container else set())
        | ({webhook} if webhook else set())
        | place
    )


@pytest.mark.parametrize("case", ASKED, ids=[case["id"] for case in ASKED])
def test_the_same_objects_are_flagged_for_the_same_facts(case: Json) -> None:
    found = seen(case)
    cluster_wide = case["analyzer"] in CLUSTER_WIDE
    flagged = {
        one["name"].rpartition("/")[2] if cluster_wide else one["name"]: one["facts"]
        for one in case["flagged"]
    }
    strangers = [str(finding.object) for finding in found if not names(finding) & set(flagged)]
    assert not strangers
    for name, facts in flagged.items():
        said = " ".join(
            f"{one.message} {json.dumps(one.fields, ensure_ascii=False)}"
            for one in found
            if name in names(one)
        )
        assert said, f"nothing is said of {name}"
        assert [fact for fact in facts if fact not in said and json.dumps(fact)[1:-1] not in said] == []


def parts(value: Any, *place: Any) -> Iterator[tuple[Any, ...]]:
    """Where each part of an object stands, but for what makes it one: its kind and its name."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        if (*place, key) not in (("kind",), ("metadata",), ("metadata", "name")):
            yield (*place, key)
        yield from parts(part, *place, key)


@pytest.mark.parametrize("start", range(4))
def test_an_object_that_lacks_a_part_breaks_no_analyzer(start: int) -> None:
    # One that raises would take the whole diagnosis with it.
    places = [
        (case, at, place)
        for case in CASES
        for at, one in enumerate(expanded(case["objects"]))
        for place in parts(one)
    ]
    for case, at, (*way, last) in places[start::4]:
        lacking = expanded(case["objects"])
        part = reduce(getitem, way, lacking[at])
        del part[last]
        inventory = Inventory.of_list({"kind": "List", "items": lacking})
        assert analyze(Snapshot(inventory=inventory, taken_at=NOW)) is not None


def test_every_case_is_known() -> None:
    assert len(CASES) == 157
    assert sum(case["silent"] for case in CASES) == 39
