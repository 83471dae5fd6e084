"""Jobs that fail or can never end; a retry that helped, and a helper that ends with the work, are silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.job import jobs
from tests.support.kube_objects import CREATED, Json, ended, event, meta, owned_by, pod
from tests.support.scenes import scene


def job(name: str = "report", *, failed: int = 0, why: Json | None = None, **spec: object) -> Json:
    conditions = [{"status": "True", "lastTransitionTime": CREATED, **why}] if why else []
    status = {"failed": failed, "conditions": conditions}
    return {"kind": "Job", "metadata": meta("Job", name), "spec": spec, "status": status}


def worker(state: Json, helper: Json | None = None) -> Json:
    made = pod("report-x", state=state, ready=False, ownerReferences=owned_by("Job", "report"))
    if helper:
        made["spec"]["containers"].append({"name": "proxy"})
        made["status"]["containerStatuses"].append({"name": "proxy", "state": helper})
    return made


def found(*objects: Json) -> list[Finding]:
    return list(jobs(scene(list(objects)).snapshot))


def test_a_job_that_gave_up_says_why_and_how_its_last_pod_ended() -> None:
    gave_up = {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "Job has reached its limit"}
    (finding,) = found(job(failed=3, why=gave_up, backoffLimit=2), worker(ended("Error", 3)))
    assert finding.code == "job.failed"
    assert finding.fields == {
        "reason": "BackoffLimitExceeded",
        "message": "Job has reached its limit",
        "failed": 3,
        "backoff_limit": 2,
        "pod": "report-x",
        "container": "web",
        "exit_code": 3,
        "end_reason": "Error",
    }
    assert finding.since is not None
    assert finding.evidence == ("E1", "E2")


def test_without_a_reason_in_the_condition_the_event_speaks() -> None:
    sick = job(failed=1, why={"type": "Failed"})
    (finding,) = found(sick, event(sick, "BackoffLimitExceeded", "Job has reached the backoff limit"))
    assert finding.fields["reason"] == "BackoffLimitExceeded"


def test_a_deadline_is_told_apart_from_failing() -> None:
    late = {"type": "Failed", "reason": "DeadlineExceeded", "message": "Job was active longer"}
    (finding,) = found(job(why=late, activeDeadlineSeconds=600))
    assert finding.code == "job.deadline_exceeded"
    assert finding.fields["deadline_seconds"] == 600


def test_failing_pods_of_a_job_that_still_tries_are_found() -> None:
    (finding,) = found(job(failed=2))
    assert (finding.code, finding.fields["backoff_limit"]) == ("job.pods_fail", 6)


def test_a_suspended_job_is_only_information() -> None:
    (finding,) = found(job(suspend=True))
    assert (finding.code, finding.severity) == ("job.suspended", Severity.INFO)


def test_a_helper_that_outlives_the_work_keeps_the_job_open() -> None:
    (finding,) = found(
        job(), worker(ended("Completed", 0, at="2026-11-24T02:00:00Z"), {"running": {"startedAt": CREATED}})
    )
    assert finding.code == "job.helper_runs_on"
    assert finding.fields == {"pod": "report-x", "ended": ["web"], "running": ["proxy"]}


@pytest.mark.parametrize(
    "healthy",
    [
        (job(),),
        (job(failed=2, why={"type": "Complete"}), worker(ended("Error", 1))),
        (job(), worker(ended("Completed", 0), {"running": {"startedAt": CREATED}})),
        (job(), worker({"running": {"startedAt": CREATED}}, {"running": {"startedAt": CREATED}})),
        (job(), worker(ended("Completed", 0, at=CREATED), ended("Completed", 0, at=CREATED))),
    ],
    ids=["at work", "retried and done", "the helper may still stop", "all run", "all ended"],
)
def test_a_healthy_job_is_silent(healthy: tuple[Json, ...]) -> None:
    assert found(*healthy) == []


def test_a_pod_that_was_restarted_in_place_still_tells_how_it_ended_before() -> None:
    again = worker({"running": {"startedAt": CREATED}})
    again["status"]["containerStatuses"][0]["lastState"] = ended("Error", 4)
    (finding,) = found(job(failed=1), again)
    assert finding.fields["exit_code"] == 4
