"""SIGKILL at every crash point of the protocol, for every verb, on both databases (P9, P10).

Who owns which point, and so dies there: c0 (click received) and c1 (decision committed, not acknowledged)
are the gatekeeper's; c2 (approved, not claimed) to c7 (result recorded, state not moved), c8 (state moved,
card not updated) and c9 (between two steps) are the actor's. After each death new processes come: for c0 and
c1 a gatekeeper that hears the click again, and for all an actor that looks when the dead one's time is over.

A child dies with the product's code in the product's place, but is not ``midwatch actor`` from its first
line; ``tests/stories/test_killed_actor.py`` and ``test_killed_click.py`` kill the whole programs.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace

import pytest

from agents.gatekeeper.cards import render
from agents.ledger import decisions
from agents.ledger.protocol import PlanState
from tests.support.killing import OVER_S, Ground, Run, acting
from tests.support.nursery import Order
from tests.support.scale import PROVING, scale
from tests.support.verb_targets import VERBS

KILLED = -signal.SIGKILL
EACH = scale("kills_each")


@dataclass(frozen=True, kw_only=True)
class Death:
    """What the ledger and the cluster hold at the moment of it, and what is told of it in the end."""

    state: PlanState
    answers: tuple[int | None, ...] = ()
    effects: tuple[int, ...] = (0,)
    ends: PlanState = PlanState.SUCCEEDED
    sent: int = 1


DEATHS = {
    "c0": Death(state=PlanState.PENDING),
    "c1": Death(state=PlanState.APPROVED),
    "c2": Death(state=PlanState.APPROVED),
    "c3": Death(state=PlanState.EXECUTING, ends=PlanState.NOT_APPLIED, sent=0),
    "c4": Death(state=PlanState.EXECUTING, answers=(None,), ends=PlanState.NOT_APPLIED, sent=0),
    "c5": Death(state=PlanState.EXECUTING, answers=(None,), effects=(1,)),
    "c6": Death(state=PlanState.EXECUTING, answers=(None,), effects=(1,)),
    "c7": Death(state=PlanState.EXECUTING, answers=(200,), effects=(1,)),
    "c8": Death(state=PlanState.SUCCEEDED, answers=(200,), effects=(1,)),
    # One step is done and one is not: no word but "unknown" is true of the whole, and nothing goes on.
    "c9": Death(state=PlanState.EXECUTING, answers=(200,), effects=(1, 0), ends=PlanState.UNKNOWN),
}
CLICKS = ("c0", "c1")
POINTS = tuple(DEATHS)


def matrix(store: str) -> list[list[tuple[str, str]]]:
    """(verb, point) in lots: all of them of one verb after the other, or a slice with each of both."""
    if PROVING:
        # Half of the points at a time: a signature is worth something for four minutes only.
        halves = (POINTS[:5], POINTS[5:])
        return [[(v, point) for point in half for _ in range(EACH)] for v in VERBS for half in halves]
    some = [(verb, POINTS[n % len(POINTS)]) for n, verb in enumerate(VERBS)]
    return [some if store == "sqlite" else some[::3]]


CASES = [
    pytest.param(store, lot, id=f"{store}-{'-'.join(lot[0]) if PROVING else 'some'}", marks=marks)
    for store, marks in (("sqlite", ()), ("postgresql", pytest.mark.postgresql))
    for lot in matrix(store)
]


@pytest.mark.proof
@pytest.mark.timeout(1_200 if PROVING else 300)
@pytest.mark.parametrize(("ground", "lot"), CASES, indirect=["ground"])
def test_p09_whoever_dies_wherever_a_step_is_done_at_most_once_and_the_truth_is_told(
    ground: Ground, lot: list[tuple[str, str]]
) -> None:
    runs = ground.runs(lot)
    ground.signed([run for run in runs if run.point not in CLICKS])
    ground.signed([run for run in runs if run.point in CLICKS], short=1)
    ended = ground.each([_deadly(ground, run) for run in runs])
    assert set(ended) == {KILLED}, ground.tail()
    for run in runs:
        _died(ground, run)
    _click_again(ground, [run for run in runs if run.point in CLICKS])
    ground.acted(runs, ahead_s=OVER_S)
    for run in runs:
        _ended(ground, run, DEATHS[run.point])
    # However often an actor looks from now on, nothing is begun and nothing is sent.
    ground.acted(runs, ahead_s=2 * OVER_S)
    assert [ground.sent(run) for run in runs] == [DEATHS[run.point].sent for run in runs]
    assert [ground.state(run)[0] for run in runs] == [DEATHS[run.point].ends for run in runs]
    assert ground.whole() == ()


def _deadly(ground: Ground, run: Run) -> Order:
    return ground.click(run, run.point) if run.point in CLICKS else replace(acting([run]), point=run.point)


def _died(ground: Ground, run: Run) -> None:
    """There and not elsewhere: a run that was killed too early or too late proves nothing."""
    death = DEATHS[run.point]
    assert ground.state(run)[0] is death.state
    assert tuple(receipt.http_status for receipt in ground.receipts(run)) == death.answers
    assert ground.effects(run) == death.effects or run.point in CLICKS
    assert ground.sent(run) == sum(ground.effects(run))


def _click_again(ground: Ground, runs: list[Run]) -> None:
    """Who clicked heard nothing and clicks again: it is one signature, whatever was kept of the first."""
    ground.in_turn([ground.click(run) for run in runs])
    for run in runs:
        assert ground.state(run)[0] is PlanState.APPROVED
        with ground.ledger.read() as session:
            assert len(decisions.decisions_of(session, run.plan.id)) == run.plan.approvals_needed


def _ended(ground: Ground, run: Run, death: Death) -> None:
    state, reason = ground.state(run)
    assert state is death.ends, (run.verb, run.point, reason)
    assert ground.effects(run) == {0: (0,), 1: (1,)}[death.sent] + (0,) * (len(run.plan.steps) - 1)
    assert ground.sent(run) == death.sent
    assert ground.paged(run) is (state is PlanState.UNKNOWN)
    assert _card_says(ground, run, state)


def _card_says(ground: Ground, run: Run, state: PlanState) -> bool:
    """Whether the card as it is drawn from the ledger says so, and asks nobody any more."""
    card = str(render(ground.told(run), ground.seal, "http://here").blocks)
    words = {
        PlanState.SUCCEEDED: "Done.",
        PlanState.NOT_APPLIED: "Not done: the object is as it was",
        PlanState.UNKNOWN: "please look",
    }[state]
    return words in card and "'approve'" not in card
