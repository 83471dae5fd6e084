"""Bombs: how long one holds the webhook up, and what the next good alert feels of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

from evals.bench.bombs import Bomb, bombs, crowds, giants, one_piece
from evals.bench.figures import Figure, Result, Statistic, at_most
from evals.bench.flood import Door
from evals.bench.intake import groups
from evals.bench.street import street
from evals.bench.throw import throw
from evals.processes import BrokenArrow

BOMB = Figure(title="a bomb → its answer", unit="ms", bounds=(at_most(Statistic.P99, 250),))
NEXT = Figure(title="… the next good alert → 200", unit="ms", bounds=(at_most(Statistic.P99, 100),))
GIANT = Figure(
    title="… a giant of 6 to 40 MiB → its answer", unit="ms", bounds=(at_most(Statistic.P99, 1000),)
)
CROWD = Figure(title="… 20,005 alerts in one notification → 200", unit="ms")


def measure(folder: Path) -> list[Result]:
    """Every bomb of the corpus at a whole ``midwatch serve`` without chat, a good alert after each.

    Left out are those that do not end by themselves: the deadline for reading ends them, after ten seconds.
    """
    with street(folder, 1, {"slack_mode": "off"}) as at:
        door = Door(url=at.install.url, token=at.install.token)
        good = _good()
        times = asyncio.run(_all(door, bombs(), good))
        large = asyncio.run(_all(door, giants(), good))
        crowded = asyncio.run(_all(door, crowds(), good))
    return [
        Result(figure=BOMB, values=tuple(bomb for bomb, _ in times)),
        Result(figure=NEXT, values=tuple(after for _, after in (*times, *large))),
        Result(figure=GIANT, values=tuple(giant for giant, _ in large)),
        Result(figure=CROWD, values=tuple(crowd for crowd, _ in crowded)),
    ]


async def _all(door: Door, thrown: Iterable[Bomb], good: Iterator[Bomb]) -> list[tuple[float, float]]:
    """Milliseconds of each bomb and of the good alert behind it."""
    times = []
    for bomb in thrown:
        if bomb.end:
            times.append((await _timed(door, bomb), await _timed(door, next(good))))
    return times


async def _timed(door: Door, bomb: Bomb) -> float:
    status, seconds = await throw(door, bomb)
    if status == 503:
        # As Alertmanager does: what the database did not take in time is sent again, and the time counts.
        status, more = await throw(door, bomb)
        seconds += more
    if status not in bomb.answers:
        raise BrokenArrow(f"{bomb.name}: answered with {status}")
    return seconds * 1000


def _good() -> Iterator[Bomb]:
    return (one_piece("a good alert", body, {200}) for body in groups())
