"""What logs complain of, whom they name, and the same words where nothing is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.incident import Finding, Severity
from agents.investigator.analyzers.log_codes import LogCode
from agents.investigator.analyzers.log_said import said_in_logs
from agents.investigator.analyzers.snapshot import LogTail, Snapshot
from tests.support.kube_objects import Json, crashing, pod, service
from tests.support.scenes import START
from tools.kubernetes.inventory import Inventory

CORPUS = yaml.safe_load((Path(__file__).parents[1] / "fixtures/logs/corpus.yaml").read_text(encoding="utf-8"))
SICK, TRACES = CORPUS["sick"], CORPUS["traces"]
GO = TRACES[0]["log"]
KEY = ("shop", "web-r2-a", "web")


def snapshot(current: str = "", previous: str = "", sick: bool = False) -> Snapshot:
    """Pod ``web-r2-a`` at 10.1.0.7 with this log, Services ``db`` and ``orders``, and no other Service."""
    web = crashing("web-r2-a") if sick else pod("web-r2-a")
    web["status"]["podIP"] = "10.1.0.7"
    objects = [web, service("db", clusterIP="10.96.0.20"), service("orders", clusterIP="10.96.0.30")]
    return Snapshot(
        inventory=Inventory.of_list({"kind": "List", "items": objects}),
        taken_at=START + timedelta(minutes=10),
        logs={KEY: LogTail(current=current, previous=previous, evidence=("E7",))},
        evidence={"Pod": ("E1",), "Service": ("E2",)},
    )


def found(current: str = "", **more: Any) -> list[Finding]:
    return list(said_in_logs(snapshot(current, **more)))


@pytest.mark.parametrize("sick", SICK, ids=[one["log"][:60] for one in SICK])
def test_a_known_complaint_is_found_with_whom_and_what_it_names(sick: Json) -> None:
    (finding,) = found(f"starting\n{sick['log']}\n")
    assert (finding.code, finding.severity) == (f"log.{sick['code']}", Severity.INFO)
    expected = sick.get("fields", {})
    assert {key: finding.fields.get(key) for key in expected} == expected
    assert finding.fields["line"] in sick["log"]
    assert "E7" in finding.evidence


def test_every_condition_of_logs_has_a_line_in_the_corpus() -> None:
    told_elsewhere = {LogCode.ERROR_LINES, LogCode.NEW_ERROR, LogCode.ERRORS_ROSE, LogCode.EXCEPTION}
    assert {f"log.{one['code']}" for one in SICK} == {code.value for code in LogCode} - told_elsewhere


@pytest.mark.parametrize("sick", TRACES, ids=[one["runtime"] for one in TRACES])
def test_a_trace_is_told_with_the_first_frame_of_the_programs_own_code(sick: Json) -> None:
    (finding,) = found(f"starting\n{sick['log']}\ngoodbye\n")
    assert finding.code == LogCode.EXCEPTION == "log.exception"
    assert finding.fields["runtime"] == sick["runtime"]
    assert finding.fields["frame"].startswith(sick["frame"])
    assert finding.fields["frame"] in sick["log"]
    assert finding.fields["line"] in sick["log"]


@pytest.mark.parametrize("line", CORPUS["healthy"])
def test_a_healthy_log_is_silent(line: str) -> None:
    assert found(f"{line}\n") == []


@pytest.mark.parametrize("line", CORPUS["noisy"])
def test_the_same_words_where_nothing_is_wrong_are_silent(line: str) -> None:
    assert found(f"{line}\n") == []


def test_a_trace_that_ends_in_a_known_complaint_is_one_finding_with_the_place() -> None:
    (finding,) = found('Traceback (most recent call last):\n  File "/app/a.py", line 3, in go\n    x()\n'
                       "ConnectionRefusedError: [Errno 111] Connection refused by db:5432")  # fmt: skip
    assert finding.code == "log.connection_refused"
    assert finding.fields["frame"] == 'File "/app/a.py", line 3, in go'
    assert finding.fields["to"] == "Service/shop/db"


def test_a_complaint_that_is_made_again_is_counted_and_the_newest_line_quoted() -> None:
    lines = [f"dial tcp 10.96.0.20:5432: connect: connection refused (try {n})" for n in range(1, 4)]
    (finding,) = found("\n".join(lines))
    assert (finding.fields["count"], finding.fields["line"]) == (3, lines[-1])


def test_a_complaint_that_was_made_good_afterwards_is_silent_and_one_about_another_is_not() -> None:
    bad = "dial tcp: lookup db: no such host\n"
    assert found(bad + "connected to db:5432\n") == []
    assert found(bad + "connected to orders:8080\n") != []
    assert found("connected to db:5432\n" + bad) != []
    assert found(bad + "order placed successfully\n") != []
    assert found(bad + '{"level":"info","msg":"reconnected"}\n') == []


def test_the_run_that_died_speaks_and_a_run_that_ended_long_ago_does_not() -> None:
    (finding,) = found("starting\n", previous=GO, sick=True)
    assert finding.fields["of_previous_run"] is True
    assert found("starting\n", previous=GO) == []


def test_the_evidence_of_the_other_party_is_cited() -> None:
    (finding,) = found("dial tcp 10.96.0.20:5432: connect: connection refused\n")
    assert finding.evidence == ("E1", "E7", "E2")


def test_of_a_log_that_complains_of_everything_only_the_most_frequent_is_told() -> None:
    told = found("\n".join(one["log"] for one in SICK))
    assert len(told) == 6


def test_a_hostile_line_is_quoted_only_as_far_as_it_can_be_read() -> None:
    (finding,) = found("connection refused \u202egnp.exe" + "x" * 9_000)
    assert finding.fields["line"] == "connection refused"
