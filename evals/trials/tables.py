"""The result for people: tables for a terminal, the same in Markdown for the docs, and JSON for programs.

The tables in the docs are made by the same code as those in the terminal, so that nobody copies figures by
hand.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence

from rich.table import Table

from evals.trials.scorers import SCORES
from evals.trials.totals import Fallen, Judged, Share, families, shares

BEGIN, END = "<!-- eval:begin -->", "<!-- eval:end -->"
_GOOD, _FAIR = 0.95, 0.8


def shown(share: Share) -> str:
    """``0.93 (28/30)``, or a dash."""
    return "–" if share.value is None else f"{share.value:.2f} ({share.right}/{share.asked})"


def rows(judged: Sequence[Judged]) -> Iterator[tuple[str, dict[str, Share], tuple[Judged, ...]]]:
    """A row for each family, then one for all; for each model apart when several were asked."""
    for model in sorted({one.run.model for one in judged}):
        mine = tuple(one for one in judged if one.run.model == model)
        head = f"{model}: " if model else ""
        for family, found in families(mine).items():
            yield f"{head}{family}", shares(found), found
        yield f"{head}all", shares(mine), mine


def table(judged: Sequence[Judged]) -> Table:
    """The scores by family."""
    made = Table("family", "runs", *SCORES, "looks", "tokens", "cpu s", box=None, header_style="bold")
    for name, found, runs in rows(judged):
        cells = [_coloured(found[score]) for score in SCORES]
        made.add_row(name, str(len(runs)), *cells, *costs(runs), style="bold" if name.endswith("all") else "")
    return made


def _coloured(share: Share) -> str:
    if share.value is None:
        return "[dim]–[/dim]"
    style = "green" if share.value >= _GOOD else "yellow" if share.value >= _FAIR else "red"
    return f"[{style}]{share.value:.2f}[/{style}] [dim]{share.right}/{share.asked}[/dim]"


def costs(runs: Sequence[Judged]) -> tuple[str, str, str]:
    """What a run costs, by the median: looks, tokens, processor seconds."""
    spent = [one.run.costs for one in runs]
    return (
        f"{statistics.median(one.looks for one in spent):.0f}",
        f"{statistics.median(one.tokens for one in spent):.0f}",
        f"{statistics.median(one.cpu_s for one in spent):.1f}",
    )


def failures(judged: Sequence[Judged]) -> Table:
    """Every mark that went wrong, with its reason."""
    made = Table("run", "score", "why", box=None, header_style="bold")
    for one in judged:
        for mark in one.wrong:
            name = f"{one.run.model}: {one.name}" if one.run.model else one.name
            made.add_row(name, mark.score, mark.why)
    return made


def markdown(judged: Sequence[Judged]) -> str:
    """The table of scores and the list of what fails, for ``docs/evals.md``."""
    head = ("family", "runs", *SCORES, "looks", "cpu s")
    lines = [head, tuple("---" for _ in head)]
    for name, found, runs in rows(judged):
        looks, _, cpu = costs(runs)
        lines.append((name, str(len(runs)), *(shown(found[score]) for score in SCORES), looks, cpu))
    body = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    failed = [f"- `{one.name}` {mark.score}: {mark.why}" for one in judged for mark in one.wrong]
    return f"{body}\n\n" + ("What fails:\n\n" + "\n".join(failed) if failed else "Nothing fails.")


def as_json(judged: Sequence[Judged], lost: Sequence[Fallen]) -> str:
    """Everything, for programs."""
    body = {
        "shares": {
            name: {score: {"right": one.right, "asked": one.asked} for score, one in found.items()}
            for name, found, _ in rows(judged)
        },
        "runs": [one.model_dump(mode="json") for one in judged],
        "fallen": [vars(one) for one in lost],
    }
    return json.dumps(body, indent=1, ensure_ascii=False)
