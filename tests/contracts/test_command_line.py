"""What the commands say when something is away or odd: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from midwatch.check_told import PAGES
from midwatch.cli import app


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIDWATCH_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def run(*words: str) -> Result:
    found = CliRunner().invoke(app, list(words))
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


@pytest.mark.parametrize("word", ["abc", "", "INC-", "INC-1", "-1", "٣", "INC-999999999999999999999"])
def test_a_story_that_does_not_exist_is_said_to_be_none(state: Path, word: str) -> None:
    run("resume")
    found = run("show", "--", word)
    assert (found.exit_code, "there is no incident" in found.output) == (2, True)
    assert "next: `midwatch incidents` lists" in found.stderr


@pytest.mark.parametrize(
    "url", ["nonsense", "postgresql://ada:s3cret@127.0.0.1:9/x", "mysql://h/x", "foo://h"]
)
@pytest.mark.parametrize("command", [("verify",), ("show", "INC-1"), ("resume",), ("check",)])
def test_a_ledger_that_cannot_be_opened_is_told_in_a_sentence(
    state: Path, monkeypatch: pytest.MonkeyPatch, url: str, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("MIDWATCH_DATABASE_URL", url)
    found = run(*command)
    assert found.exit_code == (1 if command == ("check",) else 2), "check finds; the others could not"
    assert "check database_url and state_dir" in found.output
    assert "s3cret" not in found.output


def test_a_halt_holds_by_file_when_the_ledger_is_away_and_says_both(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDWATCH_DATABASE_URL", "postgresql://127.0.0.1:9/x")
    found = run("halt", "--reason", "storm")
    assert found.exit_code == 2
    assert f"{state / 'HALT'} holds the actor" in found.output
    assert (state / "HALT").read_text(encoding="utf-8") == "storm\n"
    assert run("resume").exit_code == 2
    assert (state / "HALT").exists(), "resumed is only what the ledger knows to be resumed"


def test_a_halt_that_could_not_be_made_says_so(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.write_text("a file where the folder should be", encoding="utf-8")
    found = run("halt")
    assert found.exit_code == 2
    assert "NOT halted" in found.output


def test_halting_twice_and_resuming_twice_is_fine(state: Path) -> None:
    assert [run(word).exit_code for word in ("halt", "halt", "resume", "resume")] == [0, 0, 0, 0]
    assert not (state / "HALT").exists()


def test_a_database_that_is_none_is_told(state: Path) -> None:
    state.mkdir()
    (state / "midwatch.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    assert "file is not a database" in run("verify").output


@pytest.mark.parametrize(
    "command",
    [
        ("verify",),
        ("incidents",),
        ("show", "INC-1"),
        ("tail",),
        ("tail", "-f"),
        ("plans",),
        ("export", "-o", "x"),
        ("evidence", "INC-1", "-o", "x"),
    ],
)
def test_whoever_only_reads_makes_no_ledger(state: Path, command: tuple[str, ...]) -> None:
    found = run(*command)
    assert found.exit_code == 2
    assert f"there is no ledger at {state / 'midwatch.db'}" in found.output
    assert not state.exists()


def test_a_ledger_of_a_newer_midwatch_is_told(state: Path) -> None:
    run("resume")
    with sqlite3.connect(state / "midwatch.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "9999" in run("verify").output


@pytest.mark.parametrize(
    ("command", "setting"), [("serve", "reader_kubeconfig"), ("actor", "actor_kubeconfig")]
)
def test_a_kubeconfig_that_cannot_be_used_is_named(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, setting: str
) -> None:
    bent = tmp_path / "bent"
    bent.write_text("clusters: [", encoding="utf-8")
    monkeypatch.setenv(f"MIDWATCH_{setting.upper()}", str(bent))
    monkeypatch.setenv("MIDWATCH_LISTEN", "127.0.0.1:0")
    found = run(command)
    assert found.exit_code == 2
    assert f"{setting} ({bent})" in found.output


def test_a_check_says_of_everything_that_is_missing_where_to_read_on(state: Path) -> None:
    found = run("check", "-o", "json")
    told = json.loads(found.stdout)
    assert found.exit_code == 1
    assert {one["what"] for one in told} >= {"ledger", "roster", "policy", "reader kubeconfig", "slack"}
    assert [one["what"] for one in told if bool(one["then"]) is one["ok"]] == []
    said = run("check").stdout.splitlines()
    assert "FIX  roster: " in "\n".join(said)
    assert said[-1] == f"{sum(not one['ok'] for one in told)} of {len(told)} to fix"


@pytest.mark.parametrize("named", sorted(set(PAGES.values())))
def test_where_to_read_on_is_there(named: str) -> None:
    pages = [part.partition(":")[0] for part in named.split(", ") if "/" in part]
    assert pages
    assert [page for page in pages if not (Path(__file__).parents[2] / page).exists()] == []


def test_a_record_is_verified_for_programs_too(state: Path) -> None:
    run("resume")
    told = json.loads(run("verify", "-o", "json").stdout)
    assert (told["ok"], told["events"], told["first_bad"]) == (True, 1, None)
