"""What ``midwatch eval`` does: choose the runs, make them, print, compare, keep.

It ends with 1 when a score fell below the baseline, so that a build can stop there.

A run that is there already is not made again, unless the product's version or the scenario has changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evals.trials.catalogue import ROOT, cases
from evals.trials.desk import Ears
from evals.trials.page import page
from evals.trials.pool import Contender, Crew, Task, tasks
from evals.trials.tables import BEGIN, END, as_json, failures, markdown, table
from evals.trials.totals import Judged, baseline_of, fallen, risen

BASELINE = Path(__file__).resolve().parents[1] / "baseline.json"
DOC = ROOT / "docs" / "evals.md"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be evaluated, and where the results go."""

    kinds: tuple[str, ...]
    ears: Ears
    folder: Path
    only: str = ""
    jobs: int = 2
    resume: bool = False
    write: bool = False
    json: bool = False
    console: Console = field(default_factory=Console)
    bar: Console = field(default_factory=lambda: Console(stderr=True))
    models: tuple[Contender, ...] = ()


def evaluate(wish: Wish) -> int:
    """0 when nothing fell behind the baseline, 1 when something did, 2 when there was nothing to run."""
    console = wish.console
    wanted = tasks(cases(wish.kinds, wish.only), (Contender(), *wish.models))
    if not wanted:
        console.print(f"no run of a scenario matches {wish.only!r}")
        return 2
    began = time.monotonic()
    crew = Crew(jobs=wish.jobs, ears=wish.ears, results=wish.folder / "results.jsonl", resume=wish.resume)
    judged = _run(wish, crew, wanted)
    rules = [one for one in judged if not one.run.model]
    before = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    lost = fallen(rules, before)
    if wish.json:
        print(as_json(judged, lost))  # noqa: T201 - what the command is asked for
    else:
        console.print(table(judged), failures(judged), sep="\n\n")
    (wish.folder / "report.html").write_text(page(judged, lost), encoding="utf-8")
    console.print(
        f"{len(judged)} runs in {time.monotonic() - began:.0f} s; "
        f"{risen(rules, before)} marks rose; the report is {wish.folder / 'report.html'}"
    )
    if wish.write:
        _keep(rules, before)
        return 0
    for one in lost:
        console.print(f"[red]fell behind the baseline:[/red] {one.name} {one.score}: {one.why}")
    return 1 if lost else 0


def _run(wish: Wish, crew: Crew, wanted: list[Task]) -> list[Judged]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=wish.bar, transient=True, disable=not wish.bar.is_terminal) as progress:
        bar = progress.add_task("playing", total=len(wanted))

        def tell(one: Judged) -> None:
            progress.update(bar, advance=1, description=one.name[:40])
            if not wish.bar.is_terminal:
                wish.console.print(
                    f"{'ok  ' if not one.wrong else 'FAIL'} {one.name} {one.run.costs.cpu_s:.1f} s"
                )

        return crew.run(wanted, tell)


def _keep(judged: Sequence[Judged], before: dict[str, list[str]]) -> None:
    """Write the baseline, and the table into the docs where there are any."""
    text = json.dumps(before | baseline_of(judged), indent=None, ensure_ascii=False)
    # A line a case: what fell or rose is then seen in the difference.
    BASELINE.write_text(text.replace("], ", "],\n") + "\n", encoding="utf-8")
    if DOC.exists():
        head, _, rest = DOC.read_text(encoding="utf-8").partition(BEGIN)
        tail = rest.partition(END)[2]
        DOC.write_text(f"{head}{BEGIN}\n{markdown(judged)}\n{END}{tail}", encoding="utf-8")
