"""SIGKILL of the actor at no particular moment, with leases that really run out (P9, P10).

Nothing is counted ahead here: the dead one's lease and its last request's time pass, only they are short.
"""

from __future__ import annotations

import random
import signal
from dataclasses import replace

import pytest

from tests.support.datacentre import wait_until
from tests.support.killing import Ground, acting
from tests.support.nursery import Times
from tests.support.scale import lots
from tests.support.verb_targets import VERBS

SHORT = Times(lease_s=3.0, in_flight_s=1.0)
# Longer than most children live: some die early, some late, and some are done before their death.
LONGEST_S = 0.25
LOT = 25


# The first half on SQLite, the other on PostgreSQL.
LOTS = lots("kills_any", LOT)
CASES = [
    pytest.param("sqlite", lot, count)
    if 2 * lot < len(LOTS)
    else pytest.param("postgresql", lot, count, marks=pytest.mark.postgresql)
    for lot, count in LOTS
]

ZOMBIES = [pytest.param("sqlite", lot, count) for lot, count in lots("stopped_actors", 24)]


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("ground", "lot", "count"), CASES, indirect=["ground"])
def test_p09_killed_at_any_moment_a_step_is_done_at_most_once_and_the_truth_is_told(
    ground: Ground, lot: int, count: int
) -> None:
    draw = random.Random(lot)
    # Every second plan has two steps, so that there is a between.
    runs = ground.runs([(draw.choice(VERBS), draw.choice(("", "c9"))) for _ in range(count)])
    ground.signed(runs)
    orders = [replace(acting([run], times=SHORT), killed_after_s=draw.uniform(0, LONGEST_S)) for run in runs]
    assert set(ground.each(orders)) <= {0, -signal.SIGKILL}, ground.tail()
    wait_until(lambda: ground.settled(runs, SHORT))
    for run in runs:
        ground.truthful(run)
    assert ground.whole() == ()


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("ground", "lot", "count"), ZOMBIES, indirect=["ground"])
def test_t37_an_actor_that_was_stopped_and_taken_over_does_and_says_nothing_when_it_wakes_up(
    ground: Ground, lot: int, count: int
) -> None:
    draw = random.Random(lot)
    # Claimed, intended, answered and not told, told and not ended: between any two a machine may freeze.
    runs = ground.runs([(draw.choice(VERBS), ("c3", "c4", "c5", "c6", "c7")[n % 5]) for n in range(count)])
    ground.signed(runs)
    stopped = [replace(acting([run], times=SHORT), point=run.point, stops=True) for run in runs]
    assert set(ground.each(stopped)) == {-signal.SIGSTOP}, ground.tail()
    wait_until(lambda: ground.settled(runs, SHORT))
    before = [(ground.state(run), ground.receipts(run)) for run in runs]
    assert set(ground.wake()) == {0}, ground.tail()
    assert [(ground.state(run), ground.receipts(run)) for run in runs] == before
    for run in runs:
        ground.truthful(run)
    assert ground.whole() == ()
