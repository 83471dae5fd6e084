"""Two actors on one ledger: each plan is done once, and one that was stopped does not go on (T37, P9)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.incident import Plan
from agents.ledger.protocol import PlanState
from agents.ledger.story import PlanView, story
from agents.ledger.tags import Tag
from evals.world.datacentre import DataCentre
from evals.world.kubernetes.faults import Fault
from tests.support.datacentre import data_centre
from tests.support.hands import approved, hands_of
from tests.support.signed import broken_copies, time_passed
from tests.support.story import Scene, scene_in

PLANS = 6
SLOW_S = 1.5


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def at(centre: DataCentre, tmp_path: Path) -> Iterator[Scene]:
    with scene_in(centre, tmp_path) as made:
        yield made


def signed(at: Scene, *names: str) -> list[Plan]:
    """One signed plan for each Deployment, each in an incident of its own."""
    broken_copies(at.centre, names)
    with hands_of(at) as hands:
        return [approved(hands, at, name) for name in names]


def view(at: Scene, number: int) -> PlanView:
    told = story(at.ledger, number)
    assert told is not None
    assert told.plan is not None
    return told.plan


def effects(at: Scene, plan: Plan) -> int:
    return len([e for e in at.effects() if e.name == plan.steps[0].name and "actor" in e.user])


def test_two_actors_on_one_ledger_do_each_plan_once(at: Scene) -> None:
    plans = signed(at, *(f"shared-{n}" for n in range(PLANS)))
    for _ in range(2):
        at.actor()
    numbers = range(1, PLANS + 1)
    at.until(lambda: all(view(at, n).state is PlanState.SUCCEEDED for n in numbers))
    assert [effects(at, plan) for plan in plans] == [1] * PLANS
    assert len(at.said(Tag.PLAN_CLAIMED)) == PLANS
    assert len(at.said(Tag.STEP_INTENDED)) == PLANS
    assert at.whole() == ()


def test_t37_an_actor_that_was_stopped_is_taken_over_and_says_nothing_when_it_wakes_up(at: Scene) -> None:
    (plan,) = signed(at, "zombie-0")
    faults = at.centre.kubernetes.faults
    faults.add(Fault(verb="patch", name="zombie-0", dry_run=False, delay=SLOW_S))
    zombie = at.actor()
    at.until(lambda: "zombie-0" not in [rule["name"] for rule in faults.as_json()])
    # The server has its request; whoever asked hears nothing of what becomes of it.
    os.kill(zombie.pid, signal.SIGSTOP)
    try:
        at.actor()
        time_passed(at.ledger, plan, requests_too=False)
        at.until(lambda: view(at, 1).state is PlanState.SUCCEEDED)
        assert [receipt.http_status for receipt in view(at, 1).receipts] == [None]
        said = len(at.said(Tag.PLAN_MOVED))
    finally:
        os.kill(zombie.pid, signal.SIGCONT)
    (other,) = signed(at, "zombie-1")
    at.until(lambda: view(at, 2).state is PlanState.SUCCEEDED)
    # It woke up, lives and works; about what it lost it wrote nothing.
    assert zombie.code() is None, zombie.tail()
    assert [receipt.http_status for receipt in view(at, 1).receipts] == [None]
    about = [body for body in at.said(Tag.PLAN_MOVED) if plan.id.encode() in body]
    assert len(about) == said
    assert (effects(at, plan), effects(at, other)) == (1, 1)
    assert at.whole() == ()
