"""``midwatch --help``: how long the command takes to say what it can do."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from evals.bench.figures import Figure, Result, Statistic, at_most

HELP = Figure(title="`midwatch --help`", unit="ms", bounds=(at_most(Statistic.P50, 300),))
RUNS, WARM_UPS = 15, 2
COMMAND = str(Path(sys.executable).parent / "midwatch")


def measure(_folder: Path) -> list[Result]:
    """Wall time of the installed command from start to exit, 15 times after two that do not count."""
    times = [_once() for _ in range(WARM_UPS + RUNS)][WARM_UPS:]
    return [Result(figure=HELP, values=tuple(times))]


def _once() -> float:
    began = time.perf_counter()
    subprocess.run([COMMAND, "--help"], check=True, capture_output=True)  # noqa: S603  (our own command)
    return (time.perf_counter() - began) * 1000
