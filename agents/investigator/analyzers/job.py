"""Jobs that failed, keep failing, wait or can never end.

Source: JobStatus and the condition reasons of the job controller (batch/v1).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import (
    condition,
    container_statuses,
    count_of,
    dig,
    items,
    moment,
    name_of,
    quotable,
)
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ref_of

LINGERS = timedelta(minutes=5)
"""A helper container that outlives the work by this much was not told to end with it."""

_STATUS = "status.conditions, status.failed"


class JobCode(Coded):
    """What a Job can suffer from."""

    FAILED = (
        "job.failed",
        "A Job failed for good; with the controller's reason and how its last pod ended.",
        f"{_STATUS}, spec.backoffLimit, the Job's events, the ends of its pods",
    )
    DEADLINE_EXCEEDED = (
        "job.deadline_exceeded",
        "A Job was stopped because it ran longer than its deadline.",
        "the condition Failed (reason DeadlineExceeded), spec.activeDeadlineSeconds",
    )
    PODS_FAIL = (
        "job.pods_fail",
        "Pods of a Job failed, and it has neither given up nor succeeded yet.",
        f"{_STATUS}, spec.backoffLimit, the ends of its pods",
    )
    SUSPENDED = ("job.suspended", "A Job is suspended: nothing of it runs.", "spec.suspend")
    HELPER_RUNS_ON = (
        "job.helper_runs_on",
        "A Job cannot complete: a container of its pod ended well, and another one runs on.",
        "the states of the containers of its pods",
    )


def jobs(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for Jobs; one that succeeded after some retries is silent."""
    for job in snapshot.objects("Job"):
        if condition(job, "Complete").get("status") == "True":
            continue
        if dig(job, "spec", "suspend"):
            yield _suspended().of(snapshot, job)
        failed = condition(job, "Failed")
        if failed.get("status") == "True":
            yield _failed(snapshot, job, failed).of(snapshot, job)
        elif count_of(job, "status", "failed"):
            yield _pods_fail(snapshot, job).of(snapshot, job)
        yield from _helpers(snapshot, job)


def _suspended() -> Said:
    return Said(
        code=JobCode.SUSPENDED,
        severity=Severity.INFO,
        message="The Job is suspended: it runs no pods until spec.suspend is false.",
        fields={"suspend": True},
    )


def _failed(snapshot: Snapshot, job: JsonObject, failed: JsonObject) -> Said:
    reason = failed.get("reason") or _told(snapshot, job).get("reason") or ""
    text = failed.get("message") or _told(snapshot, job).get("message") or ""
    late, seconds = reason == "DeadlineExceeded", dig(job, "spec", "activeDeadlineSeconds")
    ending = _last_end(snapshot, job)
    why = f" ({quotable(reason)})" if reason else ""
    failures, words = count_of(job, "status", "failed"), _end_words(ending)
    return Said(
        code=JobCode.DEADLINE_EXCEEDED if late else JobCode.FAILED,
        message="The Job was stopped"
        + (f" after its deadline of {seconds} s." if late else f"{why}; failed pods: {failures}{words}."),
        fields={
            "reason": quotable(reason),
            "message": quotable(text),
            "deadline_seconds": seconds if late else None,
            **_counts(job),
            **ending,
        },
        since=moment(failed.get("lastTransitionTime")),
        reads=("Pod", "Event"),
    )


def _pods_fail(snapshot: Snapshot, job: JsonObject) -> Said:
    ending, counts = _last_end(snapshot, job), _counts(job)
    return Said(
        code=JobCode.PODS_FAIL,
        message=f"{counts['failed']} pods of the Job failed, {counts['backoff_limit']} retries are allowed"
        f"{_end_words(ending)}.",
        fields={**counts, **ending, "message": quotable(_told(snapshot, job).get("message") or "")},
        since=moment(dig(job, "status", "startTime")),
        reads=("Pod", "Event"),
    )


def _counts(job: JsonObject) -> JsonObject:
    limit = dig(job, "spec", "backoffLimit")
    # Six is the API server's default.
    return {"failed": count_of(job, "status", "failed"), "backoff_limit": 6 if limit is None else limit}


def _told(snapshot: Snapshot, job: JsonObject) -> JsonObject:
    """The newest event in which the controller gave this Job up."""
    gave_up = ("BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy", "FailedIndexes")
    told = [event for event in snapshot.events(ref_of(job)) if event.get("reason") in gave_up]
    return told[-1] if told else {}


def _last_end(snapshot: Snapshot, job: JsonObject) -> JsonObject:
    """How the last pod of the Job that failed ended: pod, container, exit code, reason."""
    ends = [
        (end.get("finishedAt") or "", name_of(pod), status.get("name") or "", end)
        for pod in snapshot.owned(job)
        for _, status in container_statuses(pod)
        if (end := dig(status, "state", "terminated") or dig(status, "lastState", "terminated") or {}).get(
            "exitCode"
        )
    ]
    if not ends:
        return {}
    _, pod, container, end = max(ends, key=lambda one: one[:3])
    return {
        "pod": pod,
        "container": container,
        "exit_code": end.get("exitCode"),
        "end_reason": end.get("reason"),
    }


def _end_words(ending: JsonObject) -> str:
    if not ending:
        return ""
    return f"; container {ending['container']} of pod {ending['pod']} ended with {ending['exit_code']}"


def _helpers(snapshot: Snapshot, job: JsonObject) -> Iterator[Finding]:
    """Pods whose work is done while a helper without ``restartPolicy: Always`` of its own runs on."""
    for pod in snapshot.owned(job):
        names = {spec.get("name") for spec in items(pod, "spec", "containers")}
        states: dict[str, JsonObject] = {
            status["name"]: status.get("state") or {}
            for _, status in container_statuses(pod)
            if status.get("name") in names
        }
        ended = {name: state["terminated"] for name, state in states.items() if state.get("terminated")}
        running = sorted(name for name, state in states.items() if state.get("running"))
        times = [moment(end.get("finishedAt")) for end in ended.values()]
        last = max((at for at in times if at), default=None)
        well = ended and all(not end.get("exitCode") for end in ended.values())
        if well and running and last and snapshot.taken_at - last >= LINGERS:
            yield Said(
                code=JobCode.HELPER_RUNS_ON,
                message=f"The Job cannot complete: in pod {name_of(pod)} container "
                f"{', '.join(sorted(ended))} ended well and {', '.join(running)} runs on.",
                fields={"pod": name_of(pod), "ended": sorted(ended), "running": running},
                since=last,
                reads=("Pod",),
            ).of(snapshot, job)
