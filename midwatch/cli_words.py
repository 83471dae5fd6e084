"""What the commands share: settings, and problems told in a sentence. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from midwatch.terminal import COULD_NOT, end

if TYPE_CHECKING:
    from midwatch.settings import Settings
    from midwatch.settings_load import Process

# No ledger counts further: more digits would not fit into its column.
NUMBER = re.compile(r"[0-9]{1,18}")
CHECK = "`midwatch check` tries every connection and says what to fix"
LIST = "`midwatch incidents` lists those there are"
Config = Annotated[Path | None, typer.Option("--config", help="YAML file with settings.")]


def settings_of(config: Path | None, process: Process = "serve") -> Settings:
    """The settings, or the end of the program with what is wrong with them."""
    from midwatch.settings_load import SettingsError, load

    try:
        return load(config, process)
    except SettingsError as problem:
        end(str(problem), then="docs/settings.md explains every setting")


@contextmanager
def told(before: str = "", after: str = "") -> Iterator[None]:
    """What a person can mend is told in a sentence and not as a traceback."""
    try:
        yield
    # Asked only when something went wrong: a command that works need not import what could have failed.
    except _mendable() as problem:
        said = str(problem)
        if isinstance(problem, OSError) and problem.strerror and problem.filename:
            said = f"{problem.filename}: {problem.strerror}"
        hint = next(hint for kind, hint in _hints().items() if isinstance(problem, kind))
        end(f"{before}{said}{after}", COULD_NOT, then=hint)


def _mendable() -> tuple[type[Exception], ...]:
    return tuple(_hints())


def _hints() -> dict[type[Exception], str]:
    """What to do next, by what went wrong."""
    from agents.auditor.export import NoSuchIncident
    from agents.investigator.analyzers.outside import UnfitAnalyzer
    from agents.investigator.silenced import SilenceError
    from agents.ledger.store import LedgerError
    from tools.kubernetes.errors import KubernetesError
    from tools.policy.load import PolicyError

    return {
        NoSuchIncident: LIST,
        LedgerError: CHECK,
        KubernetesError: CHECK,
        PolicyError: "`midwatch policy check FILE` reads the file alone",
        UnfitAnalyzer: "install it beside Midwatch, or take it out of the setting `analyzers`",
        SilenceError: "mend that entry of the setting `silences_file`",
        OSError: "",
    }


def number_of(incident: str) -> int:
    """7 of INC-7, or the end of the program: there is no such incident."""
    number = incident.upper().removeprefix("INC-")
    if not NUMBER.fullmatch(number):
        no_such(incident)
    return int(number)


def no_such(incident: str) -> NoReturn:
    """The end of the program: nothing is told of an incident that is not there."""
    end(f"there is no incident {incident}", COULD_NOT, then=LIST)


def time_of(said: str) -> datetime:
    """A day or a time as it is typed, in UTC where it names no zone."""
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        end(f"not a time: {said}", then="write 2026-11-27 or 2026-11-27T01:00:00+00:00")
    return at if at.tzinfo else at.replace(tzinfo=UTC)
