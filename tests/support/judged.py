"""What an analyzer says of a handful of objects that are all there is."""

from __future__ import annotations

from datetime import timedelta

from agents.incident import Finding
from agents.investigator.analyzers.snapshot import Analyzer, Snapshot
from tests.support.kube_objects import Json, meta
from tests.support.world_cluster import START
from tools.kubernetes.inventory import Inventory, Query


def judged(analyzer: Analyzer, *objects: Json) -> list[Finding]:
    """The findings of one analyzer over these objects, which are all that the cluster has."""
    inventory = Inventory.of_list({"kind": "List", "items": list(objects)})
    return list(analyzer(Snapshot(inventory=inventory, taken_at=START + timedelta(minutes=10))))


def said(analyzer: Analyzer, *objects: Json) -> list[tuple[str, str]]:
    """Code and object of each finding, as ``(code, "Kind namespace/name")``."""
    return [(finding.code, str(finding.object)) for finding in judged(analyzer, *objects)]


def unsure(analyzer: Analyzer, *objects: Json, unread: str) -> list[str]:
    """The codes that are found when the read of kind ``unread`` failed."""
    by_kind: dict[str, list[Json]] = {}
    for one in objects:
        by_kind.setdefault(one["kind"], []).append(one)
    failed = Query(kind=unread, namespace="", path="/", count=0, ok=False, problem="403")
    inventory = Inventory(
        by_kind={kind: tuple(found) for kind, found in by_kind.items()}, queries=(failed,), whole=True
    )
    return [finding.code for finding in analyzer(Snapshot(inventory=inventory, taken_at=START))]


def thing(kind: str, name: str, spec: Json | None = None, **more: object) -> Json:
    """Any object with a spec; ``status`` and other top fields by keyword; ``namespace`` ("" for none) too."""
    namespace = more.pop("namespace", "shop")
    about = meta(kind, name, namespace=namespace, **(more.pop("metadata", None) or {}))  # type: ignore[arg-type]
    if not namespace:
        del about["namespace"]
    return {"kind": kind, "metadata": about, **({} if spec is None else {"spec": spec}), **more}
