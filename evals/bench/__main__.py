"""``python -m evals.bench``: measure, print the table, and say by the exit code whether promises hold."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from evals.bench import (
    analysis,
    burst,
    click,
    demo,
    help_time,
    intake,
    memory,
    pages,
    poison,
    post_to_card,
    queue_start,
    verify,
)
from evals.bench.figures import Result
from evals.bench.machine import facts
from evals.bench.table import markdown, rewrite, row, terminal
from evals.processes import BrokenArrow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"

MEASUREMENTS: dict[str, Callable[[Path], list[Result]]] = {
    "post-to-card": post_to_card.measure,
    "burst": burst.measure,
    "click": click.measure,
    "intake": intake.measure,
    "bombs": poison.measure,
    "help": help_time.measure,
    "memory": memory.measure,
    "demo": demo.measure,
    "queue": queue_start.measure,
    "verify": verify.measure,
    "analysis": analysis.measure,
    "pages": pages.measure,
}
"""In the order of the table; the quick ones alone with ``--only``."""


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for; 1 when something broke, or with ``--strict`` missed its target."""
    asked = _parser().parse_args(arguments)
    if asked.write and asked.only:
        _parser().error("--write writes the whole table: leave --only out")
    console = Console()
    try:
        results = [result for name in asked.only or MEASUREMENTS for result in _measured(name, console)]
    except BrokenArrow as broken:
        console.print(f"bench: {broken}", markup=False)
        return 1
    console.print(terminal(results))
    console.print("; ".join(facts()), highlight=False)
    if asked.write:
        rewrite(PAGE, markdown(results, facts()))
    return int(asked.strict and any(result.met is False for result in results))


def _measured(name: str, console: Console) -> list[Result]:
    console.print(f"measuring {name} …")
    with tempfile.TemporaryDirectory(prefix="midwatch-bench-") as folder:
        results = MEASUREMENTS[name](Path(folder))
    for result in results:
        console.print(f"  {', '.join(row(result))}", highlight=False, markup=False)
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(MEASUREMENTS), help="one of them; repeatable")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
