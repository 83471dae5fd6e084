"""Play one scenario: break it, let the alert fire, let the product work, and see what is left in the end.

Time is handed in: an hour of back-off passes as soon as nobody has anything to do before it is over.

A run that never gets its alert is a fault of the scenario or of the world, and is told as one: it counts for
nobody.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from agents.ledger.story import Story, story
from evals.trials.desk import Desk, Ears, desk
from evals.trials.facts import Since, seen
from evals.trials.ground import Ground, ground
from evals.trials.run import Before, Costs, Run
from evals.world.cluster import DidNotSettle
from evals.world.scenario import Scenario
from tools.model import ModelOptions

START = datetime(2026, 11, 25, 2, 10, tzinfo=UTC)
FIRES_WITHIN_S = 2400.0
WORKS_FOR_S = 2400.0
NO_PLAN_WITHIN_S = 240.0
"""Who has proposed nothing by then proposes nothing: looks come ever more seldom after that."""
SETTLES_FOR_S = 300.0
IDLE_S = 700.0
CALM_STRIDE_S, CALM_STRIDES = 15.0, 60
"""After the first time: as long as a rollout by hand and the end of its alert take, and then some."""
_PACES = ((20.0, 2.0), (120.0, 10.0))
"""How far a step goes, by how long ago something happened: rules over seconds need a close look."""
_SLOWEST = 30.0


@dataclass(frozen=True, kw_only=True)
class Part:
    """Which run this is, and what it is made with."""

    variant: str
    version: str
    ears: Ears
    model: ModelOptions | None = None
    model_name: str = ""
    start: datetime = START


def play(scenario: Scenario, part: Part) -> Run:
    """One run. A world that cannot be built makes a run with a problem, and no score."""
    cpu, wall = time.process_time(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="midwatch-eval-") as name:
        blank = Run(scenario=scenario.name, variant=part.variant, model=part.model_name, version=part.version)
        try:
            with ground(scenario, Path(name), part.start) as at:
                run = asyncio.run(_played(at, Path(name), part, blank))
        except DidNotSettle as problem:
            run = blank.model_copy(update={"problem": str(problem)})
    spent = {"cpu_s": round(time.process_time() - cpu, 2), "wall_s": round(time.monotonic() - wall, 2)}
    costs = Costs.model_validate(run.costs.model_dump() | spent)
    return run.model_copy(update={"costs": costs})


async def _played(at: Ground, folder: Path, part: Part, blank: Run) -> Run:
    async with desk(at, folder, part.ears, part.model) as made:
        run = await _once(made, blank)
        if part.variant != "again" or run.fired_s is None:
            return run
        await _meanwhile(made)
        # Kept beside the second time and not as a run of its own: it was scored without the word "again".
        before = Before(looks=run.costs.looks, plans=run.plans, recovery=run.recovery)
        return (await _once(made, blank)).model_copy(update={"before": before})


async def _once(made: Desk, blank: Run) -> Run:
    """Break it and see what comes of that; incidents and changes from before are not of this run."""
    at, number = made.ground, next(n for n in count(1) if story(made.ledger, n) is None)
    effects = len(at.api.effects.all())
    # A control has none: its alert fires although nothing was broken.
    if at.cluster.scenario.fault:
        at.cluster.break_it()
    moments = await _Play(made, number).until_the_end()
    state = await made.graph.aget_state({"configurable": {"thread_id": f"incident-{number}"}})
    since = Since(incident=number, effects=effects, spent=state.values.get("spent") or {})
    return blank.model_copy(update={**seen(at, made.ledger, since), **moments})


async def _meanwhile(made: Desk) -> None:
    """The first is over and people did what they do; a while later all is calm, until it breaks again."""
    at = made.ground
    second = at.cluster.scenario.second
    again = at.cluster.scenario.again
    for step in again.meanwhile if again else ():
        at.cluster.apply(step)
    for seconds in (*(CALM_STRIDE_S,) * CALM_STRIDES, (again.hours if again else 0.0) * 3600):
        await made.hear(at.later(seconds))
        await made.work()
    at.known_again()
    at.cluster.once_more(second)


class _Play:
    """The loop of one run, and the moments that matter in it."""

    def __init__(self, made: Desk, number: int) -> None:
        self._desk, self._number = made, number
        self._ground = made.ground
        self._began = self._moved = self._ground.clock.now()
        self._fired: datetime | None = None
        self._told: datetime | None = None
        self._mended: datetime | None = None
        self._story: Story | None = None

    async def until_the_end(self) -> dict[str, float | None]:
        """Live until nothing more will happen, then for a while longer; the moments, in seconds."""
        while not self._over():
            await self._step()
        # Where nothing was changed there is nothing to settle.
        settles = SETTLES_FOR_S if self._ground.api.effects.all() else 0.0
        end = self._now + timedelta(seconds=settles)
        while self._now < end:
            await self._step()
        marks = {"fired_s": self._fired, "told_s": self._told, "mended_s": self._mended}
        return {name: self._since(moment) for name, moment in marks.items()}

    async def _step(self) -> None:
        quiet = (self._now - self._moved).total_seconds()
        stride = next((pace for until, pace in _PACES if quiet < until), _SLOWEST)
        effects = len(self._ground.api.effects.all())
        bodies = self._ground.later(stride)
        if bodies:
            self._fired = self._fired or self._now
            await self._desk.hear(bodies)
        if await self._desk.work() or bodies:
            # Whatever is in the ledger was written by one of the two.
            self._story = story(self._desk.ledger, self._number)
        if bodies or len(self._ground.api.effects.all()) > effects:
            self._moved = self._now
        if self._told is None and self._story is not None and self._story.diagnosis is not None:
            self._told = self._now
        if self._fired is not None and self._ground.cluster.verdict().met:
            self._mended = self._mended or self._now
        else:
            self._mended = None

    def _over(self) -> bool:
        if self._fired is None:
            return self._now - self._began > timedelta(seconds=FIRES_WITHIN_S)
        told = self._story
        if told is None:
            # Nobody's incident, as it should be for a dead man's switch.
            return self._now - self._fired > timedelta(seconds=60)
        if told.outcome is not None or self._now - self._fired > timedelta(seconds=WORKS_FOR_S):
            return True
        if not told.plans and self._now - self._fired > timedelta(seconds=NO_PLAN_WITHIN_S):
            return True
        due = self._desk.next_due()
        return due is None or due - self._now > timedelta(seconds=IDLE_S)

    @property
    def _now(self) -> datetime:
        return self._ground.clock.now()

    def _since(self, moment: datetime | None) -> float | None:
        return None if moment is None else (moment - self._began).total_seconds()
