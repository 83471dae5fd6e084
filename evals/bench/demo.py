"""The demo without hands: from the command to the verified fix and back to the prompt."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from evals.bench.figures import Figure, Result, Statistic, at_most
from evals.bench.help_time import COMMAND
from evals.processes import BrokenArrow

WALL = Figure(title="hands-free demo, command to prompt", unit="s", bounds=(at_most(Statistic.P50, 15),))
TOLD = Figure(title="… of it fault to verified, as its last line says", unit="s")
RUNS = 3


def measure(_folder: Path) -> list[Result]:
    """Wall time of ``HANDS_FREE=1 midwatch demo bad-image``, three runs, and what each last line says."""
    runs = [_once() for _ in range(RUNS)]
    return [
        Result(figure=WALL, values=tuple(wall for wall, _ in runs)),
        Result(figure=TOLD, values=tuple(told for _, told in runs)),
    ]


def _once() -> tuple[float, float]:
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603  (our own command)
        [COMMAND, "demo", "bad-image"],
        env=os.environ | {"HANDS_FREE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - began
    said = re.search(r"demo: INC-1 verified in ([\d.]+) s\s*$", done.stdout)
    if done.returncode or said is None:
        told = f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
        raise BrokenArrow(f"the demo ended with {done.returncode}:\n{told}")
    return wall, float(said[1])
