"""One series about one object, read carefully: is it fresh, what is it lately, what can be said of it.

A series that ended says nothing of now, and one point is no trend: where it cannot be told, nothing is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from agents.incident import Finding, Severity
from agents.investigator.analyzers.change_points import Point
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import quotable
from agents.investigator.analyzers.measured import Measured, Name
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ref_of

LATELY = 5
"""Points that count as now: one alone may be a scrape that went wrong."""
STALE_S = 600.0


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
        """The usual value of the last minutes; None when the series is too short or ended before."""
        if len(self.points) < LATELY or self.points[-1][0] < self.snapshot.taken_at.timestamp() - STALE_S:
            return None
        return median(value for _, value in self.points[-LATELY:])

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
