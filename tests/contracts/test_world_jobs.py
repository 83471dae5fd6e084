"""Jobs, CronJobs and autoscalers under a clock moved by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from evals.world.kubernetes.controllers.cron import BadSchedule, schedule
from evals.world.kubernetes.errors import Invalid
from evals.world.kubernetes.kubelet.images import Exit, ImageBehaviour
from tests.support.world_cluster import Bench, condition

GOOD = ImageBehaviour(image="registry.example/task:1", exit=Exit(after=5, code=0))
BAD = ImageBehaviour(image="registry.example/task:2", exit=Exit(after=1, code=3))
LONG = ImageBehaviour(image="registry.example/task:3")


def job(image: ImageBehaviour, **spec: Any) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "task", "image": image.image}]}
    return {
        "metadata": {"name": "task", "namespace": "shop"},
        "spec": {"template": {"spec": pod}, **spec},
    }


def cron(bench: Bench, **spec: Any) -> dict[str, Any]:
    head = {"name": "task", "namespace": "shop"}
    template = {"spec": job(GOOD)["spec"]}
    body = {"metadata": head, "spec": {"schedule": "*/10 * * * *", "jobTemplate": template, **spec}}
    return bench.store.create("cronjobs", body)


def test_a_job_runs_at_most_as_many_pods_as_allowed_until_enough_have_succeeded() -> None:
    bench = Bench(GOOD)
    bench.store.create("jobs", job(GOOD, parallelism=2, completions=3))
    seen = 0
    for _ in range(15):
        bench.later(2, step=2)
        seen = max(seen, bench.get("jobs", "task")["status"].get("active", 0))
    done = bench.get("jobs", "task")
    assert seen == 2
    assert done["status"]["succeeded"] == 3
    assert "active" not in done["status"]
    assert condition(done, "Complete")["reason"] == "CompletionsReached"
    assert len(bench.pods()) == 3


def test_a_job_whose_pods_fail_is_tried_again_ever_later_and_then_given_up() -> None:
    bench = Bench(BAD)
    bench.store.create("jobs", job(BAD, backoffLimit=2))
    bench.later(20)
    assert bench.get("jobs", "task")["status"]["failed"] == 2
    bench.later(60)
    failed = condition(bench.get("jobs", "task"), "Failed")
    assert (failed["status"], failed["reason"]) == ("True", "BackoffLimitExceeded")
    assert len(bench.pods()) == 3


def test_a_suspended_job_has_no_pods_and_runs_when_it_is_resumed() -> None:
    bench = Bench(LONG)
    bench.store.create("jobs", job(LONG, parallelism=2, completions=2))
    bench.later(5)
    assert len(bench.pods()) == 2
    bench.change("jobs", "task", lambda obj: obj["spec"].update(suspend=True))
    bench.later(5)
    assert bench.pods() == []
    suspended = bench.get("jobs", "task")["status"]
    assert condition({"status": suspended}, "Suspended")["reason"] == "JobSuspended"
    assert not {"active", "startTime"} & suspended.keys()
    bench.change("jobs", "task", lambda obj: obj["spec"].update(suspend=False))
    bench.later(5)
    assert len(bench.pods()) == 2
    assert condition(bench.get("jobs", "task"), "Suspended")["status"] == "False"


def test_a_cron_job_starts_what_is_due_keeps_the_last_three_and_says_when_it_last_worked() -> None:
    bench = Bench(GOOD)
    cron(bench)
    bench.later(3700, step=20)
    jobs = bench.store.list("jobs", "shop")
    assert len(jobs) == 3
    assert all(condition(each, "Complete")["status"] == "True" for each in jobs)
    status = bench.get("cronjobs", "task")["status"]
    assert status["lastScheduleTime"] == "2026-11-24T03:00:00Z"
    assert status["lastSuccessfulTime"] > status["lastScheduleTime"]
    assert "active" not in status


def test_a_suspended_cron_job_starts_nothing_and_one_missed_run_when_it_is_resumed() -> None:
    bench = Bench(GOOD)
    cron(bench, suspend=True)
    bench.later(1500, step=30)
    assert bench.store.list("jobs", "shop") == []
    bench.change("cronjobs", "task", lambda obj: obj["spec"].update(suspend=False))
    bench.later(3)
    assert len(bench.store.list("jobs", "shop")) == 1


@pytest.mark.parametrize(("policy", "running"), [("Allow", 3), ("Forbid", 1), ("Replace", 1)])
def test_runs_that_overlap_are_allowed_refused_or_replaced(policy: str, running: int) -> None:
    bench = Bench(LONG)
    cron(bench, concurrencyPolicy=policy, jobTemplate={"spec": job(LONG)["spec"]})
    bench.later(1830, step=30)
    jobs = bench.store.list("jobs", "shop")
    assert len(jobs) == running
    newest = max(each["metadata"]["creationTimestamp"] for each in jobs)
    assert (newest >= "2026-11-24T02:30") is (policy != "Forbid")


@pytest.mark.parametrize(
    ("text", "at", "due"),
    [
        ("*/15 * * * *", "2026-11-24T02:44", "2026-11-24T02:30"),
        ("5,35 1-3 * * *", "2026-11-24T04:00", "2026-11-24T03:35"),
        ("0 4 * * 1", "2026-11-24T02:44", "2026-11-23T04:00"),
        ("0 0 13 * 0", "2026-11-24T02:44", "2026-11-22T00:00"),
        ("@hourly", "2026-11-24T02:44", "2026-11-24T02:00"),
        ("30 2 * * 7", "2026-11-24T02:44", "2026-11-22T02:30"),
    ],
)
def test_a_schedule_is_read_as_cron_reads_it(text: str, at: str, due: str) -> None:
    until = datetime.fromisoformat(at).replace(tzinfo=UTC)
    found = schedule(text).last(datetime(2026, 11, 1, tzinfo=UTC), until)
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "* * * *", "61 * * * *", "*/0 * * * *", "a * * * *", "5-1 * * * *"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(BadSchedule):
        schedule(text)
    with pytest.raises(Invalid):
        cron(Bench(), schedule=text)


def autoscaler(bench: Bench, least: int, most: int) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most}
    head = {"name": "web", "namespace": "shop"}
    return bench.store.create("horizontalpodautoscalers", {"metadata": head, "spec": spec})


@pytest.mark.parametrize(("least", "most", "kept"), [(1, 2, 2), (4, 6, 4), (1, 5, 3)])
def test_an_autoscaler_keeps_the_count_between_its_bounds(least: int, most: int, kept: int) -> None:
    bench = Bench()
    bench.deployment(replicas=3)
    autoscaler(bench, least, most)
    bench.later(10)
    assert bench.get("deployments")["spec"]["replicas"] == kept
    assert len(bench.pods()) == kept
    scaler = bench.get("horizontalpodautoscalers")
    assert scaler["status"]["currentReplicas"] == scaler["status"]["desiredReplicas"] == kept
    limited = condition(scaler, "ScalingLimited")
    assert (limited["status"] == "True") is (kept == most)
    assert bool(bench.events("SuccessfulRescale")) is (kept != 3)


def test_an_autoscaler_leaves_what_somebody_switched_off_at_zero() -> None:
    bench = Bench()
    bench.deployment(replicas=0)
    autoscaler(bench, 2, 4)
    bench.later(5)
    assert bench.pods() == []
    assert condition(bench.get("horizontalpodautoscalers"), "ScalingActive")["reason"] == "ScalingDisabled"


def test_an_autoscaler_without_a_target_says_so() -> None:
    bench = Bench()
    autoscaler(bench, 2, 4)
    bench.later(2)
    assert condition(bench.get("horizontalpodautoscalers"), "AbleToScale")["reason"] == "FailedGetScale"


def test_a_pod_counts_only_after_the_time_it_must_have_been_ready() -> None:
    bench = Bench()
    bench.deployment(replicas=1, minReadySeconds=30)
    bench.later(20)
    assert bench.get("deployments")["status"].get("availableReplicas", 0) == 0
    bench.later(20)
    assert bench.get("deployments")["status"]["availableReplicas"] == 1
