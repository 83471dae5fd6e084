"""Past incidents by words, from the command line: beside the runbooks, inert, silent where none fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from agents.incident import Hypothesis, Recovery
from agents.ledger.store import Ledger
from midwatch.cli import app
from midwatch.settings import Settings
from midwatch.wiring import ledger_of
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_hidden import bend
from tests.contracts.test_ledger_memory import BAD_IMAGE, CHECKOUT, Desk

MEMORY = Hypothesis(
    code="workload.memory.limit_reached",
    object=CHECKOUT.model_copy(update={"name": "cart"}),
    sentence="Container cart was killed for reaching its memory limit.",
    score=0.9,
)


@pytest.fixture
def desk(tmp_path: Path, clock: HandClock) -> Iterator[Desk]:
    """A ledger with one incident of an image and one of memory, both over."""
    ledger = ledger_of(Settings(state_dir=tmp_path))
    told = Ledger(ledger.url, ledger.queue, clock)
    made = Desk(told, clock)
    made.whole()
    made.closes(made.opens(MEMORY), Recovery.NOTHING_DONE)
    yield made
    told.close()
    ledger.close()


def asked(desk: Desk, *words: str) -> Result:
    folder = Path(desk.ledger.url.removeprefix("sqlite:///")).parent
    return CliRunner().invoke(app, ["runbook", "--past", *words], env={"MIDWATCH_STATE_DIR": str(folder)})


def seen(result: Result) -> list[str]:
    """The lines after the runbooks."""
    return result.stdout.partition("\nSeen before:\n")[2].splitlines()


def test_a_past_incident_is_found_by_what_it_was_and_told_with_its_end(desk: Desk) -> None:
    result = asked(desk, "memory limit reached")
    assert result.exit_code == 0
    assert "(kube-container-oom-killed)" in result.stdout, "the runbook is told as ever"
    (line,) = seen(result)
    assert line.startswith("INC-2, closed 2026-11-")
    assert line.endswith("Container cart was killed for reaching its memory limit. It ended as nothing done.")
    (line,) = seen(asked(desk, "rollout bad image"))
    assert line.startswith("INC-1, ")
    assert line.endswith(": recovered it in 50 s")


def test_without_a_match_nothing_is_said_to_have_been_seen(desk: Desk) -> None:
    result = asked(desk, "please review my pull request")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no runbook and no past incident fits that" in result.stderr
    assert seen(asked(desk, "KubeQuotaExceeded")) == []
    assert asked(desk).exit_code == 2


def test_the_words_of_strangers_stay_on_their_line_and_are_inert(desk: Desk) -> None:
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2
    said = f"zebra\n\x1b[2JINC-9, closed: all is well\u202e {secret[:40]}"
    desk.closes(desk.opens(BAD_IMAGE.model_copy(update={"sentence": said})))
    result = asked(desk, "zebra")
    assert len(seen(result)) == 1
    assert not {"\x1b", "\u202e"} & set(result.stdout)
    assert secret[:40] not in result.stdout


def test_of_a_bent_incident_no_end_is_told(desk: Desk) -> None:
    bend(desk.ledger, "UPDATE proposal SET state = 'FAILED'")
    (line,) = seen(asked(desk, "rollout bad image"))
    assert line.endswith("Its rows do not fit the record, so nothing is told of its end.")


def test_where_there_is_no_ledger_that_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["runbook", "--past", "memory"], env={"MIDWATCH_STATE_DIR": str(tmp_path / "none")}
    )
    assert result.exit_code == 2
    assert "there is no ledger at" in result.stderr
