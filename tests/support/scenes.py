"""One incident without sockets: a scenario of the pretend cluster, looked at as the investigator would.

The objects come from the pretend cluster's controllers and kubelet; reader, analyzers and reasoning are ours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from agents.incident import Alert, Evidence
from agents.investigator.analyzers.registry import analyze
from agents.investigator.analyzers.snapshot import LogKey, LogTail, Snapshot
from agents.investigator.reasoning import Reasoned, reason
from agents.investigator.reasoning_case import Case
from agents.investigator.targets import targets
from evals.world.clock import VirtualClock
from evals.world.cluster import ClusterOptions, PretendCluster
from evals.world.kubernetes.kinds import KINDS
from evals.world.scenario import load
from tests.support.world_cluster import START
from tools.kubernetes.inventory import Inventory, cleaned, lines


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One look: the inventory, the alerts that fire, the log tails, and when."""

    inventory: Inventory
    alerts: tuple[Alert, ...]
    taken_at: datetime
    logs: dict[LogKey, str]

    @cached_property
    def evidence(self) -> dict[str, Evidence]:
        """One record per kind that was read and one per log, as the gather stage stores them."""
        texts = {
            kind: "\n".join(line for obj in objects for line in lines(obj))
            for kind, objects in self.inventory.by_kind.items()
        }
        named = [(f"GET {kind}", text) for kind, text in texts.items()]
        named += [(f"GET /{'/'.join(key)}/log", text) for key, text in self.logs.items()]
        return {f"E{number}": evidence(number, *one) for number, one in enumerate(named, 1)}

    @cached_property
    def snapshot(self) -> Snapshot:
        """What the analyzers see."""
        ids = {item.query: item.id for item in self.evidence.values()}
        return Snapshot(
            inventory=self.inventory,
            taken_at=self.taken_at,
            evidence={kind: (ids[f"GET {kind}"],) for kind in self.inventory.by_kind},
            logs={
                key: LogTail(current=text, previous=text, evidence=(ids[f"GET /{'/'.join(key)}/log"],))
                for key, text in self.logs.items()
            },
        )

    @cached_property
    def case(self) -> Case:
        """What reasoning starts from."""
        about = targets(self.alerts, self.inventory)
        return Case(snapshot=self.snapshot, targets=about, findings=analyze(self.snapshot))

    @cached_property
    def reasoned(self) -> Reasoned:
        """What reasoning comes to."""
        return reason(self.case)


def evidence(number: int, query: str, text: str) -> Evidence:
    """An evidence record of a successful read."""
    return Evidence(
        id=f"E{number}",
        tool="kubernetes.list",
        query=query,
        fetched_at=START,
        excerpt=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def alert(name: str = "KubePodNotReady", *, at: datetime = START, **labels: str) -> Alert:
    """A firing alert with these labels."""
    marks = {"alertname": name, **labels}
    return Alert(fingerprint="f" + name + str(sorted(labels.items())), firing=True, labels=marks,
                 annotations={}, starts_at=at)  # fmt: skip


def scene(objects: list[dict[str, Any]], *alerts: Alert, logs: dict[LogKey, str] | None = None) -> Scene:
    """A scene from objects that carry their kind, looked at ten minutes after ``START``."""
    inventory = Inventory.of_list({"items": objects})
    return Scene(inventory=inventory, alerts=alerts, taken_at=START + timedelta(minutes=10), logs=logs or {})


@lru_cache(maxsize=8)
def lived(name: str, minutes: int = 5) -> tuple[PretendCluster, datetime]:
    """The cluster of a shipped scenario some minutes after its fault, and when the fault came."""
    cluster = PretendCluster(load(name), ClusterOptions(clock=VirtualClock(START), seed=7))
    cluster.build_past()
    broken_at = cluster.clock.now()
    cluster.break_it()
    for _ in range(minutes * 20):
        cluster.options.clock.advance(3)  # type: ignore[union-attr]
        cluster.controllers.settle()
    return cluster, broken_at


def scenario(name: str, *labelled: tuple[str, dict[str, str]]) -> Scene:
    """A shipped scenario some minutes after its fault, with these alerts firing."""
    cluster, broken_at = lived(name)
    by_kind = {
        kind.kind: tuple(cleaned({**obj, "kind": kind.kind}) for obj in cluster.store.list(kind.resource))
        for kind in KINDS.values()
    }
    firing = tuple(alert(title, at=broken_at + timedelta(minutes=2), **labels) for title, labels in labelled)
    return Scene(inventory=Inventory(by_kind=by_kind), alerts=firing, taken_at=cluster.clock.now(), logs={})
