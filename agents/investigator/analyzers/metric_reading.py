"""One series about one object, read carefully: is it fresh, what is it lately, what can be said of it.

A series that ended says nothing of now, and one point is no trend: where it cannot be told, nothing is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median

from agents.incident import Finding, Severity
from agents.investigator.analyzers.change_points import Point
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import (
    WORKLOAD_KINDS,
    dig,
    matches,
    namespace_of,
    quotable,
    template_labels,
)
from agents.investigator.analyzers.measured import Measured, Name
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ref_of

LATELY = 5
"""Points that count as now: one alone may be a scrape that went wrong."""
STALE_S = 600.0
_ASKED: dict[Name, re.Pattern[str]] = {
    Name.DISK: re.compile(r"kubelet_volume_stats_(available|used)_bytes"),
    Name.INODES: re.compile(r"kubelet_volume_stats_inodes"),
    Name.QUEUE: re.compile(r"num_requests_waiting|pending_request_count|queue_depth"),
    Name.KV_CACHE: re.compile(r"cache_usage_perc"),
    Name.THROTTLED: re.compile(r"cfs_throttled"),
    Name.MEMORY: re.compile(r"memory_working_set_bytes"),
}
"""By which metrics an alert's expression is about one of these series."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A series, the object of the snapshot it is about, and where it was stored."""

    snapshot: Snapshot
    obj: JsonObject
    measured: Measured
    labels: dict[str, str]
    points: tuple[Point, ...]

    @property
    def lately(self) -> float | None:
        """The usual value of the last minutes; None when the series is too short or ended before.

        An alert over this very series has waited for us: then the last value is no slip of one scrape.
        """
        if len(self.points) < LATELY or self.points[-1][0] < self.snapshot.taken_at.timestamp() - STALE_S:
            return None
        return self.points[-1][1] if self.alerted else median(value for _, value in self.points[-LATELY:])

    @property
    def alerted(self) -> bool:
        """Whether the expression of an alert asks for this metric and holds now for this series."""
        asks = _ASKED.get(self.measured.name)
        lines = (
            line
            for signal in self.snapshot.signals
            if asks and asks.search(signal.expression)
            for line in signal.lines
        )
        return any("} holds now " in line and self._is_of(line) for line in lines)

    def _is_of(self, line: str) -> bool:
        pairs = ((name, f'{name}="{value}"') for name, value in self.labels.items())
        return all(pair in line or f'{name}="' not in line for name, pair in pairs)

    def since(self, least: float) -> datetime:
        """Since when without a break it has been at least this high."""
        at = self.points[-1][0]
        for moment, value in reversed(self.points):
            if value < least:
                break
            at = moment
        return datetime.fromtimestamp(at, UTC)

    def says(self, code: Coded, severity: Severity, message: str, /, **fields: object) -> Finding:
        """The finding, with which series it was read from; ``since`` among the fields is when it began."""
        since = fields.pop("since", None)
        told = {
            "metric": self.measured.name.value,
            "unit": self.measured.unit,
            "series": {name: quotable(value) for name, value in self.labels.items()},
            **fields,
        }
        return Finding(
            code=code,
            severity=severity,
            object=ref_of(self.obj),
            message=quotable(message, limit=400),
            fields={name: value for name, value in told.items() if value not in (None, "", {})},
            evidence=(self.measured.evidence,),
            since=since if isinstance(since, datetime) else None,
        )


def readings(snapshot: Snapshot, name: Name, kind: str, label: str) -> Iterator[Reading]:
    """The series of one question whose label names an object of this kind that was read."""
    for measured in snapshot.measured:
        if measured.name is not name:
            continue
        for track in measured.tracks:
            namespace = "" if kind == "Node" else track.labels.get("namespace", "")
            obj = snapshot.find(kind, namespace, track.labels.get(label, ""))
            if obj is not None:
                yield Reading(
                    snapshot=snapshot, obj=obj, measured=measured, labels=track.labels, points=track.points
                )


def of_servers(snapshot: Snapshot, name: Name) -> Iterator[Reading]:
    """The series about pods; those that name no pod are about what makes the pods of their Service."""
    yield from readings(snapshot, name, "Pod", "pod")
    for one in readings(snapshot, name, "Service", "service"):
        if "pod" in one.labels:
            continue
        selector = dig(one.obj, "spec", "selector") or {}
        kinds = (kind for kind in WORKLOAD_KINDS if kind != "ReplicaSet")
        every = (obj for kind in kinds for obj in snapshot.within(namespace_of(one.obj), kind))
        served = [obj for obj in every if selector and matches(selector, template_labels(obj))]
        if len(served) == 1:
            yield replace(one, obj=served[0])
