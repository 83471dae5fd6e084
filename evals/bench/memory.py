"""Idle memory: what serve and the actor hold while nothing happens."""

from __future__ import annotations

import re
import time
from pathlib import Path

from evals.bench.figures import Figure, Result, Statistic, at_most
from evals.bench.street import Street, shops, street

IDLE = Figure(title="idle RSS of serve + actor", unit="MiB", bounds=(at_most(Statistic.P50, 400),))
SERVE = Figure(title="… of it serve", unit="MiB")
SHOPS, STARTS, SETTLE_S = 5, 3, 15.0


def measure(folder: Path) -> list[Result]:
    """``VmRSS`` of both processes, three starts, 15 s after the last of five cards was posted.

    After work and not right after the start: what is imported on first use then counts as well.
    """
    sizes = [_once(folder / str(number)) for number in range(STARTS)]
    return [
        Result(figure=IDLE, values=tuple(serve + actor for serve, actor in sizes)),
        Result(figure=SERVE, values=tuple(serve for serve, _ in sizes)),
    ]


def _once(folder: Path) -> tuple[float, float]:
    folder.mkdir()
    with street(folder, SHOPS) as at:
        for shop in shops(SHOPS):
            _card(at, shop)
        at.settle()
        time.sleep(SETTLE_S)
        return resident(at.serve.process.pid), sum(map(resident, at.serve.children()))


def _card(at: Street, shop: str) -> None:
    at.post(shop)
    at.wait(lambda: at.asking(shop))


def resident(pid: int) -> float:
    """MiB that the process keeps in memory (Linux, proc(5))."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.M)
    if found is None:
        raise AssertionError("a running process has a size")
    return int(found[1]) / 1024
