"""Which reads a finding may cite: those that told something, be it that there is nothing."""

from __future__ import annotations

from agents.investigator.stages.gather import cited
from tests.support.kube_objects import service
from tests.support.scenes import evidence
from tools.kubernetes.inventory import Inventory, Query


def asked(kind: str, namespace: str = "shop", count: int = 1, *, ok: bool = True) -> Query:
    return Query(kind=kind, namespace=namespace, path=f"/{kind}", count=count, ok=ok)


def test_a_read_that_was_refused_is_kept_and_cited_by_nobody() -> None:
    queries = (asked("Service"), asked("Secret", count=0, ok=False), asked("Node", ""))
    part = Inventory(by_kind={"Service": (service(),)}, queries=queries)
    stored = [evidence(number, query.path, "text") for number, query in enumerate(queries, 1)]
    assert cited(part, stored) == {"Service/shop": ("E1",), "Node": ("E3",)}
