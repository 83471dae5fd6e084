"""CronJobs that never run or missed a run; one that is on time, new or waits for its hour is silent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.cron import ScheduleError, parsed
from agents.investigator.analyzers.cronjob import cronjobs
from tests.support.kube_objects import Json, event, meta
from tests.support.scenes import scene


def cronjob(schedule: str = "0 * * * *", *, last: str = "", active: str = "", **spec: object) -> Json:
    status = {"lastScheduleTime": last or None, "active": [{"name": active}] if active else []}
    made = meta("CronJob", "backup", creationTimestamp="2026-11-01T00:00:00Z")
    return {
        "kind": "CronJob",
        "metadata": made,
        "spec": {"schedule": schedule, **spec},
        "status": status,
    }


def found(*objects: Json) -> list[Finding]:
    return list(cronjobs(scene(list(objects)).snapshot))


@pytest.mark.parametrize(
    ("sick", "code"),
    [
        (cronjob("invalid-cron"), "cronjob.schedule_invalid"),
        (cronjob("0 25 * * *"), "cronjob.schedule_invalid"),
        (cronjob(timeZone="Mars/Olympus"), "cronjob.schedule_invalid"),
        (cronjob(suspend=True), "cronjob.suspended"),
        (cronjob(startingDeadlineSeconds=-60, last="2026-11-24T02:00:00Z"), "cronjob.deadline_negative"),
        (cronjob(startingDeadlineSeconds=5, last="2026-11-24T02:00:00Z"), "cronjob.deadline_short"),
        (cronjob(last="2026-11-24T01:00:00Z"), "cronjob.runs_missed"),
        (cronjob(), "cronjob.runs_missed"),
        (cronjob(last="2026-11-24T01:00:00Z", active="backup-1"), "cronjob.runs_missed"),
        (
            cronjob(last="2026-11-24T01:00:00Z", active="backup-1", concurrencyPolicy="Forbid"),
            "cronjob.run_blocked",
        ),
    ],
)
def test_what_keeps_a_cronjob_from_running_is_found(sick: Json, code: str) -> None:
    assert [finding.code for finding in found(sick)] == [code]


def test_a_missed_run_names_when_it_was_due() -> None:
    (finding,) = found(cronjob("0 3 * * *", last="2026-11-23T02:00:00Z", timeZone="Europe/Berlin"))
    assert finding.fields["due"] == "2026-11-24T03:00:00+01:00"
    assert finding.since == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_the_controller_s_own_complaint_counts_until_a_run_has_started() -> None:
    sick = cronjob("@every 1h", last="2026-11-24T01:00:00Z")
    complaint = event(sick, "TooManyMissedTimes", "too many missed start times: 101")
    (finding,) = found(sick, complaint)
    assert finding.fields["message"] == "too many missed start times: 101"
    assert found(cronjob("@every 1h", last="2026-11-24T02:09:00Z"), complaint) == []


@pytest.mark.parametrize(
    "healthy",
    [
        cronjob(last="2026-11-24T02:00:00Z"),
        cronjob("8 2 * * *", last="2026-11-23T02:08:00Z"),
        cronjob("0 3 31 12 *"),
        cronjob("@every 1h"),
        cronjob(startingDeadlineSeconds=60, last="2026-11-24T02:00:00Z"),
    ],
    ids=["on time", "two minutes late", "not due before it was made", "counts from runs", "long deadline"],
)
def test_a_cronjob_that_is_on_time_is_silent(healthy: Json) -> None:
    assert found(healthy) == []


def test_suspension_is_only_information() -> None:
    assert found(cronjob(suspend=True))[0].severity is Severity.INFO
    short = cronjob(startingDeadlineSeconds=5, last="2026-11-24T02:00:00Z")
    assert found(short)[0].severity is Severity.INFO


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("*/15 * * * *", "2026-11-24T02:00"),
        ("30 4 * * mon-fri", "2026-11-23T04:30"),
        ("0 0 1 jan,jul *", "2026-07-01T00:00"),
        ("5 1 13 * fri", "2026-11-20T01:05"),
        ("10/20 2 * * *", "2026-11-24T02:10"),
        ("@weekly", "2026-11-22T00:00"),
        ("0 12 ? * 1", "2026-11-23T12:00"),
    ],
)
def test_the_last_due_time_is_cron_s(schedule: str, due: str) -> None:
    known = parsed(schedule)
    assert known is not None
    last = known.last_due(datetime(2026, 11, 24, 2, 10, tzinfo=UTC))
    assert last is not None
    assert last.isoformat().startswith(due)


def test_a_day_that_never_comes_is_never_due() -> None:
    known = parsed("0 0 30 2 *")
    assert known is not None
    assert known.last_due(datetime(2026, 11, 24, tzinfo=UTC)) is None


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *",
                                  "@often", "@every soon", "a b c d e", "TZ=UTC 0 * * * *"])  # fmt: skip
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        parsed(text)
