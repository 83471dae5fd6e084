"""CronJobs that cannot start their runs, or do not.

Source: CronJobSpec and the events of the CronJob controller (batch/v1).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.cron import ScheduleError, parsed
from agents.investigator.analyzers.fields import dig, items, moment, quotable
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject

GRACE = timedelta(minutes=5)
"""The controller looks every ten seconds; a run that is this late was missed."""

SHORTEST_DEADLINE = 10
"""Seconds: with less the controller, which looks every ten, may never be in time."""

_MISSED = ("TooManyMissedTimes", "MissSchedule", "MissingSchedule")


class CronJobCode(Coded):
    """What a CronJob can suffer from."""

    SCHEDULE_INVALID = (
        "cronjob.schedule_invalid",
        "A CronJob's schedule or time zone cannot be read, so it never runs.",
        "spec.schedule, spec.timeZone",
    )
    SUSPENDED = ("cronjob.suspended", "A CronJob is suspended: no run starts.", "spec.suspend")
    DEADLINE_NEGATIVE = (
        "cronjob.deadline_negative",
        "A CronJob's starting deadline is negative, so every run is too late.",
        "spec.startingDeadlineSeconds",
    )
    DEADLINE_SHORT = (
        "cronjob.deadline_short",
        "A CronJob's starting deadline is shorter than the controller's own pace, so runs may be left out.",
        "spec.startingDeadlineSeconds",
    )
    RUNS_MISSED = (
        "cronjob.runs_missed",
        "A run of a CronJob was due and did not start.",
        "spec.schedule, status.lastScheduleTime, the CronJob's events",
    )
    RUN_BLOCKED = (
        "cronjob.run_blocked",
        "A run of a CronJob was due, and the one before, still running, holds it up.",
        "spec.concurrencyPolicy, status.active, spec.schedule, status.lastScheduleTime",
    )


def cronjobs(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for CronJobs; one that is on time is silent, whatever its Jobs do."""
    for cronjob in snapshot.objects("CronJob"):
        stopped = [one for one in (_suspended(cronjob), _schedule(cronjob)) if one]
        # Nothing is due of one that is stopped.
        late = None if stopped else _late(snapshot, cronjob)
        for one in (*stopped, _deadline(cronjob), late):
            if one is not None:
                yield one.of(snapshot, cronjob)


def _suspended(cronjob: JsonObject) -> Said | None:
    if not dig(cronjob, "spec", "suspend"):
        return None
    return Said(
        code=CronJobCode.SUSPENDED,
        severity=Severity.INFO,
        message="The CronJob is suspended: no run starts until spec.suspend is false.",
        fields={"suspend": True, "last_run": dig(cronjob, "status", "lastScheduleTime")},
    )


def _schedule(cronjob: JsonObject) -> Said | None:
    text = dig(cronjob, "spec", "schedule") or ""
    try:
        parsed(text)
        _zone(cronjob)
    except (ScheduleError, ZoneInfoNotFoundError, ValueError) as problem:
        return Said(
            code=CronJobCode.SCHEDULE_INVALID,
            message=f"The CronJob never runs: its schedule {quotable(text)!r} cannot be read "
            f"({quotable(str(problem))}).",
            fields={"schedule": quotable(text), "time_zone": dig(cronjob, "spec", "timeZone")},
        )
    return None


def _zone(cronjob: JsonObject) -> tzinfo:
    # Without spec.timeZone the controller manager's own zone counts, and that is UTC as good as everywhere.
    name = dig(cronjob, "spec", "timeZone")
    return ZoneInfo(name) if name else UTC


def _deadline(cronjob: JsonObject) -> Said | None:
    seconds = dig(cronjob, "spec", "startingDeadlineSeconds")
    if seconds is None or seconds >= SHORTEST_DEADLINE:
        return None
    negative = seconds < 0
    return Said(
        code=CronJobCode.DEADLINE_NEGATIVE if negative else CronJobCode.DEADLINE_SHORT,
        severity=Severity.WARNING if negative else Severity.INFO,
        message=f"The CronJob's starting deadline is {seconds} s: "
        + (
            "every run is too late." if negative else "runs may be left out, the controller looks every 10 s."
        ),
        fields={"starting_deadline_seconds": seconds},
    )


def _late(snapshot: Snapshot, cronjob: JsonObject) -> Said | None:
    """What keeps a run that was due from having started, None when all is on time."""
    due, last = _due(snapshot, cronjob), moment(dig(cronjob, "status", "lastScheduleTime"))
    missed = bool(due and (last is None or last < due) and snapshot.taken_at - due >= GRACE)
    told = _told(snapshot, cronjob, last)
    if not missed and not told:
        return None
    active = [entry.get("name") or "" for entry in items(cronjob, "status", "active")]
    held = dig(cronjob, "spec", "concurrencyPolicy") == "Forbid" and active
    when = f"due at {due.isoformat()}" if missed and due else "due"
    return Said(
        code=CronJobCode.RUN_BLOCKED if held else CronJobCode.RUNS_MISSED,
        message=f"A run {when} did not start"
        + (f": {', '.join(active)} still runs and concurrencyPolicy is Forbid." if held else "."),
        fields={
            "schedule": dig(cronjob, "spec", "schedule"),
            "due": due.isoformat() if missed and due else None,
            "last_run": dig(cronjob, "status", "lastScheduleTime"),
            "active": active,
            "message": quotable(told.get("message") or ""),
        },
        since=due if missed else moment(told.get("firstTimestamp")),
        reads=("Event",),
    )


def _due(snapshot: Snapshot, cronjob: JsonObject) -> datetime | None:
    """When the CronJob was last due, None before its first time and for a schedule that counts from runs."""
    made = moment(dig(cronjob, "metadata", "creationTimestamp"))
    schedule = parsed(dig(cronjob, "spec", "schedule") or "")
    due = schedule.last_due(snapshot.taken_at.astimezone(_zone(cronjob))) if schedule and made else None
    return due if due and made and due > made else None


def _told(snapshot: Snapshot, cronjob: JsonObject, last: datetime | None) -> JsonObject:
    """The newest complaint of the controller, unless a run has started since."""
    for event in reversed(snapshot.events_of(cronjob)):
        at = moment(event.get("lastTimestamp") or event.get("eventTime"))
        if event.get("reason") in _MISSED and not (last and at and last >= at):
            return event
    return {}
