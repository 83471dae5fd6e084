"""SIGKILL of the actor at the worst moments: at most one effect, and a truthful word about it afterwards.

Each moment is died at five times at once: five ledgers, five actors and five Deployments in one data centre.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.gatekeeper.cards import render
from agents.ledger.protocol import PlanState
from agents.ledger.seals import SealKey
from evals.world.datacentre import DataCentre
from evals.world.kubernetes.faults import Fault
from tests.support.datacentre import data_centre
from tests.support.processes import Process
from tests.support.signed import Signed, broken_copies, signed, time_passed
from tests.support.story import scene_in

RUNS = 5
ENDS = (PlanState.SUCCEEDED, PlanState.NOT_APPLIED)
SLOW_S = 1.5


@dataclass(frozen=True, kw_only=True)
class Death:
    """A moment to die at: what the ledger must hold then, whether the cluster was changed, and the truth."""

    point: str
    state: PlanState = PlanState.EXECUTING
    answers: tuple[int | None, ...] = ()
    effects: int = 0
    ends: PlanState = PlanState.SUCCEEDED


DEATHS = (
    Death(point="c2", state=PlanState.APPROVED),
    Death(point="c3", ends=PlanState.NOT_APPLIED),
    Death(point="c4", answers=(None,), ends=PlanState.NOT_APPLIED),
    Death(point="c5", answers=(None,), effects=1),
    Death(point="c6", answers=(None,), effects=1),
    Death(point="c7", answers=(200,), effects=1),
    Death(point="c8", state=PlanState.SUCCEEDED, answers=(200,), effects=1),
)
IN_THE_SERVERS_HANDS = Death(point="none", answers=(None,))


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.point)
def test_a_killed_actor_is_followed_by_the_truth(death: Death, centre: DataCentre, tmp_path: Path) -> None:
    with _signed(centre, death.point, tmp_path) as runs:
        killed = [one.at.actor(death.point) for one in runs]
        for one, child in zip(runs, killed, strict=True):
            _died(one, child, death)
        _followed_by_the_truth(runs, death)


def test_an_actor_killed_while_the_server_has_its_request_is_followed_by_the_truth(
    centre: DataCentre, tmp_path: Path
) -> None:
    """The change comes after the death of whoever asked for it: only patience tells what happened."""
    faults = centre.kubernetes.faults
    with _signed(centre, "late", tmp_path) as runs:
        for one in runs:
            faults.add(Fault(verb="patch", name=one.name, dry_run=False, delay=SLOW_S))
            child = one.at.actor("none")
            one.at.until(lambda name=one.name: name not in [rule["name"] for rule in faults.as_json()])
            os.kill(child.pid, signal.SIGKILL)
            _died(one, child, IN_THE_SERVERS_HANDS)
        _followed_by_the_truth(runs, IN_THE_SERVERS_HANDS)


@contextmanager
def _signed(centre: DataCentre, point: str, folder: Path) -> Iterator[list[Signed]]:
    names = [f"checkout-{point}-{run}" for run in range(RUNS)]
    broken_copies(centre, names)
    with ExitStack() as stack:
        scenes = {name: stack.enter_context(scene_in(centre, folder / name)) for name in names}
        yield [signed(at, name) for name, at in scenes.items()]


def _died(one: Signed, child: Process, death: Death) -> None:
    """Died there and not elsewhere: a run that was killed too early or too late proves nothing."""
    one.at.until(lambda: child.code() is not None)
    assert child.code() == -signal.SIGKILL, child.tail()
    view = one.at.plan()
    assert view is not None
    assert view.state is death.state
    assert tuple(receipt.http_status for receipt in view.receipts) == death.answers
    assert len(one.effects()) == death.effects


def _followed_by_the_truth(runs: list[Signed], death: Death) -> None:
    for one in runs:
        one.at.actor("none")
        if death.state is PlanState.EXECUTING:
            time_passed(one.at.ledger, one.plan, requests_too=death.ends is PlanState.NOT_APPLIED)
    for one in runs:
        one.at.until(lambda one=one: one.at.stands(*ENDS))
        assert one.at.stands(death.ends)
        assert one.applied() is (death.ends is PlanState.SUCCEEDED)
        assert len(one.effects()) == (1 if death.ends is PlanState.SUCCEEDED else 0)
        assert one.at.whole() == ()
        assert _card_says(one, death.ends)


def _card_says(one: Signed, ends: PlanState) -> bool:
    """Whether the card, rendered from the ledger, tells it so and asks nobody any more."""
    told = one.at.told()
    assert told is not None
    card = str(render(told, SealKey.load(one.at.folder / "state" / "keys" / "seal"), "http://here").blocks)
    words = {PlanState.SUCCEEDED: "Done.", PlanState.NOT_APPLIED: "Not done: the object is as it was"}[ends]
    return words in card and "'approve'" not in card
