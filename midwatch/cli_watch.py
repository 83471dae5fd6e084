"""The commands that only look: incidents, show, tail, plans. They make no ledger where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midwatch import completion
from midwatch.cli_words import Config, no_such, number_of, settings_of, time_of, told
from midwatch.terminal import Form, Output, answer, clean, data
from midwatch.terminal import show as shown

if TYPE_CHECKING:
    from datetime import datetime

    from agents.ledger.listing import Glance
    from agents.ledger.store import Ledger
    from agents.ledger.waiting import Waiting


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    CLOSED = "closed"


STYLES = {
    "critical": "bold red",
    "warning": "yellow",
    "PENDING": "bold cyan",
    "SUCCEEDED": "green",
    "recovered": "green",
    "not recovered": "bold red",
    "over": "dim",
}
"""What is seen first."""
Name = Annotated[
    str,
    typer.Argument(metavar="INCIDENT", help="Its number, as in INC-7.", autocompletion=completion.incidents),
]
Stands = Annotated[State | None, typer.Option("--state", help="Only those that are open, or closed.")]
Severe = Annotated[
    str,
    typer.Option(help="Only of this severity, as the label says it.", autocompletion=completion.severities),
]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Only with an alert of this namespace.")]
Words = Annotated[str, typer.Option("--search", help="Only with this in its title or an alert's labels.")]
Since = Annotated[str, typer.Option(help="Only opened from this day or time on (ISO, UTC).")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")]
Before = Annotated[int, typer.Option("--lines", min=0, max=100_000, help="How many that were before.")]
OfOne = Annotated[
    str,
    typer.Option("--incident", help="Only of this one (INC-7).", autocompletion=completion.incidents),
]


@contextmanager
def _ledger(config: Path | None) -> Iterator[Ledger]:
    from midwatch.wiring import existing_ledger_of

    settings = settings_of(config)
    with told():
        ledger = existing_ledger_of(settings)
        try:
            yield ledger
        finally:
            ledger.close()


def listed(  # noqa: PLR0913, PLR0917  (each is an option of the command, and has its default)
    state: Stands = None,
    severity: Severe = "",
    namespace: Namespace = "",
    words: Words = "",
    since: Since = "",
    limit: Limit = 50,
    output: Output = Form.TABLE,
    config: Config = None,
) -> None:
    """List incidents, newest first. Exit 0 also when there is none, 2 when they could not be read."""
    from agents.ledger.listing import Wanted, found

    wanted = Wanted(
        state=state.value if state else "",
        severity=severity,
        namespace=namespace,
        words=words,
        since=time_of(since) if since else None,
        limit=limit,
    )
    with _ledger(config) as ledger:
        now = ledger.now()
        with ledger.read() as session:
            rows = found(session, wanted, now)
    if output is Form.JSON:
        data([_facts(one) for one in rows])
    elif rows:
        names = ("incident", "state", "severity", "opened (UTC)", "fire", "plan", "what")
        _table(names, map(_row, rows))
    else:
        answer(output, [], ["no incident fits that"])


def _facts(one: Glance) -> dict[str, object]:
    from tools.redaction import redacted

    return redacted({"id": one.id, **one.model_dump(mode="json")})


def _row(one: Glance) -> tuple[str, ...]:
    # How it ended says more than that it did.
    state = one.phase if one.state.value == State.OPEN else one.recovery or one.state.value
    opened = f"{one.opened_at:%Y-%m-%d %H:%M}"
    plan = one.plan.value if one.plan else ""
    return one.id, state, one.severity, opened, f"{one.firing}/{one.alerts}", plan, one.title


def _table(names: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        # The last column holds prose and may fold; a name that is folded cannot be copied.
        table.add_column(name, overflow="fold", no_wrap=name != names[-1])
    for row in rows:
        # By the whole word: a title that says critical stays a title.
        cells = [clean(cell) for cell in row]
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells[:-1]), Text(cells[-1]))
    shown(table)


def show(incident: Name, output: Output = Form.TABLE, config: Config = None) -> None:
    """Tell one incident (INC-7) whole: cause, plans with their diff, decisions, outcome, timeline.

    Exit 0 when it was told, 2 when there is no such incident or it could not be read.
    """
    from midwatch.show import told as story_of

    number = number_of(incident)
    with _ledger(config) as ledger:
        found = story_of(ledger, number)
    if found is None:
        no_such(incident)
    answer(output, *found)


def tail(
    follow: Follow = False,
    before: Before = 20,
    incident: OfOne = "",
    output: Output = Form.TABLE,
    config: Config = None,
) -> None:
    """Show what was written down last, and with -f what is being written; with -o json a line each.

    When the database goes away it waits, and goes on where it stopped. Exit 0 at the end or at Ctrl-C,
    2 when there is nothing to read at first.
    """
    from midwatch.tail import Wish
    from midwatch.tail import follow as following
    from midwatch.wiring import existing_ledger_of

    settings = settings_of(config)
    number = number_of(incident) if incident else None
    wish = Wish(incident=number, before=before, follow=follow, form=output)
    with told():
        try:
            following(lambda: existing_ledger_of(settings), wish)
        except KeyboardInterrupt:
            # How somebody who watches leaves; there is nothing wrong with that.
            raise typer.Exit from None


def plans(output: Output = Form.TABLE, config: Config = None) -> None:
    """List the plans under way: what waits for a signature first. Exit 0 also when there is none."""
    from agents.ledger.waiting import waiting

    with _ledger(config) as ledger:
        now = ledger.now()
        with ledger.read() as session:
            found = waiting(session)
    if output is Form.JSON:
        data([_asked(one) for one in found])
    elif found:
        names = ("plan", "incident", "state", "tier", "signed", "time left", "what")
        _table(names, (_plan(one, now) for one in found))
    else:
        answer(output, [], ["no plan is under way"])


def _plan(one: Waiting, now: datetime) -> tuple[str, ...]:
    plan, left = one.plan, (one.until - now).total_seconds() / 60
    # Until the gatekeeper looks again it stands there; nobody can sign it any more.
    time = f"{left:.0f} min" if left > 0 else "over"
    signed = f"{len(one.approvals)} of {plan.needed}"
    what = f"{_changes(one)} ({one.title})"
    return plan.id, plan.incident, one.state.value, f"T{plan.tier}", signed, time, what


def _changes(one: Waiting) -> str:
    from tools.kubernetes.actions.catalogue import sentence

    return "; ".join(sentence(step) for step in one.plan.steps)


def _asked(one: Waiting) -> dict[str, object]:
    from tools.redaction import redacted

    plan = one.plan
    told = {"plan": plan.id, "digest": plan.digest, "incident": plan.incident, "title": one.title}
    stands = {"state": one.state.value, "tier": plan.tier, "needed": plan.needed, "obstacle": one.obstacle}
    more = {"signed": len(one.approvals), "until": one.until.isoformat(), "changes": _changes(one)}
    return redacted({**told, **stands, **more})
