"""SIGKILL of ``midwatch serve`` after each stage of an investigation, before the stage's checkpoint.

One incident dies in every stage on its way from the alert to its end; five incidents do so, each in a data
centre of its own. Whatever is repeated, there is one card, one plan and one change.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agents.incident import IncidentState, Recovery
from agents.ledger.protocol import PlanState
from agents.ledger.story import Story
from tests.support.story import Scene, scene

RUNS = 5
# More data centres than this in one interpreter, and their API servers answer later than the product waits.
AT_ONCE = 2
STAGES_TO_THE_CARD = ("receive", "triage", "gather", "diagnose", "propose")
STAGES_AFTER_THE_CLICK = ("wait", "after_wait", "verify", "close")

# What the ledger must hold when a stage was killed: its work, and nothing of the next one's.
_DONE: dict[str, Callable[[Story], bool]] = {
    "receive": lambda told: told.incident.phase == "investigating" and not told.evidence,
    "triage": lambda told: not told.evidence,
    "gather": lambda told: bool(told.evidence) and told.diagnosis is None,
    "diagnose": lambda told: told.diagnosis is not None and not told.plans,
    # On a busy machine: a cluster that did not answer in time is looked at again, and that is said.
    "propose": lambda told: bool(told.plans) or _owes_a_plan(told),
    "wait": lambda told: _states(told) == [PlanState.SUCCEEDED] and told.incident.phase != "verifying",
    "after_wait": lambda told: told.incident.phase == "verifying",
    "verify": lambda told: told.outcome is None,
    "close": lambda told: told.incident.state is IncidentState.CLOSED,
}


@pytest.mark.timeout(900)  # fifty starts on two cores
def test_an_investigator_killed_in_every_stage_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lives = [pool.submit(_killed_in_every_stage, tmp_path / str(run)) for run in range(RUNS)]
    for life in lives:
        life.result()


def _killed_in_every_stage(folder: Path) -> None:
    with scene("bad-image", folder) as at:
        at.centre.break_it()
        for stage in STAGES_TO_THE_CARD:
            _dies_in(at, stage)
        at.serve("i-wait")
        at.approve()
        _died_in(at, "wait")
        for stage in STAGES_AFTER_THE_CLICK[1:]:
            _dies_in(at, stage)
        at.serve("none")
        _one_of_each(at)


def _dies_in(at: Scene, stage: str) -> None:
    at.serve(f"i-{stage}")
    _died_in(at, stage)


def _died_in(at: Scene, stage: str) -> None:
    at.until(lambda: at.started[-1].code() is not None)
    assert at.started[-1].code() == -signal.SIGKILL, at.started[-1].tail()
    told = at.told()
    assert told is not None
    assert _DONE[stage](told), f"{stage} was not where it was killed: {told}"
    at.lease_over()


def _one_of_each(at: Scene) -> None:
    told = at.told()
    assert told is not None
    assert told.outcome is not None
    assert told.outcome.recovery is Recovery.RECOVERED
    assert _states(told) == [PlanState.SUCCEEDED]
    assert len(at.effects()) == 1
    at.until(lambda: "Recovered" in str(at.cards()))
    assert len(at.cards()) == 1
    assert at.whole() == ()


def _owes_a_plan(told: Story) -> bool:
    return "looking again" in told.incident.phase


def _states(told: Story) -> list[PlanState]:
    return [view.state for view in told.plans]
