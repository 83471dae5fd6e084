"""Containers that start, die and start again, with why they died the last time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.fields import container_statuses, dig, is_finished, moment, quotable
from agents.investigator.analyzers.messages import exit_meaning, last_lines, recognise
from agents.investigator.analyzers.snapshot import LogTail, Snapshot
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

FEW_RESTARTS = 3
RECENT = timedelta(minutes=10)
"""Between two back-offs a looping container shows as running. The kubelet's longest back-off is five
minutes and it is forgotten after ten, so a death within ten minutes still belongs to the loop."""


def crash_loops(snapshot: Snapshot) -> Iterator[Finding]:
    """A finding for every container in a crash loop; one that only restarted long ago is silent."""
    for pod in snapshot.unwell:
        if is_finished(pod):
            continue
        for _, status in container_statuses(pod):
            if loops(status, snapshot.taken_at):
                yield _finding(snapshot, pod, status)


def last_end(status: JsonObject) -> JsonObject:
    """The latest ``terminated`` state of a container: the current one, else the one before, else empty."""
    return dig(status, "state", "terminated") or dig(status, "lastState", "terminated") or {}


def loops(status: JsonObject, now: datetime) -> bool:
    """Whether this container is in a crash loop at this time."""
    if dig(status, "state", "waiting", "reason") == "CrashLoopBackOff":
        return True
    end, finished = last_end(status), moment(last_end(status).get("finishedAt"))
    often = (status.get("restartCount") or 0) >= FEW_RESTARTS
    failed = end.get("exitCode", 0) != 0
    return bool(often and failed and finished and now - finished <= RECENT)


def _finding(snapshot: Snapshot, pod: JsonObject, status: JsonObject) -> Finding:
    ref, container, end = ref_of(pod), status.get("name", ""), last_end(status)
    tail = snapshot.log((ref.namespace, ref.name, container))
    fields: JsonObject = {"container": container, "restarts": status.get("restartCount") or 0}
    if text := dig(status, "state", "waiting", "message"):
        fields["message"] = quotable(text)
    fields |= _ending(end) | _words(tail, end)
    return Finding(
        code=Code.CRASH_LOOP,
        severity=Severity.CRITICAL,
        object=ref,
        message=_sentence(fields),
        fields=fields,
        evidence=(*snapshot.cites(ref.namespace, "Pod"), *tail.evidence),
        since=_begun(snapshot, ref),
    )


def _begun(snapshot: Snapshot, ref: ObjectRef) -> datetime | None:
    """When the kubelet first backed off; None without that event, for a pod may be older than its loop."""
    backed_off = (event for event in snapshot.events(ref) if event.get("reason") == "BackOff")
    times = (moment(event.get("firstTimestamp")) for event in backed_off)
    return min((at for at in times if at), default=None)


def _ending(end: JsonObject) -> JsonObject:
    if not end:
        return {}
    shown = {
        "exit_code": end.get("exitCode"),
        "last_reason": end.get("reason"),
        "ended_at": end.get("finishedAt"),
    }
    return {key: value for key, value in shown.items() if value is not None}


def _words(tail: LogTail, end: JsonObject) -> JsonObject:
    """The last log lines and, if one is known, what it means.

    The previous run is the one that died; the current one may not have got that far yet.
    """
    text = tail.previous or tail.current or end.get("message") or ""
    found: JsonObject = {"log": list(last_lines(text))} if text else {}
    known = recognise(text)
    if known is not None:
        found |= {"hint": known.hint.value, "hint_meaning": known.meaning, "hint_line": known.line}
    return found


def _sentence(fields: JsonObject) -> str:
    parts = [f"Container {fields['container']} crashes again and again ({fields['restarts']} restarts)"]
    if "exit_code" in fields:
        meaning = exit_meaning(fields["exit_code"])
        parts.append(f"last exit code {fields['exit_code']}" + (f", {meaning}" if meaning else ""))
    if "hint_meaning" in fields:
        parts.append(f"its log says {fields['hint_meaning']}")
    return quotable("; ".join(parts), limit=400) + "."
