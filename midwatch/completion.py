"""What the shell offers while somebody types: incidents, plans, scenarios, alerts, kinds.

Shells evaluate what they are told here, so no word of a stranger is among it: an incident is offered by its
number and our own words, never by its title. Where there is nothing to read nothing is offered; a prompt is
no place for a complaint. Imports nothing heavy before it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

Offer = tuple[str, str]
MOST = 100


def incidents(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """The newest incidents of the ledger."""
    return [one for one in _read(ctx, _incidents) if one[0].startswith(incomplete.upper())]


def _incidents(session: Session) -> list[Offer]:
    from agents.ledger.listing import Wanted, found

    newest = found(session, Wanted(limit=MOST), datetime.now(UTC))
    return [(one.id, f"{one.state.value} since {one.opened_at:%Y-%m-%d}") for one in newest]


def plans(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """The plans that are under way."""
    return [one for one in _read(ctx, _plans) if one[0].startswith(incomplete.lower())]


def _plans(session: Session) -> list[Offer]:
    from agents.ledger.waiting import waiting

    return [(one.plan.id, f"of {one.plan.incident}") for one in waiting(session)]


def _read(ctx: typer.Context, ask: Callable[[Session], list[Offer]]) -> list[Offer]:
    from agents.ledger.store import LedgerError
    from midwatch.settings_load import SettingsError, load
    from midwatch.wiring import existing_ledger_of

    try:
        ledger = existing_ledger_of(load(ctx.params.get("config")))
        try:
            with ledger.read() as session:
                return ask(session)
        finally:
            ledger.close()
    except (LedgerError, SettingsError, OSError):
        return []


def scenarios(incomplete: str) -> list[str]:
    """The scenarios that can be shown."""
    from evals.world.scenario import names

    return _beginning(names(), incomplete)


def alerts(incomplete: str) -> list[str]:
    """The alerts that there is a runbook for."""
    from runbooks.shelf import load

    return _beginning({name for book in load().books for name in book.matches.alertnames}, incomplete)


def kinds(incomplete: str) -> list[str]:
    """The kinds that are looked at."""
    from tools.kubernetes.kinds import READABLE

    return _beginning({one.kind for one in READABLE}, incomplete)


def severities(incomplete: str) -> list[str]:
    """The severities that alerts come with as a rule; others can be typed."""
    return _beginning(("critical", "warning", "info"), incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.lower().startswith(incomplete.lower()))
