"""How commands speak: inert, plain where nobody looks, at once, and with what to do next."""

from __future__ import annotations

import json
import os
import sys
from subprocess import run

import pytest
import typer

from midwatch import terminal


def test_an_answer_for_programs_is_ascii_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    told = {"title": "a\x1b[31m\x9b\u202e\u200b\x7fb é"}
    terminal.data(told)
    said = capsys.readouterr().out
    assert said.isascii()
    assert said.strip().isprintable()
    assert json.loads(said) == told, "and nothing of it is lost"


def test_what_is_said_is_inert_and_never_wrapped_where_nobody_looks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal.say("x" * 300 + "\x1b[2J [red]words[/red]")
    assert capsys.readouterr().out == "x" * 300 + "\\u{1b}[2J [red]words[/red]\n"


def test_the_end_says_what_is_wrong_and_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        terminal.end("there is no ledger", then="start it once")
    assert ended.value.exit_code == terminal.COULD_NOT
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "midwatch: there is no ledger\nnext: start it once\n")


def test_words_of_strangers_stay_on_one_line_without_their_secrets() -> None:
    secret = ("ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2)[:40]
    said = terminal.clean(f"one\ntwo\t {secret}\x07")
    assert said.startswith("one two [redacted:")
    assert secret not in said
    assert said.isprintable()


def test_work_is_not_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.work("counting", 3) as doing:
        doing.far(3)
        doing.words("the end")
    assert capsys.readouterr() == ("", "")


def test_work_is_shown_beside_the_answer_and_never_in_it() -> None:
    ask = "from midwatch.terminal import work, say\nwith work('counting', 3) as doing: doing.far(2)\nsay('3')"
    environ = os.environ | {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    done = run([sys.executable, "-c", ask], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"
    assert "counting" in done.stderr
    assert "67 %" in done.stderr


def test_the_help_brings_nothing_heavy_with_it() -> None:
    """What makes ``--help`` slow is what it imports; measuring time would measure the machine."""
    heavy = "rich|sqlmodel|kubernetes|pydantic|fastapi|langgraph|slack_bolt|orjson|playwright"
    ask = f"import sys, midwatch.cli; print([name for name in {heavy.split('|')} if name in sys.modules])"
    done = run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_colours_are_left_out_when_somebody_asks_for_none() -> None:
    ask = "from midwatch import terminal; terminal.say('words', style='bold red')"
    environ = os.environ | {"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm-256color"}
    done = run([sys.executable, "-c", ask], env=environ, capture_output=True, text=True, check=True)
    assert "31" not in done.stdout
