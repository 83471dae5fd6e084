"""Pods that run and do not pass their probes: which probe, where it asks, and why it is not answered.

Source: the kubelet's Unhealthy and Killing events (``pkg/kubelet/prober``), Probe (core/v1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.crash import loops
from agents.investigator.analyzers.fields import (
    condition,
    container_statuses,
    dig,
    is_finished,
    items,
    moment,
    quotable,
)
from agents.investigator.analyzers.probes_words import address, answer, kind_of, start_budget
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot, event_time
from tools.kubernetes.objects import JsonObject, ref_of

SLOW_START = timedelta(minutes=5)
"""Without a word about probes, a pod may take this long to become ready."""

STALE = timedelta(minutes=15)


class ProbeCode(Coded):
    """Why a running pod does not count as well."""

    FAILS = (
        "pod.probe.fails",
        "A container does not pass its readiness or startup probe; with where it asks and the answer.",
        "Unhealthy events, the container's probes and ports",
    )
    WRONG_PORT = (
        "pod.probe.wrong_port",
        "A failing probe asks at a port that its container does not declare.",
        "Unhealthy events, the probe's port, the container's ports",
    )
    WRONG_PROTOCOL = (
        "pod.probe.wrong_protocol",
        "A failing probe speaks HTTP to an HTTPS port, or the other way round.",
        "Unhealthy events, the probe's scheme",
    )
    TOO_SLOW = (
        "pod.probe.too_slow",
        "A probe gives up before the answer comes.",
        "Unhealthy events, the probe's timeoutSeconds",
    )
    KILLS = (
        "pod.probe.kills",
        "The kubelet kills a container again and again because of its liveness or startup probe.",
        "Unhealthy and Killing events, the container's restarts",
    )
    START_TOO_TIGHT = (
        "pod.probe.start_too_tight",
        "A container is killed by its probe before it has had time to start.",
        "Killing events, how long the last run lasted, the probe's delay, period and threshold",
    )
    GATE = (
        "pod.readiness_gate",
        "A pod is ready but for a readiness gate that somebody else has to set.",
        "spec.readinessGates, the conditions of the pod",
    )
    NOT_READY = (
        "pod.not_ready",
        "A pod runs and has not been ready for some time, and nothing says why.",
        "the condition Ready, the containers' states",
    )


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """The newest complaint of one probe of one container."""

    spec: JsonObject
    status: JsonObject
    kind: str
    probe: JsonObject
    text: str
    since: datetime | None
    count: int | None


def probes(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for running pods that are not ready or are killed; a probe that failed once is silent."""
    for pod in snapshot.unwell:
        if is_finished(pod) or dig(pod, "status", "phase") != "Running":
            continue
        failures = list(_failures(snapshot, pod))
        said = [one for failure in failures if (one := _judged(snapshot, pod, failure))]
        if not said:
            said = _unexplained(snapshot, pod)
        for one in said:
            yield one.of(snapshot, pod)


def _failures(snapshot: Snapshot, pod: JsonObject) -> Iterator[_Failure]:
    unhealthy = [event for event in snapshot.events(ref_of(pod)) if event.get("reason") == "Unhealthy"]
    if not unhealthy:
        return
    for spec, status in container_statuses(pod):
        place = f"{{{status.get('name')}}}"
        newest: dict[str, JsonObject] = {}
        for event in unhealthy:
            kind = kind_of(event.get("message") or "")
            if kind and place in (dig(event, "involvedObject", "fieldPath") or place):
                newest[kind] = event
        for kind, event in newest.items():
            yield _Failure(
                spec=spec,
                status=status,
                kind=kind,
                probe=spec.get(f"{kind}Probe") or {},
                text=event.get("message") or "",
                since=moment(event.get("firstTimestamp")),
                count=event.get("count"),
            )


def _judged(snapshot: Snapshot, pod: JsonObject, failure: _Failure) -> Said | None:
    """What a failing probe does to its container now; None when it passes again and was not restarted."""
    waits = dig(failure.status, "state", "waiting")
    if failure.kind != "readiness" and (killed := _killed(snapshot, pod, failure)):
        return killed
    # A container that crashes or waits is told by others; one that is ready passes again.
    crashes = waits or loops(failure.status, snapshot.taken_at)
    if failure.kind == "liveness" or failure.status.get("ready") or crashes:
        return None
    said = answer(failure.text)
    ports = list(items(failure.spec, "ports"))
    where = address(failure.probe, ports)
    code = ProbeCode.FAILS
    if said == "protocol":
        code = ProbeCode.WRONG_PROTOCOL
    elif where.get("port") is not None and ports and not where["declared"] and said != "status":
        code = ProbeCode.WRONG_PORT
    elif said == "timeout":
        code = ProbeCode.TOO_SLOW
    return _said(code, failure, f"Container {failure.status.get('name')} is not ready", where)


def _said(code: ProbeCode, failure: _Failure, text: str, where: JsonObject) -> Said:
    ports = [port.get("containerPort") for port in items(failure.spec, "ports")]
    return Said(
        code=code,
        message=f"{text}: {quotable(failure.text)}",
        fields={
            "container": failure.status.get("name"),
            "probe": failure.kind,
            "message": quotable(failure.text),
            "answer": answer(failure.text),
            "container_ports": ports,
            "timeout_seconds": failure.probe.get("timeoutSeconds") or (1 if failure.probe else None),
            "count": failure.count,
            **where,
        },
        since=failure.since,
        reads=("Event",),
    )


def _killed(snapshot: Snapshot, pod: JsonObject, failure: _Failure) -> Said | None:
    name, restarts = failure.status.get("name"), failure.status.get("restartCount") or 0
    kills = [
        event
        for event in snapshot.events(ref_of(pod))
        if event.get("reason") == "Killing"
        and f"Container {name} failed {failure.kind} probe" in (event.get("message") or "")
    ]
    last = moment(event_time(kills[-1])) if kills else None
    if not restarts or not last or snapshot.taken_at - last > STALE:
        return None
    end = dig(failure.status, "lastState", "terminated") or {}
    started, finished = moment(end.get("startedAt")), moment(end.get("finishedAt"))
    lived = (finished - started).total_seconds() if started and finished else None
    budget = start_budget(failure.probe, pod)
    # Killed as soon as the probe allowed: the process never had more time than that.
    tight = lived is not None and lived <= budget and not _guarded(failure)
    where = address(failure.probe, list(items(failure.spec, "ports")))
    return _said(
        ProbeCode.START_TOO_TIGHT if tight else ProbeCode.KILLS,
        failure,
        f"Container {name} is killed by its {failure.kind} probe ({restarts} restarts)",
        {**where, "restarts": restarts, "lived_seconds": lived, "start_budget_seconds": budget},
    )


def _guarded(failure: _Failure) -> bool:
    """Whether a startup probe keeps the liveness probe waiting until the process is up."""
    return failure.kind == "liveness" and bool(failure.spec.get("startupProbe"))


def _unexplained(snapshot: Snapshot, pod: JsonObject) -> list[Said]:
    ready = condition(pod, "Ready")
    since = moment(ready.get("lastTransitionTime"))
    troubled = any(
        dig(status, "state", "waiting")
        or dig(status, "state", "terminated", "exitCode")
        or loops(status, snapshot.taken_at)
        for _, status in container_statuses(pod)
    )
    if ready.get("status") != "False" or troubled:
        return []
    gates = [gate.get("conditionType") or "" for gate in items(pod, "spec", "readinessGates")]
    shut = [gate for gate in gates if condition(pod, gate).get("status") != "True"]
    if shut and condition(pod, "ContainersReady").get("status") == "True":
        return [_gate(pod, shut, since)]
    if since is None or snapshot.taken_at - since < SLOW_START:
        return []
    statuses = [status for _, status in container_statuses(pod)]
    unready = sorted(status.get("name") or "" for status in statuses if not status.get("ready"))
    return [
        Said(
            code=ProbeCode.NOT_READY,
            message=f"The pod runs and is not ready; not ready: {', '.join(unready) or 'no container'}.",
            fields={
                "reason": ready.get("reason"),
                "message": quotable(ready.get("message") or ""),
                "containers": unready,
            },
            since=since,
        )
    ]


def _gate(pod: JsonObject, shut: list[str], since: datetime | None) -> Said:
    told = {gate: quotable(condition(pod, gate).get("message") or "") for gate in shut}
    return Said(
        code=ProbeCode.GATE,
        severity=Severity.WARNING,
        message=f"The pod is ready but for its readiness gates: {', '.join(map(quotable, shut))}.",
        fields={"gates": shut, "messages": {gate: text for gate, text in told.items() if text}},
        since=since,
    )
