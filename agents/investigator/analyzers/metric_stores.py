"""Volumes that fill up, autoscalers that may not grow, nodes under pressure: told from their series.

How long until a volume is full is told from the last hours' slope, and only where the points lie near
one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

from agents.incident import Finding, Severity
from agents.investigator.analyzers.change_points import Point
from agents.investigator.analyzers.measured import Name
from agents.investigator.analyzers.metric_codes import MetricCode
from agents.investigator.analyzers.metric_reading import LATELY, Reading, readings
from agents.investigator.analyzers.snapshot import Snapshot

FILLED, FULL = 0.85, 0.97
"""KubePersistentVolumeFillingUp warns with 15 % left and calls with 3 %."""
SOON = timedelta(hours=4)
FIT_POINTS = 60
ABOVE = 1.1
"""The autoscaler's own tolerance: within a tenth of the target it does nothing."""


def store_metrics(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings about claims, autoscalers and nodes."""
    for name, code in ((Name.DISK, MetricCode.VOLUME_FILLING), (Name.INODES, MetricCode.INODES_FILLING)):
        for one in readings(snapshot, name, "PersistentVolumeClaim", "persistentvolumeclaim"):
            yield from _filling(one, code)
    yield from _autoscalers(snapshot)
    for one in readings(snapshot, Name.PRESSURE, "Node", "node"):
        yield from _pressure(one)


def time_to_full(points: Sequence[Point]) -> timedelta | None:
    """When a share that grows like in the last hour reaches one; None when it does not grow.

    The slope is the median of the slopes between points half the window apart (Theil and Sen's idea):
    one large file that comes and goes moves it little.
    """
    window = points[-FIT_POINTS:]
    half = len(window) // 2
    if half < LATELY:
        return None
    pairs = zip(window, window[half:], strict=False)
    slope = median((after - before) / (then - now) for (now, before), (then, after) in pairs)
    left = 1 - median(value for _, value in window[-LATELY:])
    if slope <= 0 or left / slope > timedelta(days=365).total_seconds():
        return None
    return timedelta(seconds=max(0.0, left / slope))


def _filling(one: Reading, code: MetricCode) -> Iterator[Finding]:
    share = one.lately
    if share is None:
        return
    left = time_to_full(one.points)
    soon = left is not None and left <= SOON and share >= 0.5
    if share < FILLED and not soon:
        return
    what = "The volume is" if code is MetricCode.VOLUME_FILLING else "Of the volume's inodes are used"
    words = f"{what} {share:.0%}" + (" full" if code is MetricCode.VOLUME_FILLING else "")
    rest = f", and none is left in {_span(left)} if it goes on like this" if left is not None else ""
    yield one.says(
        code,
        Severity.CRITICAL if share >= FULL else Severity.WARNING,
        f"{words}{rest}.",
        value=round(share, 4),
        threshold=1.0,
        full_in_s=None if left is None else int(left.total_seconds()),
        since=one.since(FILLED) if share >= FILLED else None,
    )


def _span(left: timedelta) -> str:
    minutes = int(left.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _autoscalers(snapshot: Snapshot) -> Iterator[Finding]:
    kind, label = "HorizontalPodAutoscaler", "horizontalpodautoscaler"
    full = {
        (one.labels.get("namespace"), one.labels.get(label))
        for one in readings(snapshot, Name.SCALED, kind, label)
        if (one.lately or 0) >= 1
    }
    for one in readings(snapshot, Name.TARGET, kind, label):
        share = one.lately
        if (
            share is None
            or share <= ABOVE
            or (one.labels.get("namespace"), one.labels.get(label)) not in full
        ):
            continue
        metric = one.labels.get("metric_name", "its metric")
        yield one.says(
            MetricCode.MAXED_OUT,
            Severity.WARNING,
            f"The autoscaler is at its maximum, and {metric} is {share:.0%} of its target.",
            value=round(share, 4),
            threshold=1.0,
            metric_name=metric,
            since=one.since(ABOVE),
        )


def _pressure(one: Reading) -> Iterator[Finding]:
    pressed = [at for at, value in one.points if value > 0]
    if not pressed:
        return
    condition, still = one.labels.get("condition", "pressure"), one.points[-1][1] > 0
    first, last = (datetime.fromtimestamp(at, UTC) for at in (pressed[0], pressed[-1]))
    rest = "and still has it" if still else f"until {last:%H:%M}"
    yield one.says(
        MetricCode.PRESSURE,
        Severity.WARNING if still else Severity.INFO,
        f"The node had {condition} from {first:%H:%M} UTC on, {rest}.",
        condition=condition,
        still=still,
        since=first,
    )
