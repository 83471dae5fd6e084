"""Analysis: a large cluster as it was read, and how long and how much memory it takes to find what is wrong.

In a process of its own: the memory is that of the interpreter, the objects and everything analysis made of
them, and of nothing else.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from evals.bench.figures import Figure, Result, Statistic, at_most

CPU = Figure(
    title="analysis of 10,000 pods, 5,000 events, 1,000 of each other kind",
    unit="s",
    bounds=(at_most(Statistic.P50, 2),),
)
SECONDS = Figure(title="… from start to end, beside whatever else ran", unit="s")
PEAK = Figure(title="… peak RSS, objects included", unit="MiB", bounds=(at_most(Statistic.P50, 400),))
RUNS = 3


def measure(_folder: Path) -> list[Result]:
    """Findings and causes of an inventory of 10,000 pods, 5,000 events and 1,000 objects of each other kind
    that is read, in 200 namespaces, a tenth of the workloads unwell; three times, each in a new process.

    CPU time from the inventory to its survey: it is one thread that waits for nothing, so that is how long it
    takes on a core of its own. What the process held at most (getrusage). The objects are made as the reader
    leaves them and are not part of the time.
    """
    told = [_once() for _ in range(RUNS)]
    return [
        Result(figure=figure, values=tuple(one[name] for one in told))
        for figure, name in ((CPU, "cpu"), (SECONDS, "seconds"), (PEAK, "peak"))
    ]


def _once() -> dict[str, float]:
    command = [sys.executable, "-m", "evals.bench.analysis"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  (our own module)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """One run, told as JSON."""
    from agents.investigator.analyzers.snapshot import Snapshot
    from agents.investigator.survey import survey
    from evals.bench.town import town

    inventory = town()
    snapshot = Snapshot(inventory=inventory, taken_at=datetime.now(UTC))
    began, cpu = time.perf_counter(), time.process_time()
    found = survey(snapshot)
    told = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "findings": len(found.findings),
        "causes": len(found.causes),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
