"""What the shell is offered while somebody types, asked as bash, zsh and fish ask it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agents.ledger.store import Ledger
from tests.support.pretend_queue import RememberingQueue
from tests.support.watching import HOSTILE, environment, opened

ASK = "from midwatch.cli import app; app(prog_name='midwatch')"


def offered(shell: str, line: str, more: dict[str, str]) -> str:
    """The answer to one press of the tab key behind ``line``."""
    words = line.split(" ")
    asked = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    environ = os.environ | more | asked | {"_MIDWATCH_COMPLETE": f"complete_{shell}"}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stderr == "", done.stderr
    return done.stdout


@pytest.fixture
def known(empty: Path, tmp_path: Path) -> dict[str, str]:
    """A ledger with an incident of an ugly name and a plan that waits."""
    url = f"sqlite:///{shutil.copy(empty, tmp_path / 'ledger.db')}"
    ledger = Ledger(url, RememberingQueue())
    opened(ledger, 1, alertname=f"$(touch {tmp_path / 'owned'})`id`'\";{HOSTILE}")
    ledger.close()
    return environment(url, tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_an_incident_is_offered_by_number_and_in_our_words(known: dict[str, str], shell: str) -> None:
    said = offered(shell, "midwatch show INC", known)
    assert "INC-1" in said
    assert not {"$", "`", ";", "\x1b"} & set(said.replace("_arguments '*: :((", "").replace("))'", ""))
    assert "touch" not in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("midwatch inc", {"incidents"}),
        ("midwatch demo s", {"scaled-to-zero", "selector-mismatch"}),
        ("midwatch runbook KubeQuotaEx", {"KubeQuotaExceeded"}),
        ("midwatch analyze --filter Stateful", {"StatefulSet"}),
        ("midwatch incidents --severity c", {"critical"}),
        ("midwatch incidents --state ", {"open", "closed"}),
    ],
)
def test_names_are_offered_from_where_they_stand(tmp_path: Path, line: str, words: set[str]) -> None:
    nowhere = {"MIDWATCH_STATE_DIR": str(tmp_path / "none")}
    assert set(offered("bash", line, nowhere).split()) == words


def test_a_plan_that_waits_is_offered(known: dict[str, str]) -> None:
    (plan,) = offered("bash", "midwatch policy explain ", known).split()
    assert len(plan) == 16


def test_where_there_is_no_ledger_nothing_is_offered_and_nothing_is_made(tmp_path: Path) -> None:
    state = tmp_path / "none"
    assert offered("bash", "midwatch show ", {"MIDWATCH_STATE_DIR": str(state)}).strip() == ""
    assert offered("bash", "midwatch show ", {"MIDWATCH_NONSENSE": "1"}).strip() == ""
    assert not state.exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_told_how_to_ask(tmp_path: Path, shell: str) -> None:
    environ = os.environ | {"_MIDWATCH_COMPLETE": f"source_{shell}", "MIDWATCH_STATE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environ, capture_output=True, text=True, check=False
    )
    assert f"_MIDWATCH_COMPLETE=complete_{shell}" in done.stdout
