"""``midwatch eval``: every scenario from fault to final state, scored, and compared with the baseline."""

from __future__ import annotations

import os
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midwatch.terminal import Form, Output, end, screen

if TYPE_CHECKING:
    from evals.trials.pool import Contender


class Variants(StrEnum):
    """Which runs are made of each scenario."""

    PLAIN = "plain"
    ALL = "all"


_PLAIN = ("base", "control", "again")
KINDS = {Variants.PLAIN: _PLAIN, Variants.ALL: (*_PLAIN, "renamed", "poisoned")}
CORES = os.cpu_count() or 1
KEY = "MIDWATCH_MODEL_API_KEY"

Only = Annotated[str, typer.Option(help="Only runs whose family or name fits this regular expression.")]
Which = Annotated[Variants, typer.Option(help="Scenarios and controls, or renamed and poisoned copies too.")]
Jobs = Annotated[int, typer.Option(min=1, help="In how many processes.")]
Resume = Annotated[bool, typer.Option(help="Keep the runs that are there of this very version.")]
Models = Annotated[
    list[str] | None, typer.Option("--model", help=f"BASE_URL=NAME, beside the rules; its key is in {KEY}.")
]
Write = Annotated[bool, typer.Option(help="Make the results the baseline, and write the table of the docs.")]
Folder = Annotated[Path, typer.Option("--results", help="Where results and report are kept.")]


def evaluate(  # noqa: PLR0913, PLR0917  (each is an option of the command, and has its default)
    only: Only = "",
    variants: Which = Variants.PLAIN,
    jobs: Jobs = CORES,
    resume: Resume = False,
    models: Models = None,
    write: Write = False,
    output: Output = Form.TABLE,
    folder: Folder = Path("eval-results"),
) -> None:
    """Play every scenario in a pretend data centre and score what the product does.

    Exit 0 when nothing fell behind the baseline, 1 when something did, 2 when nothing fits.
    """
    from evals.trials.command import Wish
    from evals.trials.command import evaluate as run
    from midwatch.intake.notification import read_delivery

    try:
        re.compile(only)
    except re.error as wrong:
        end(f"--only takes a regular expression, and {only!r} is none: {wrong}")
    wish = Wish(
        kinds=KINDS[variants],
        ears=read_delivery,
        folder=folder,
        only=only,
        jobs=jobs,
        resume=resume,
        write=write,
        json=output is Form.JSON,
        # What is printed for programs stands alone on standard output.
        console=screen(err=output is Form.JSON, markup=True),
        bar=screen(err=True),
        models=tuple(map(_contender, models or [])),
    )
    sys.exit(run(wish))


def _contender(given: str) -> Contender:
    from evals.trials.pool import Contender

    url, _, name = given.rpartition("=")
    if not url.startswith(("http://", "https://")) or not name:
        end(f"--model takes BASE_URL=NAME, not {given}")
    return Contender(name=name, base_url=url, api_key=os.environ.get(KEY, ""))
