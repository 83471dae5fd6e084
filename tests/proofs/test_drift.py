"""Somebody else changes the object between card and send: nothing stale is applied, the rest is done (P2)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from agents.ledger.protocol import PlanState
from evals.world.kubernetes.store import Store
from tests.support.drifts import (
    MOMENTS,
    Drift,
    done_by_somebody_else,
    made_anew,
    moment_of,
    names,
    taken_away,
)
from tests.support.killing import Ground, Run
from tests.support.scale import PROVING, lots
from tests.support.verb_targets import VERBS
from tools.kubernetes.actions.step import Step

# A signature is worth something for four minutes: of more plans at once a slow machine would lose some.
LOTS = lots("drifts", 50 if PROVING else 150)
CASES = [
    pytest.param("postgresql", lot, count, marks=pytest.mark.postgresql)
    if PROVING and lot % 2
    else pytest.param("sqlite", lot, count)
    for lot, count in LOTS
]
# As many as there are with a drift run in peace: whoever refuses everything proves nothing.
PEACE = 0.3


@pytest.fixture
def meddler(ground: Ground) -> Iterator[Callable[[Drift], None]]:
    """What comes between the actor and the API server."""
    waiting: dict[str, Drift] = {}

    def before(request: bytes) -> None:
        moment = moment_of(request)
        for name, drift in list(waiting.items()):
            if drift.moment == moment and names(request, drift.step) and waiting.pop(name, None):
                drift.make()

    def wait(drift: Drift) -> None:
        waiting[drift.step.name] = drift

    ground.ways[0].before = before
    yield wait
    ground.ways[0].before = lambda _: None
    assert not waiting, "a drift that never came"


def drift_of(store: Store, run: Run, draw: random.Random) -> Drift | None:
    """Something that happens to the plan's object, or nothing. What nobody has yet can only be brought."""
    (step,) = run.plan.steps
    if step.kind == "Silence" or draw.random() < PEACE:
        return None
    kinds = [made_anew, taken_away, done_by_somebody_else]
    if step.creates:
        kinds = [done_by_somebody_else]
    elif step.verb == "evict_pod":
        kinds.remove(done_by_somebody_else)
    make: Callable[[Store, Step], None] = draw.choice(kinds)
    return Drift(step=step, moment=draw.choice(MOMENTS), make=lambda: make(store, step))


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("ground", "lot", "count"), CASES, indirect=["ground"])
def test_p02_what_changed_since_the_card_is_left_alone_and_what_did_not_is_done(
    ground: Ground, lot: int, count: int, meddler: Callable[[Drift], None]
) -> None:
    draw = random.Random(lot)
    runs = ground.runs([(draw.choice(VERBS), "") for _ in range(count)])
    ground.signed(runs)
    drifts = {run.plan.id: drift_of(ground.server.store, run, draw) for run in runs}
    for drift in drifts.values():
        if drift is not None and drift.moment == "claim":
            drift.make()
        elif drift is not None:
            meddler(drift)
    ground.acted(runs, badly=True)
    stale = [run for run in runs if drifts[run.plan.id] is not None]
    told = {(run.verb, drifts[run.plan.id].moment, ground.state(run)) for run in stale}
    assert {state for _, _, (state, _) in told} == {PlanState.STALE}, told
    assert {ground.effects(run) for run in stale} == {(0,)}
    peaceful = [run for run in runs if drifts[run.plan.id] is None]
    done = [run for run in peaceful if ground.state(run)[0] is PlanState.SUCCEEDED]
    assert len(done) >= 0.99 * len(peaceful)
    assert {ground.effects(run) for run in done} == {(1,)}
    assert ground.whole() == ()
