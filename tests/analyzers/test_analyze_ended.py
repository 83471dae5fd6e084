"""How pods and containers ended; what was retried well, replaced or only a debug session stays quiet."""

from __future__ import annotations

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.ended import ended
from tests.support.kube_objects import CREATED, Json, crashing, event, meta, owned_by, pod
from tests.support.kube_objects import ended as end
from tests.support.scenes import scene


def gone(reason: str, message: str = "", *, at: str = "2026-11-24T02:05:00Z", **more: object) -> Json:
    made = pod("web-r2-a", phase="Failed", ready=False, **more)
    made["status"] = {
        "phase": "Failed",
        "reason": reason,
        "message": message,
        "conditions": [{"type": "DisruptionTarget", "lastTransitionTime": at}],
    }
    return made


def alone(state: Json, **more: object) -> Json:
    return pod("task", state=state, ready=False, ownerReferences=[], **more)


def found(*objects: Json) -> list[Finding]:
    return list(ended(scene(list(objects)).snapshot))


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Evicted", "pod.evicted"),
        ("OutOfcpu", "pod.refused_by_node"),
        ("UnexpectedAdmissionError", "pod.refused_by_node"),
        ("NodeAffinity", "pod.refused_by_node"),
        ("Terminated", "pod.lost_with_node"),
        ("NodeLost", "pod.lost_with_node"),
        ("DeadlineExceeded", "pod.deadline_exceeded"),
    ],
)
def test_what_befell_a_pod_is_told_apart(reason: str, code: str) -> None:
    (finding,) = found(gone(reason, "The node was low on resource: memory. "))
    assert (finding.code, finding.severity) == (code, Severity.WARNING)
    short = {"short_of": "memory"} if reason == "Evicted" else {}
    assert finding.fields == {"reason": reason, "message": "The node was low on resource: memory."} | short


def test_what_is_long_past_is_only_information() -> None:
    assert found(gone("Evicted", at="2026-11-23T00:00:00Z"))[0].severity is Severity.INFO


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("The node was low on resource: ephemeral-storage. Threshold", {"short_of": "ephemeral-storage"}),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.", {"own_limit": True}),
        ("Container web exceeded its local ephemeral storage limit 2Gi.", {"own_limit": True}),
        ('Usage of EmptyDir volume "tmp" exceeds the limit "1Gi".', {"own_limit": True}),
        ("somebody asked for it", {}),
    ],
)
def test_an_eviction_is_the_nodes_want_or_the_pods_own_use(message: str, fields: Json) -> None:
    (finding,) = found(gone("Evicted", message))
    assert {key: finding.fields[key] for key in ("short_of", "own_limit") if key in finding.fields} == fields


def test_an_eviction_without_a_time_is_old_where_no_event_tells_of_it() -> None:
    left = gone("Evicted", "The node was low on resource: memory.")
    left["status"] |= {"conditions": [], "startTime": "2026-11-21T00:00:00Z"}
    other = event(pod("web-r2-b"), "Pulled", "all is well")
    (old,) = found(left, other)
    (fresh,) = found(left, event(left, "Evicted", "The node was low on resource: memory."))
    (unknown,) = found(left)
    assert (old.severity, fresh.severity, unknown.severity) == (
        Severity.INFO,
        Severity.WARNING,
        Severity.WARNING,
    )


def test_a_container_that_ended_with_an_error_is_found_with_its_code() -> None:
    (finding,) = found(alone(end("Error", 127), phase="Failed"))
    assert (finding.code, finding.severity) == ("pod.container.failed", Severity.WARNING)
    assert finding.fields["exit_code"] == 127
    assert "command was not found" in finding.message


def test_an_init_container_counts_and_a_debug_session_is_only_information() -> None:
    sick = alone({"waiting": {"reason": "PodInitializing"}}, phase="Pending")
    sick["status"]["initContainerStatuses"] = [{"name": "migrate", "state": end("Error", 1)}]
    sick["status"]["ephemeralContainerStatuses"] = [{"name": "debugger", "state": end("Error", 130)}]
    init, debug = found(sick)
    assert (init.fields["container"], init.severity) == ("migrate", Severity.WARNING)
    assert (debug.fields["container"], debug.severity) == ("debugger", Severity.INFO)


def test_what_a_controller_has_replaced_or_restarts_is_only_information() -> None:
    (replaced,) = found(pod(state=end("Error", 1), ready=False, phase="Failed"))
    (restarts,) = found(pod(state=end("Error", 1), ready=False, restarts=1))
    assert replaced.severity is restarts.severity is Severity.INFO
    once = {"containers": [{"name": "web"}], "restartPolicy": "Never"}
    (failed,) = found(pod(state=end("Error", 1), ready=False, phase="Failed", spec=once))
    (stays,) = found(pod(state=end("Error", 1), ready=False, spec=once))
    assert (failed.severity, stays.severity) == (Severity.INFO, Severity.WARNING)


JOB = {
    "kind": "Job",
    "metadata": meta("Job", "report"),
    "status": {"conditions": [{"type": "Complete", "status": "True"}]},
}


@pytest.mark.parametrize(
    "healthy",
    [
        [pod()],
        [alone(end("Completed", 0), phase="Succeeded")],
        [
            JOB,
            pod("report-x", state=end("Error", 1), phase="Failed", ownerReferences=owned_by("Job", "report")),
        ],
        [alone(end("Error", 1), deletionTimestamp=CREATED)],
        [alone(end("OOMKilled", 137))],
        [crashing("web-r2-a")],
        [alone(end("Error", 1), restarts=4)],
    ],
    ids=["runs", "done", "retried well", "leaving", "memory's", "crash loop's", "loops without back-off"],
)
def test_what_ended_well_or_is_told_elsewhere_is_silent(healthy: list[Json]) -> None:
    assert found(*healthy) == []
