"""Error lines in logs are information: counted, quoted, and left to the crash where there is one."""

from __future__ import annotations

import re

import pytest

from agents.incident import Finding, Severity
from agents.investigator.analyzers.log import logs
from agents.investigator.analyzers.snapshot import ERROR_LINES, LogTail, Snapshot
from tests.support.kube_objects import Json, crashing, pod
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory

POD = pod("web-r2-a")


def found(*objects: Json, current: str = "", previous: str = "", errors: str = "") -> list[Finding]:
    tail = LogTail(current=current, previous=previous, evidence=("E7",))
    snapshot = Snapshot(
        inventory=Inventory.of_list({"items": list(objects)}),
        taken_at=scene([]).taken_at,
        logs={("shop", "web-r2-a", "web"): tail},
        error_lines=re.compile(errors) if errors else ERROR_LINES,
    )
    return list(logs(snapshot))


def test_error_lines_are_counted_and_the_different_ones_shown_as_they_stand() -> None:
    log = "up\nERROR order 17 failed\nERROR order 18 failed\nfatal: dial tcp 10.0.0.7: connection refused\n"
    (finding,) = found(POD, current=log)
    assert (finding.code, finding.severity) == ("log.error_lines", Severity.INFO)
    assert finding.fields == {
        "container": "web",
        "count": 3,
        "different": 2,
        "lines": ["ERROR order 18 failed", "fatal: dial tcp 10.0.0.7: connection refused"],
        "hint": "dependency_refused",
        "hint_line": "fatal: dial tcp 10.0.0.7: connection refused",
        "restarts": 0,
    }
    assert finding.evidence == ("E7",)


def test_the_run_before_speaks_when_this_one_has_no_complaint() -> None:
    (finding,) = found(pod("web-r2-a", restarts=1), current="ready\n", previous="panic: nil map\n")
    assert finding.fields["of_previous_run"] is True


def test_what_counts_as_an_error_can_be_said() -> None:
    (finding,) = found(POD, current="all is lost\n", errors="lost")
    assert finding.fields["lines"] == ["all is lost"]


def test_a_hostile_line_is_cut_where_it_stops_being_readable() -> None:
    (finding,) = found(POD, current="error \u202egnp.exe" + "x" * 5000)
    assert finding.fields["lines"] == ["error"]


@pytest.mark.parametrize("line", ["GET /ready 200", "done, 0 errors", "errors=0", "level=info msg=error",
                                  '{"level":"info","msg":"error budget"}', "terrorist"])  # fmt: skip
def test_ordinary_lines_are_silent(line: str) -> None:
    assert found(POD, current=line) == []


def test_a_crash_loop_keeps_its_last_words_to_itself_and_a_pod_that_is_gone_has_none() -> None:
    loop = crashing("web-r2-a")
    loop["status"]["containerStatuses"].append({"name": "proxy", "ready": True})
    assert found(loop, current="error\n") == []
    assert found(current="error\n") == []
