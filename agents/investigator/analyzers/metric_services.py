"""Services by their golden signals: what changed around the start, and where it seems to come from.

Traffic that doubled explains latency that rose, and not the reverse: so all four are told, and which
came first is for the reader to see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from agents.incident import Finding, Severity
from agents.investigator.analyzers.change_points import Change, Point, Within, change
from agents.investigator.analyzers.dependency import calls
from agents.investigator.analyzers.fields import (
    dig,
    labels_of,
    matches,
    name_of,
    namespace_of,
    template_labels,
)
from agents.investigator.analyzers.localisation import EARLIEST_S, suspects
from agents.investigator.analyzers.measured import Name
from agents.investigator.analyzers.metric_codes import MetricCode
from agents.investigator.analyzers.metric_reading import Reading, readings
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

NOTABLE = {Name.ERRORS: 0.01, Name.LATENCY: 0.005, Name.TRAFFIC: 0.05}
"""Below that much (share, seconds, requests a second) nobody is served worse."""
TWICE = 2.0
"""Traffic moves all day: only a factor that no usual day has is told."""
MOST_SUSPECTS = 3


def service_metrics(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings about Services whose signals changed around the start; without a start there is nothing."""
    if snapshot.began is None or not snapshot.measured:
        return
    known = {name: _by_service(snapshot, name) for name in NOTABLE}
    known[Name.ERRORS] = _with_zeros(known[Name.ERRORS], known[Name.TRAFFIC])
    around = Within(start=snapshot.began.timestamp() - EARLIEST_S)
    for name, of in known.items():
        for one in of.values():
            found = change(one.points, around)
            if found is not None and abs(found.after - found.before) >= NOTABLE[name]:
                yield from _changed(one, found)
    yield from _origin(snapshot, {"errors": known[Name.ERRORS], "latency": known[Name.LATENCY]})


def _by_service(snapshot: Snapshot, name: Name) -> dict[str, Reading]:
    found = readings(snapshot, name, "Service", "service")
    return {_key(one.obj): one for one in found}


def _key(obj: JsonObject) -> str:
    return f"{namespace_of(obj)}/{name_of(obj)}"


def _with_zeros(errors: dict[str, Reading], traffic: dict[str, Reading]) -> dict[str, Reading]:
    """Errors on the moments that had requests: a counter of errors is not there before the first one."""
    full = {}
    for service, one in errors.items():
        known = dict(one.points)
        served = traffic[service].points if service in traffic else ()
        points = sorted({**dict.fromkeys((at for at, _ in served), 0.0), **known}.items())
        full[service] = replace(one, points=tuple(points))
    return full


def _changed(one: Reading, found: Change) -> Iterator[Finding]:
    code, words = _words(one, found)
    if code is None:
        return
    at = datetime.fromtimestamp(found.at, UTC)
    # It is the alert's own story more often than a sign that wants an explanation of its own.
    yield one.says(
        code,
        Severity.INFO,
        f"{words} at {at:%H:%M} UTC.",
        before=float(f"{found.before:.4g}"),
        after=float(f"{found.after:.4g}"),
        strength=round(found.strength, 1),
        changed_at=at.isoformat(),
        since=at,
    )


def _words(one: Reading, found: Change) -> tuple[MetricCode | None, str]:
    if one.measured.name is Name.ERRORS and found.rose:
        return MetricCode.ERRORS_ROSE, (
            f"The share of requests that fail rose from {found.before:.2%} to {found.after:.2%}"
        )
    if one.measured.name is Name.LATENCY and found.rose:
        return MetricCode.LATENCY_ROSE, (
            f"The slowest twentieth of requests went from {found.before:.3g} s to {found.after:.3g} s"
        )
    low, high = sorted((found.before, found.after))
    if one.measured.name is not Name.TRAFFIC or high < TWICE * low:
        return None, ""
    code = MetricCode.TRAFFIC_ROSE if found.rose else MetricCode.TRAFFIC_FELL
    return code, f"Requests per second went from {found.before:.3g} to {found.after:.3g}"


def _origin(snapshot: Snapshot, known: dict[str, dict[str, Reading]]) -> Iterator[Finding]:
    """The Service that the trouble seems to come from; nobody when there is only one to choose from."""
    began, graph = snapshot.began, frozenset(service_graph(snapshot))
    seen = {service for of in known.values() for service in of}
    if began is None or not any(caller in seen and called in seen for caller, called in graph):
        return
    series: dict[str, dict[str, tuple[Point, ...]]] = {
        kind: {service: one.points for service, one in of.items()} for kind, of in known.items()
    }
    ranked = suspects(graph, series, began.timestamp())
    first = ranked[0] if ranked else None
    # A Service without series is a guess that no evidence carries.
    told = (
        next((known[kind][first.service] for kind in first.kinds if first.service in known[kind]), None)
        if first
        else None
    )
    if first is None or told is None:
        return
    at = datetime.fromtimestamp(first.at, UTC) if first.at is not None else None
    cited = dict.fromkeys(of[first.service].measured.evidence for of in known.values() if first.service in of)
    finding = told.says(
        MetricCode.ORIGIN,
        Severity.INFO,
        f"By who calls whom and what changed when, the {' and '.join(first.kinds)} of its callers come from "
        f"Service {first.service}.",
        suspects=[one.service for one in ranked[:MOST_SUSPECTS]],
        score=round(first.score, 1),
        kinds=list(first.kinds),
        changed_at=at.isoformat() if at else None,
        since=at,
    )
    yield finding.model_copy(update={"evidence": tuple(cited)})


def service_graph(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Who calls whom, by Services: a workload that is told an address calls it for all Services before it."""
    fronts: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for root, service, _ in calls(snapshot):
        key = (str(root.get("kind")), namespace_of(root), name_of(root))
        if key not in fronts:
            fronts[key] = _services_of(snapshot, root)
        for front in fronts[key]:
            if front != _key(service):
                yield front, _key(service)


def _services_of(snapshot: Snapshot, root: JsonObject) -> list[str]:
    labels = template_labels(root) or labels_of(root)
    return [
        _key(service)
        for service in snapshot.within(namespace_of(root), "Service")
        if matches(dig(service, "spec", "selector") or {}, labels)
    ]
