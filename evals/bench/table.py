"""The table: for the terminal, and for ``docs/benchmarks.md`` between its two markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table

from evals.bench.figures import Bound, Result, Statistic

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
COLUMNS = ("figure", "target", "p50", "p99", "n", "met")
_VERDICTS = {True: "yes", False: "**no**", None: "no target"}

Row = tuple[str, str, str, str, str, str]


def row(result: Result) -> Row:
    """One line of the table in words."""
    unit = result.figure.unit
    return (
        result.figure.title,
        ", ".join(_promise(bound, unit) for bound in result.figure.bounds) or "–",
        _amount(result.statistic(Statistic.P50), unit),
        _amount(result.statistic(Statistic.P99), unit),
        str(len(result.values)),
        _VERDICTS[result.met],
    )


def _promise(bound: Bound, unit: str) -> str:
    return f"{bound.statistic.value} {'≥' if bound.at_least else '≤'} {_amount(bound.value, unit)}"


def _amount(value: float, unit: str) -> str:
    # Three significant digits: a noisy machine measures no more than that.
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{shown} {unit}"


def terminal(results: Iterable[Result]) -> Table:
    """The table for a terminal."""
    table = Table(*COLUMNS)
    styles = {True: "green", False: "red", None: "dim"}
    for result in results:
        *cells, verdict = row(result)
        style = styles[result.met]
        table.add_row(*cells, f"[{style}]{verdict.strip('*')}[/{style}]")
    return table


def markdown(results: Iterable[Result], facts: Sequence[str]) -> str:
    """The table and the machine it was measured on."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(row(result) for result in results)]
    body = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{body}\n\nMeasured on: {'; '.join(facts)}."


def rewrite(page: Path, text: str) -> None:
    """Put ``text`` between the page's markers. Raises ValueError when it does not have them once each."""
    before = page.read_text(encoding="utf-8")
    if before.count(BEGIN) != 1 or before.count(END) != 1:
        raise ValueError(f"{page.name} needs the lines {BEGIN} and {END} once each")
    head, _, rest = before.partition(BEGIN)
    tail = rest.partition(END)[2]
    page.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")
