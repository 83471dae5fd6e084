"""Killed for memory: found although it runs again, and not confused with other kills."""

from __future__ import annotations

from agents.incident import Finding, Severity
from agents.investigator.analyzers.oom import out_of_memory
from tests.support.kube_objects import Json, crashing, ended, pod
from tests.support.scenes import scene

LIMIT = {"resources": {"limits": {"memory": "128Mi"}}}


def found(*objects: Json) -> list[Finding]:
    return list(out_of_memory(scene(list(objects)).snapshot))


def test_a_kill_is_found_although_the_container_runs_again() -> None:
    (finding,) = found(pod("web-r2-aaaaa", container=LIMIT, restarts=3, last=ended("OOMKilled", 137)))
    assert finding.code == "pod.container.oom_killed"
    assert finding.fields["limit"] == "128Mi"
    assert finding.fields["restarts"] == 3
    assert finding.fields["running_again"] is True
    assert finding.severity is Severity.WARNING
    assert finding.since is not None


def test_a_kill_of_days_ago_is_only_information_while_the_container_runs_well() -> None:
    old = ended("OOMKilled", 137, at="2026-11-22T00:00:00Z")
    (well,) = found(pod("web-r2-aaaaa", container=LIMIT, restarts=1, last=old))
    (down,) = found(pod("web-r2-bbbbb", container=LIMIT, restarts=1, last=old, ready=False))
    assert (well.severity, down.severity) == (Severity.INFO, Severity.CRITICAL)


def test_a_container_that_is_down_because_of_it_is_critical() -> None:
    (finding,) = found(crashing("web-r2-aaaaa", 137, "OOMKilled", container=LIMIT))
    assert finding.severity is Severity.CRITICAL


def test_without_a_limit_the_node_was_short() -> None:
    (finding,) = found(pod("web-r2-aaaaa", restarts=1, last=ended("OOMKilled", 137)))
    assert "limit" not in finding.fields
    assert "node" in finding.message


def test_exit_code_137_without_the_reason_is_not_memory() -> None:
    assert found(crashing("web-r2-aaaaa", 137, "Error", container=LIMIT)) == []


def test_a_healthy_pod_and_one_on_its_way_out_are_silent() -> None:
    leaving = pod("web-r2-bbbbb", last=ended("OOMKilled", 137), deletionTimestamp="2026-11-24T02:09:00Z")
    assert found(pod("web-r2-aaaaa", container=LIMIT), leaving) == []
