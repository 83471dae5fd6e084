"""Crash loops with their last words; pods that merely restarted once are left alone."""

from __future__ import annotations

import pytest

from agents.incident import Finding
from agents.investigator.analyzers.crash import crash_loops
from agents.investigator.analyzers.log_rules import Hint
from agents.investigator.analyzers.messages import recognise
from tests.support.kube_objects import Json, crashing, ended, event, pod
from tests.support.scenes import scene

KEY = ("shop", "web-r2-aaaaa", "web")


def found(*objects: Json, log: str = "") -> list[Finding]:
    return list(crash_loops(scene(list(objects), logs={KEY: log} if log else {}).snapshot))


def test_a_crash_loop_tells_how_it_ended_and_what_it_said_last() -> None:
    log = "starting\nloading settings\nError: dial tcp 10.0.0.7:5432: connect: connection refused\n"
    (finding,) = found(crashing("web-r2-aaaaa", 1), log=log)
    assert finding.code == "pod.container.crash_loop"
    assert finding.fields["exit_code"] == 1
    assert finding.fields["last_reason"] == "Error"
    assert finding.fields["hint"] == Hint.REFUSED
    assert finding.fields["hint_line"].startswith("Error: dial tcp")
    assert finding.fields["log"][-1] == finding.fields["hint_line"]
    assert finding.evidence == ("E1", "E2")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (("pods is forbidden: User x", "timed out waiting for caches to sync"), Hint.FORBIDDEN),
        (("timed out waiting for db", "pods is forbidden: User x"), Hint.FORBIDDEN),
        (("pods is forbidden: User x", "dial tcp: connection refused"), Hint.REFUSED),
        (("dial tcp: connection refused", "request timed out"), Hint.TIMED_OUT),
        (("request timed out",), Hint.TIMED_OUT),
    ],
    ids=["it waited in vain", "it stands last", "another fault came after", "no right was missing", "alone"],
)
def test_who_waits_in_vain_for_what_it_may_not_do_lacks_a_right(said: tuple[str, ...], hint: Hint) -> None:
    known = recognise("\n".join(f"Error: {line}" for line in said))
    assert known is not None
    assert known.hint is hint


def test_without_a_log_the_termination_message_speaks() -> None:
    said = ended("Error", 1, message="FATAL: DATABASE_URL is not set")
    (finding,) = found(crashing("web-r2-aaaaa", last=said))
    assert finding.fields["hint"] == Hint.ENV_MISSING


def test_a_loop_that_happens_to_run_between_two_back_offs_is_still_a_loop() -> None:
    (finding,) = found(pod("web-r2-aaaaa", restarts=4, last=ended("Error", 2), ready=False))
    assert finding.fields["exit_code"] == 2


def test_a_pod_that_crashed_often_but_long_ago_is_silent() -> None:
    assert found(pod("web-r2-aaaaa", restarts=40, last=ended("Error", 1, at="2026-11-23T20:00:00Z"))) == []


def test_one_restart_is_no_loop() -> None:
    assert found(pod("web-r2-aaaaa", restarts=1, last=ended("Error", 1))) == []


def test_a_container_that_ends_well_each_time_is_no_loop_until_the_kubelet_backs_off() -> None:
    assert found(pod("web-r2-aaaaa", restarts=9, last=ended("Completed", 0))) == []


def test_the_loop_began_when_the_kubelet_first_backed_off_and_not_when_the_pod_was_made() -> None:
    sick = crashing("web-r2-aaaaa")
    (unknown,) = found(sick)
    (known,) = found(sick, event(sick, "BackOff", "Back-off restarting failed container"))
    assert unknown.since is None
    assert known.since is not None
    assert known.since.isoformat() == "2026-11-24T01:58:00+00:00"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("dial tcp 10.1.2.3:6379: connect: connection refused", Hint.REFUSED),
        (
            "psycopg.OperationalError: could not translate host name: Name or service not known",
            Hint.NAME_UNRESOLVED,
        ),
        ("redis.exceptions.TimeoutError: i/o timeout", Hint.TIMED_OUT),
        ('FATAL: password authentication failed for user "shop"', Hint.CREDENTIALS),
        ("x509: certificate has expired or is not yet valid", Hint.CERTIFICATE),
        ('pods is forbidden: User "system:serviceaccount:shop:web" cannot list', Hint.FORBIDDEN),
        ("KeyError: 'PAYMENT_TOKEN'", Hint.ENV_MISSING),
        ("environment variable API_KEY is required", Hint.ENV_MISSING),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/etc/app/app.yaml'", Hint.FILE_MISSING),
        ('exec: "/app/run": stat /app/run: no such file or directory', Hint.COMMAND_MISSING),
        ("open /data/db: permission denied", Hint.PERMISSION),
        ("listen tcp :8080: bind: address already in use", Hint.PORT_TAKEN),
        ("FATAL ERROR: JavaScript heap out of memory", Hint.MEMORY),
        ("write /data/wal: no space left on device", Hint.DISK_FULL),
        ("exec /app: exec format error", Hint.WRONG_PLATFORM),
        ("error: unknown flag: --colour", Hint.BAD_FLAG),
        ("panic: runtime error: index out of range", Hint.PANIC),
    ],
)
def test_lines_that_every_engineer_knows_are_recognised(line: str, hint: Hint) -> None:
    known = recognise(f"started\n{line}\n")
    assert known is not None
    assert known.hint is hint


def test_ordinary_lines_are_not_recognised() -> None:
    log = (
        '{"level":"info","msg":"listening","port":8080}\n{"level":"info","msg":"order placed","status":201}\n'
    )
    assert recognise(log) is None


def test_a_hostile_line_is_cut_where_it_stops_being_readable() -> None:
    (finding,) = found(crashing("web-r2-aaaaa"), log="ok \u202eesrever connection refused\n" + "x" * 5000)
    assert all(len(line) <= 240 and line.isprintable() for line in finding.fields["log"])
