"""Answers that are lost, late or wrong on their way: at most one effect, and no wrong word about it (P10).

At full scale the times are the product's own and the late are late by 30 s; in every run all of them are
shortened alike.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from agents.ledger import executions
from agents.ledger.protocol import PlanState
from tests.support.datacentre import wait_until
from tests.support.fault_proxy import DONE, Trouble
from tests.support.killing import HANDS, Ground, Run, acting
from tests.support.nursery import Times
from tests.support.scale import PROVING, lots
from tests.support.verb_targets import VERBS
from tools.kubernetes.once import READ_S

AT_ONCE = 20 if PROVING else 4
TEMPO = 1.0 if PROVING else 0.15
TIMES = Times(
    lease_s=executions.LEASE_S * TEMPO,
    in_flight_s=executions.IN_FLIGHT_S * TEMPO,
    timeout_s=READ_S * TEMPO,
)
LATE_S = 30 * TEMPO
# In so long nearly all that was unknown is known.
RESOLVED_S = 60.0
# All of a lot are in trouble at the same time: nobody is looked at late because others are still waited for.
LOTS = lots("lost_answers", 2 * AT_ONCE if PROVING else 14)
CASES = [
    pytest.param("sqlite", lot, count)
    if 2 * lot < len(LOTS)
    else pytest.param("postgresql", lot, count, marks=pytest.mark.postgresql)
    for lot, count in LOTS
]


@pytest.fixture
def bad_ways(ground: Ground) -> Iterator[None]:
    for way in ground.ways:
        way.delay_s = LATE_S
    yield
    for way in ground.ways:
        way.reads_take_s = 0.0


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("bad_ways")
@pytest.mark.parametrize(("ground", "lot", "count"), CASES, indirect=["ground"])
def test_p10_whatever_becomes_of_an_answer_no_plan_is_told_to_be_what_it_is_not(
    ground: Ground, lot: int, count: int
) -> None:
    draw, kinds = random.Random(lot), list(Trouble)
    runs = ground.runs([(draw.choice(VERBS), kinds[n % len(kinds)].name) for n in range(count)])
    took = _through_trouble(ground, runs)
    quick = sum(seconds <= RESOLVED_S for seconds in took)
    assert quick >= 0.99 * len(took), sorted(took)[-5:]


@pytest.mark.proof
@pytest.mark.usefixtures("bad_ways")
@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_p10_a_change_that_left_late_and_is_held_back_as_well_is_not_called_absent(ground: Ground) -> None:
    """An API server so slow that the actor's own looks take most of its lease is the one that is late."""
    for way in ground.ways:
        way.reads_take_s = 0.8 * TIMES.timeout_s
    runs = ground.runs([(verb, Trouble.LATE.name) for verb in ("set_image", "evict_pod", "silence")])
    _through_trouble(ground, runs)


def _through_trouble(ground: Ground, runs: list[Run]) -> list[float]:
    """Each plan through its trouble to a true end; how long each was unknown, in seconds."""
    ground.signed(runs)
    for run in runs:
        for way in ground.ways:
            way.trouble(run.plan.id, Trouble[run.point])
    shares = [runs[n::HANDS] for n in range(HANDS)]
    ground.in_turn([acting(one, badly=True, times=TIMES, at_once=AT_ONCE) for one in shares if one])
    doubtful = {run.plan.id: ground.since(run) for run in runs if _unknown(ground, run)}
    met = ground.ways[0].met | ground.ways[1].met
    # Where a machine is slow some actors lose their lease before they send: they met no trouble.
    assert len([run for run in runs if run.plan.id in met]) >= 0.8 * len(runs)
    wait_until(lambda: ground.settled(runs, TIMES))
    wait_until(lambda: all(way.idle for way in ground.ways))
    for run in runs:
        ground.truthful(run)
        if run.plan.id in met:
            assert sum(ground.effects(run)) == int(Trouble[run.point] in DONE)
    assert ground.whole() == ()
    known = [run for run in runs if run.plan.id in doubtful]
    return [(ground.since(run) - doubtful[run.plan.id]).total_seconds() for run in known]


def _unknown(ground: Ground, run: Run) -> bool:
    return ground.state(run)[0] is PlanState.UNKNOWN
