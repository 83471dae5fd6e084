"""Runbooks: every one loads, each alert has at most one, and none can say more than it may."""

from __future__ import annotations

from pathlib import Path

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.book import Runbook, RunbookError, parse
from runbooks.shelf import SHIPPED, load

SHELF = load()
LABELS = {
    "namespace": "shop",
    "deployment": "web",
    "statefulset": "db",
    "pod": "web-1",
    "container": "web",
    "service": "web",
    "node": "worker-1",
    "job_name": "nightly",
    "horizontalpodautoscaler": "web",
    "persistentvolumeclaim": "data-0",
    "daemonset": "agent",
}
ALERTS = (
    "CPUThrottlingHigh",
    "HttpErrorRateHigh",
    "KubeContainerOOMKilled",
    "KubeContainerWaiting",
    "KubeHpaMaxedOut",
    "KubeDeploymentReplicasMismatch",
    "KubeJobFailed",
    "KubeNodeNotReady",
    "KubePersistentVolumeFillingUp",
    "KubePodCrashLooping",
    "KubePodNotReady",
    "KubeStatefulSetReplicasMismatch",
    "TargetDown",
    "Watchdog",
    "ProbeFailed",
)
GOOD = """---
title: T
matches: {alertnames: [A]}
questions: [q]
allowed_actions: [scale]
escalate_to: somebody
---
Text.
"""


@pytest.mark.parametrize("name", ALERTS)
def test_every_known_alert_has_a_runbook(name: str) -> None:
    book = SHELF.match({"alertname": name, **LABELS})
    assert book is not None
    assert name in book.matches.alertnames


def test_every_file_of_the_folder_is_on_the_shelf() -> None:
    assert {book.name for book in SHELF.books} == {path.stem for path in SHIPPED.glob("*.md")}


@pytest.mark.parametrize("book", SHELF.books, ids=lambda book: book.name)
def test_every_check_is_promql_for_the_alerts_own_labels(book: Runbook) -> None:
    query = book.verify_query(LABELS)
    assert bool(query) == bool(book.verify)
    if query:
        promql_parser.parse(query)


def test_the_watchdogs_runbook_allows_nothing() -> None:
    book = SHELF.match({"alertname": "Watchdog"})
    assert book is not None
    assert book.allowed_actions == ()


def test_an_unknown_alert_has_no_runbook() -> None:
    assert SHELF.match({"alertname": "Whatever"}) is None
    assert SHELF.match({}) is None


@pytest.mark.parametrize(
    "text",
    [
        "no front matter",
        "---\n[]\n---\nbody\n",
        GOOD.replace("scale", "run_shell"),
        GOOD.replace("title: T\n", ""),
        GOOD.replace("title: T", "title: T\nsurprise: 1"),
        GOOD.replace("{alertnames: [A]}", "{}"),
        GOOD.replace("questions: [q]", "questions: []"),
        GOOD.replace("Text.", ""),
        GOOD.replace("title: T", "title: [unclosed"),
    ],
)
def test_a_file_that_says_something_unknown_is_refused(text: str) -> None:
    with pytest.raises(RunbookError, match="book"):
        parse("book", text)


def test_two_books_for_the_same_alert_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(GOOD, encoding="utf-8")
    with pytest.raises(RunbookError, match="both for A"):
        load(tmp_path)


def test_labels_narrow_and_the_narrower_book_wins(tmp_path: Path) -> None:
    (tmp_path / "wide.md").write_text(GOOD, encoding="utf-8")
    narrow = GOOD.replace("[A]}", "[A], labels: {team: shop}}")
    (tmp_path / "narrow.md").write_text(narrow, encoding="utf-8")
    shelf = load(tmp_path)
    names = [
        getattr(shelf.match({"alertname": "a", **more}), "name", "")
        for more in ({"team": "shop"}, {"team": "x"}, {})
    ]
    assert names == ["narrow", "wide", "wide"]


def test_a_check_is_left_out_when_the_alert_lacks_a_label_it_needs() -> None:
    book = SHELF.match({"alertname": "KubePodNotReady"})
    assert book is not None
    assert book.verify_query({"namespace": "shop"}) == ""


@settings(deadline=None)
@given(st.text(max_size=30))
def test_a_label_value_cannot_extend_the_query(value: str) -> None:
    book = parse("book", GOOD.replace("title: T", 'title: T\nverify: up{service="$service"} == 0'))
    query = book.verify_query({"service": value})
    if query:
        left = promql_parser.parse(query).lhs
        (matcher,) = left.matchers.matchers
        assert matcher.value == value
