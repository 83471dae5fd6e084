"""Prints recall at 1 and at 3, by kind of question, and apart for those that no tuning looked at.

Exit 1 when a promise is missed: recall@1 ≥ 0.75 and recall@3 ≥ 0.90 of all that have a book, and nothing
found where nothing fits.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from evals.retrieval.score import FLOORS, Score, kept, scores


def _table(found: dict[str, Score]) -> Table:
    table = Table("questions", "n", "recall@1", "recall@3", "rightly nothing", box=None)
    for name, one in found.items():
        silent = f"{one.silent} of {one.strange}" if one.strange else ""
        table.add_row(name, str(one.asked), f"{one.at_1:.2f}", f"{one.at_3:.2f}", silent)
    return table


def main() -> int:
    """Measure and print."""
    found = scores()
    console = Console()
    console.print(_table(found))
    verdict = "kept" if kept(found) else "MISSED"
    console.print(f"promised of all: recall@1 {FLOORS[0]}, recall@3 {FLOORS[1]}: {verdict}")
    return 0 if kept(found) else 1


if __name__ == "__main__":
    sys.exit(main())
