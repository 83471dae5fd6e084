"""Each threat that was written down has a test that says its number, and no test names one that was not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
THREATS = {
    1: "forged webhook",
    2: "replayed webhook",
    3: "cluster or tenant claimed by labels",
    4: "label crafted to steer the target",
    5: "resolved while an approval is pending",
    6: "truncated alerts taken for resolved",
    7: "forged click",
    8: "replayed signed click",
    9: "foreign workspace, partner or guest clicks",
    10: "another app's button, a copied or forwarded card",
    11: "a bot or a workflow approves",
    12: "double click, two approvers, approve beside deny",
    13: "stale approval",
    14: "approval of a superseded plan",
    15: "object changed between card and send",
    16: "object created again under the same name",
    17: "plan swapped in the database",
    18: "decision forged in the database",
    19: "record edited, cut or forked",
    20: "approver deprovisioned between click and claim",
    21: "roster poisoned by look-alikes",
    22: "prompt injection in telemetry",
    23: "exfiltration by link, image, PromQL or URL",
    24: "injection in what the approver reads",
    25: "Slack markup in strangers' text",
    26: "Unicode spoofing",
    27: "secrets in prompt, chat, record or log",
    28: "requests forged through addresses",
    29: "PromQL denial of service",
    30: "Kubernetes read denial of service",
    31: "huge, slow, packed or endless payload",
    32: "JSON bombs",
    33: "storms and approval fatigue",
    34: "cluster mix-up",
    35: "two plans fight over one object",
    36: "crash in the middle of a plan",
    37: "zombie resumes after a takeover",
    38: "clock jumps",
    39: "Slack down, limiting or disconnecting",
    40: "crash between click and acknowledgement",
    41: "model down, slow, malformed or refusing",
    42: "database down, full, read-only or locked",
    43: "stolen bot token edits the card",
    44: "stolen signing secret",
    45: "checkpoint bent or old thread resumed",
    46: "malicious dependency or plug-in",
    47: "configuration weakened by a typo",
    48: "own request approved",
    49: "dry-run with side effects, or skipped",
    50: "export or erasure leaks or breaks the chain",
    51: "login forged, bent, replayed or guessed",
    52: "a page's form sent from another site",
    53: "a role that was never given, or was lost",
}


def named() -> Iterator[tuple[int, str]]:
    """The numbers in the names of all tests and where those are, ``test_t09_t11_…`` counting for both."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                leading = re.match(r"test((?:_t\d+)+)_", node.name)
                for number in re.findall(r"\d+", leading[1]) if leading else []:
                    yield int(number), path.relative_to(TESTS).as_posix()


@pytest.fixture(scope="module")
def tested() -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for number, where in named():
        found.setdefault(number, set()).add(where)
    return found


def test_the_threats_are_numbered_without_gaps() -> None:
    assert list(THREATS) == list(range(1, 54))


def test_every_threat_has_a_test_by_its_number(tested: dict[int, set[str]]) -> None:
    assert {f"T{number}: {THREATS[number]}" for number in THREATS.keys() - tested.keys()} == set()
    assert tested.keys() - THREATS.keys() == set()


def test_the_page_tells_of_each_threat_and_names_its_tests(tested: dict[int, set[str]]) -> None:
    page = (TESTS.parent / "docs" / "threat-model.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| T(\d+) \| (.+?) \| .+? \| (.+?) \|$", page, re.MULTILINE)
    told = {int(number): (title, set(re.findall(r"`(.+?)`", where))) for number, title, where in rows}
    assert told == {number: (title, tested[number]) for number, title in THREATS.items()}
