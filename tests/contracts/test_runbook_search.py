"""Finding a runbook by words: what is promised of it, and that nothing is an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from evals.retrieval.score import FLOORS, kept, queries, scores
from midwatch.cli import app
from runbooks.search import Search
from runbooks.shelf import SHIPPED, load

SHELF = load()
SEARCH = Search(SHELF)


def test_the_right_book_is_found_as_often_as_is_promised() -> None:
    found = scores()
    assert kept(found), found
    # Those that no tuning looked at must hold too, or the rest is learned by heart.
    assert found["kept out of tuning"].at_1 >= FLOORS[0]
    assert not kept({"all": replace(found["all"], at_1=FLOORS[0] - 0.01)})


def test_the_questions_are_as_many_as_is_promised() -> None:
    every = queries()
    assert sum(bool(one.book) for one in every) >= 120
    assert sum(one.kind == "symptom" for one in every) >= len(every) / 2
    assert sum(one.held for one in every) >= len(every) // 3
    assert {one.book for one in every if one.book} == {path.stem for path in SHIPPED.glob("*.md")}


def test_there_are_forty_books_and_each_says_how_its_trouble_shows() -> None:
    assert len(SHELF.books) >= 40
    assert [book.name for book in SHELF.books if not book.symptoms] == []


@pytest.mark.parametrize("text", ["", "   ", "\0", "the of and", "zzzqqq xylophone", "\U0001f600"])
def test_what_fits_nowhere_finds_nothing(text: str) -> None:
    assert SEARCH.find(text) == ()


@given(st.text(max_size=200))
def test_no_text_upsets_it(text: str) -> None:
    found = SEARCH.find(text)
    assert len(found) <= 3
    assert all(0 < one.share <= 1.001 for one in found)


def test_an_alert_by_its_name_is_told_whole() -> None:
    told = CliRunner().invoke(app, ["runbook", "KubeQuotaExceeded"])
    assert told.exit_code == 0
    assert told.stdout.startswith("A namespace has used up what it may use (kube-quota)")
    assert "Wake: the platform team" in told.stdout


def test_words_find_a_book_and_say_what_else_it_may_be() -> None:
    told = CliRunner().invoke(app, ["runbook", "pods", "evicted", "from", "a", "node"])
    assert told.exit_code == 0
    assert "(kube-node-flapping)" in told.stdout
    assert "\nor " in told.stdout


def test_without_words_all_are_listed_and_without_a_match_that_is_said() -> None:
    listed = CliRunner().invoke(app, ["runbook"]).stdout.splitlines()
    assert len(listed) == len(SHELF.books)
    none = CliRunner().invoke(app, ["runbook", "please review my pull request"])
    assert (none.exit_code, "no runbook fits" in none.output) == (1, True)
