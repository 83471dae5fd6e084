"""Probes that fail, where they ask and why; a pod that passes again, or starts in its time, is silent."""

from __future__ import annotations

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.ports import ports
from agents.investigator.analyzers.probes import probes
from agents.investigator.analyzers.probes_words import start_budget
from agents.investigator.analyzers.snapshot import Analyzer
from tests.support.kube_objects import CREATED, Json, crashing, event, pod, waiting
from tests.support.scenes import scene

HTTP = {
    "readinessProbe": {"httpGet": {"port": 8080, "path": "/ready", "scheme": "HTTP"}},
    "ports": [{"containerPort": 8080, "name": "http"}],
}
REFUSED = "Readiness probe failed: Get http://10.0.0.7:8080/ready: dial tcp: connection refused"
YOUNG = "2026-11-24T02:08:00Z"


def unready(container: Json | None = None, *, since: str = YOUNG, **more: object) -> Json:
    made = pod("web-r2-a", ready=False, container=container or HTTP, **more)
    made["status"]["conditions"][0]["lastTransitionTime"] = since
    return made


def asks(port: object, how: str = "httpGet") -> Json:
    return {**HTTP, "readinessProbe": {how: {"port": port}}}


def found(*objects: Json, by: Analyzer = probes) -> list[Finding]:
    return list(by(scene(list(objects)).snapshot))


@pytest.mark.parametrize(
    ("container", "message", "code", "fields"),
    [
        (HTTP, REFUSED, "fails", {"answer": "refused", "port": 8080, "path": "/ready", "declared": True}),
        (
            HTTP,
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
            "fails",
            {"answer": "status"},
        ),
        (HTTP, "Startup probe failed: connection refused", "fails", {"probe": "startup"}),
        (asks(9090), REFUSED, "wrong_port", {"port": 9090, "container_ports": [8080], "declared": False}),
        (asks("metrics", "tcpSocket"), REFUSED, "wrong_port", {"how": "tcpSocket", "port": "metrics"}),
        (asks("http"), REFUSED, "fails", {"port": "http", "declared": True}),
        (
            asks(9090),
            "Readiness probe failed: HTTP probe failed with statuscode: 404",
            "fails",
            {"port": 9090},
        ),
        (
            HTTP,
            "Readiness probe failed: http: server gave HTTP response to HTTPS client",
            "wrong_protocol",
            {"scheme": "HTTP"},
        ),
        (
            HTTP,
            "Readiness probe failed: context deadline exceeded (Client.Timeout exceeded)",
            "too_slow",
            {"timeout_seconds": 1},
        ),
        (
            {"readinessProbe": {"exec": {"command": ["x"]}}},
            "Readiness probe errored: no such file or directory",
            "fails",
            {"how": "exec", "answer": "command"},
        ),
    ],
)
def test_a_failing_probe_says_where_it_asks_and_what_it_gets(
    container: Json, message: str, code: str, fields: Json
) -> None:
    sick = unready(container)
    (finding,) = found(sick, event(sick, "Unhealthy", message))
    assert finding.code == f"pod.probe.{code}"
    assert finding.fields["container"] == "web"
    assert fields.items() <= finding.fields.items()


def killed(seconds: int, *, restarts: int = 3, **more: object) -> list[Json]:
    last = {
        "terminated": {
            "exitCode": 137,
            "startedAt": "2026-11-24T01:00:00Z",
            "finishedAt": f"2026-11-24T01:{seconds // 60:02}:{seconds % 60:02}Z",
        }
    }
    probe = {"httpGet": {"port": 8080}, "initialDelaySeconds": 5, "periodSeconds": 10, "failureThreshold": 3}
    sick = pod("web-r2-a", container={"livenessProbe": probe, **more}, last=last, restarts=restarts)
    return [
        sick,
        event(sick, "Unhealthy", "Liveness probe failed: connection refused"),
        event(sick, "Killing", "Container web failed liveness probe, will be restarted"),
    ]


def test_a_liveness_probe_that_kills_is_found_and_one_that_leaves_no_time_is_told_apart() -> None:
    (late,), (tight,) = found(*killed(900)), found(*killed(60))
    assert (late.code, tight.code) == ("pod.probe.kills", "pod.probe.start_too_tight")
    assert tight.fields["lived_seconds"] == 60
    assert tight.fields["start_budget_seconds"] == 75
    (guarded,) = found(*killed(60, startupProbe={"httpGet": {"port": 8080}}))
    assert guarded.code == "pod.probe.kills"


def test_a_readiness_gate_that_nobody_opens_is_named() -> None:
    sick = unready(spec={"readinessGates": [{"conditionType": "lb.example.io/ready"}]})
    sick["status"]["conditions"].append({"type": "ContainersReady", "status": "True"})
    (finding,) = found(sick)
    assert (finding.code, finding.fields) == ("pod.readiness_gate", {"gates": ["lb.example.io/ready"]})


def test_a_pod_that_has_not_been_ready_for_long_is_found_without_any_event() -> None:
    (finding,) = found(unready(since=CREATED))
    assert (finding.code, finding.fields) == ("pod.not_ready", {"containers": ["web"]})


@pytest.mark.parametrize(
    "healthy",
    [
        [pod(), event(pod(), "Unhealthy", REFUSED)],
        [unready()],
        [unready(), event(unready(), "Unhealthy", "Liveness probe failed: connection refused")],
        killed(900, restarts=0),
        [unready(since=CREATED, state=waiting("CrashLoopBackOff"))],
        [unready(deletionTimestamp=CREATED), event(unready(), "Unhealthy", REFUSED)],
        [
            unready(),
            event(
                unready(),
                "Unhealthy",
                REFUSED,
                involvedObject={
                    "kind": "Pod",
                    "namespace": "shop",
                    "name": "web-r2-a",
                    "fieldPath": "spec.containers{other}",
                },
            ),
        ],
    ],
    ids=["passes again", "starts", "liveness alone", "not restarted", "crash loop's", "leaving", "another's"],
)
def test_a_pod_that_is_well_or_told_elsewhere_is_silent(healthy: list[Json]) -> None:
    assert found(*healthy) == []


def two(*, unwell: bool, second: int = 8080, protocol: str = "TCP") -> Json:
    made = crashing("web-r2-a", container=HTTP) if unwell else pod("web-r2-a", container=HTTP)
    wants = [{"containerPort": second, "protocol": protocol}]
    made["spec"]["containers"].append({"name": "proxy", "ports": wants})
    return made


def test_two_containers_that_want_one_port_are_found_when_one_is_unwell() -> None:
    (finding,) = found(two(unwell=True), by=ports)
    assert finding.code == "pod.ports.conflict"
    assert finding.fields == {"port": "8080/TCP", "containers": ["web", "proxy"], "unwell": ["web"]}
    assert found(two(unwell=False), by=ports) == []
    assert found(two(unwell=True, second=8081), by=ports) == []
    assert found(two(unwell=True, protocol="UDP"), by=ports) == []


def test_only_containers_that_last_share_a_port() -> None:
    early, sidecar = (crashing("web-r2-a", container=HTTP) for _ in range(2))
    early["spec"]["initContainers"] = [{"name": "first", "ports": HTTP["ports"]}]
    sidecar["spec"]["initContainers"] = [{"name": "mesh", "ports": HTTP["ports"], "restartPolicy": "Always"}]
    assert found(early, by=ports) == []
    (finding,) = found(sidecar, by=ports)
    assert finding.fields["containers"] == ["mesh", "web"]


@pytest.mark.parametrize(
    ("probe", "spec", "seconds"),
    [
        ({}, {}, 70),
        ({"initialDelaySeconds": 15, "periodSeconds": 5, "failureThreshold": 2}, {}, 60),
        ({}, {"terminationGracePeriodSeconds": 0}, 40),
        ({"terminationGracePeriodSeconds": 5}, {"terminationGracePeriodSeconds": 60}, 45),
    ],
)
def test_a_start_has_delay_periods_and_grace(probe: Json, spec: Json, seconds: float) -> None:
    assert start_budget(probe, {"spec": spec}) == seconds
