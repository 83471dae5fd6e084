"""The brake in words: what holds now, by file and by row, and whom it was told by."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.ledger import brake
from agents.ledger.brake import BY_HAND, HALTED
from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_plans import pending
from tests.contracts.test_ledger_record import record, woken
from tests.support.pretend_queue import RememberingQueue

SAID = ("U0ADA", "a drill")


@contextmanager
def full(ledger: Ledger) -> Iterator[None]:
    """The database takes no change of the brake's row."""
    with ledger.writer.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON halt BEGIN SELECT RAISE(ABORT, 'it is full'); END"
        )
    yield
    with ledger.writer.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")


@pytest.fixture
def lite(empty: Path, tmp_path: Path) -> Iterator[Ledger]:
    """On SQLite, whose trigger it is."""
    path = shutil.copy(empty, tmp_path / "lite.db")
    opened = Ledger(f"sqlite:///{path}", RememberingQueue())
    yield opened
    opened.close()


def test_a_halt_is_a_file_for_its_owner_and_a_row_and_wakes_whoever_has_an_open_plan(
    ledger: Ledger, clock: HandClock, tmp_path: Path
) -> None:
    path = tmp_path / "deep" / "down" / "halt"
    pending(ledger, clock)
    woken(ledger)
    assert (
        brake.halt(ledger, path, SAID) == HALTED == "halted: nothing will be changed until somebody resumes"
    )
    assert path.read_text() == "a drill\n"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert woken(ledger) == [("gatekeeper", 1, None), ("actor", 1, None)]
    assert brake.status(ledger, path) == "halted by U0ADA at 00:30:00 UTC: a drill"
    assert brake.halt(ledger, path, ("U0BEN", "")) == HALTED
    assert brake.status(ledger, path) == "halted by U0BEN at 00:30:00 UTC: no reason given"
    assert brake.resume(ledger, path, SAID) == "resumed"
    assert brake.status(ledger, path) == "on watch"
    assert [(tag, body) for tag, body, _, _ in record(ledger, Tag.HALTED.value, Tag.RESUMED.value)] == [
        (Tag.HALTED.value, {"by": "U0ADA", "reason": "a drill"}),
        (Tag.HALTED.value, {"by": "U0BEN", "reason": ""}),
        (Tag.RESUMED.value, {"by": "U0ADA", "reason": "a drill"}),
    ]


def test_a_resume_needs_no_file(ledger: Ledger, tmp_path: Path) -> None:
    assert brake.resume(ledger, tmp_path / "halt", SAID) == "resumed"


def test_a_halt_without_its_file_holds_by_its_row_and_says_what_is_missing(
    ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    said = brake.halt(ledger, tmp_path / "taken" / "halt", SAID)
    assert said.startswith(f"{HALTED} (the halt file cannot be written: [Errno ")
    assert brake.status(ledger, tmp_path / "halt").startswith("halted by U0ADA")


def test_a_halt_without_its_row_holds_by_its_file(lite: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "halt"
    with full(lite):
        said = brake.halt(lite, path, SAID)
        assert said == f"the ledger did not take the write: it is full; {path} holds the actor"
        assert brake.status(lite, path) == f"halted by the file {path}"
        (tmp_path / "taken").write_text("")
        nowhere = brake.halt(lite, tmp_path / "taken" / "halt", SAID)
        assert nowhere.startswith("NOT halted: the halt file cannot be written: [Errno ")
        assert nowhere.endswith(f"; the ledger did not take the write: it is full. {BY_HAND}")
        with pytest.raises(LedgerUnavailable, match="it is full"):
            brake.resume(lite, path, SAID)
    assert path.exists(), "it goes last"


def test_where_the_ledger_cannot_be_read_the_file_is_what_is_known(tmp_path: Path) -> None:
    empty = Ledger(f"sqlite:///{tmp_path / 'empty.db'}")
    assert brake.status(empty, tmp_path / "halt").startswith(
        "not known: the ledger cannot be read: no such table"
    )
    brake.put_file(tmp_path / "halt", "a drill")
    assert brake.status(empty, tmp_path / "halt") == f"halted by the file {tmp_path / 'halt'}"
    empty.close()
