"""``python -m evals.proofs``: run every case, print the table; 1 when one came out otherwise."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from evals.proofs.cases import cases
from evals.proofs.prover import ProofError, Verdict, missing, prove
from evals.proofs.reading import Model

COLUMNS = ("case", "expected", "found", "states", "s", "why")


def main(arguments: list[str] | None = None) -> int:
    """Prove what was asked for, one case after the other; 2 when spin or gcc is not here."""
    asked = _parser().parse_args(arguments)
    console = Console()
    if missing():
        console.print(f"proofs: {missing()}")
        return 2
    model = Model.read()
    try:
        verdicts = [prove(case, model) for case in cases(model) if case.name in (asked.only or [case.name])]
    except ProofError as broken:
        console.print(f"proofs: {broken}", markup=False)
        return 1
    console.print(_table(verdicts))
    return int(not verdicts or not all(verdict.as_expected for verdict in verdicts))


def _table(verdicts: list[Verdict]) -> Table:
    table = Table(*COLUMNS)
    for verdict in verdicts:
        case = verdict.case
        style = "green" if verdict.as_expected else "bold red"
        found = f"[{style}]{verdict.found.value}[/{style}]"
        row = (case.name, case.expected.value, found, f"{verdict.states:,}", f"{verdict.seconds:.1f}")
        table.add_row(*row, case.why)
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.proofs", description=__doc__)
    parser.add_argument("--only", action="append", help="one case by its name; repeatable")
    return parser


if __name__ == "__main__":
    sys.exit(main())
