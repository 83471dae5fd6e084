"""Clocks that jump: only the ledger's time tells whether something is too late (threats T13, T38; P4)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.ledger import decisions, executions, investigations, moves, previews
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger
from tests.support.front_desk import draft
from tests.support.ledgers import empty_ledger
from tests.support.plans import a_decision
from tests.support.pretend_queue import RememberingQueue

MS = timedelta(milliseconds=1)


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    opened = Ledger(empty_ledger(tmp_path / "ledger.db"), RememberingQueue(), clock)
    yield opened
    opened.close()


def posted(ledger: Ledger, plan_id: str) -> None:
    card = previews.Posted(channel_id="C1", message_ts="1.1", card_digest="c")
    assert previews.mark_pending(ledger, plan_id, card) is None


@pytest.fixture(params=[-600, 0, 600], ids="process {} s off".format)
def skewed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's own idea of the time is wrong."""
    honest = time.time
    monkeypatch.setattr(time, "time", lambda: honest() + request.param)


@pytest.mark.usefixtures("skewed")
@pytest.mark.parametrize("sweeper", ["alive", "dead"])
@pytest.mark.parametrize("late", [-MS, 0 * MS, MS], ids=["before", "at", "after"])
def test_t38_a_claim_is_in_time_by_the_ledger_whatever_other_clocks_say(
    ledger: Ledger, clock: Clock, late: timedelta, sweeper: str
) -> None:
    plan = draft(ledger)
    posted(ledger, plan.id)
    decisions.decide(ledger, a_decision(plan, clock()))
    clock.at += timedelta(seconds=plan.claim_within_s) + late
    if sweeper == "alive":
        assert moves.expire_due(ledger, 1) == (late > 0 * MS)
    answer = executions.claim(ledger, plan.id, "actor-1", lambda _plan, _decision: True)
    assert isinstance(answer, Claim) is (late <= 0 * MS)
    if late > 0 * MS:
        assert answer in {Objection.EXPIRED, Objection.NO_SUCH_EDGE}


@pytest.mark.parametrize("sweeper", ["alive", "dead"])
@pytest.mark.parametrize("late", [-MS, 0 * MS, MS], ids=["before", "at", "after"])
def test_t13_a_signature_is_in_time_by_the_ledger_with_or_without_a_sweeper(
    ledger: Ledger, clock: Clock, late: timedelta, sweeper: str
) -> None:
    plan = draft(ledger)
    posted(ledger, plan.id)
    clock.at = plan.pending_until + late
    if sweeper == "alive":
        moves.expire_due(ledger, 1)
    answer = decisions.decide(ledger, a_decision(plan, clock()))
    assert isinstance(answer, decisions.Decided) is (late <= 0 * MS)


def test_t38_a_clock_that_goes_back_gives_no_time_back(ledger: Ledger, clock: Clock) -> None:
    plan = draft(ledger)
    posted(ledger, plan.id)
    clock.at = plan.pending_until + MS
    assert moves.expire_due(ledger, 1) == 1
    clock.at -= timedelta(hours=1)
    answer = decisions.decide(ledger, a_decision(plan, clock()))
    assert answer is Objection.NO_SUCH_EDGE
    with ledger.read() as session:
        found = moves.standing(session, plan.id)
    assert isinstance(found, moves.Standing)
    assert found.state is PlanState.EXPIRED
    assert investigations.take(ledger, 1, "again", 1) is not None
