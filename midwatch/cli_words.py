"""What the commands share: settings, and problems told in a sentence. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from midwatch.settings import Settings
    from midwatch.settings_load import Process

# No ledger counts further: more digits would not fit into its column.
NUMBER = re.compile(r"[0-9]{1,18}")
Config = Annotated[Path | None, typer.Option("--config", help="YAML file with settings.")]


def settings_of(config: Path | None, process: Process = "serve") -> Settings:
    """The settings, or the end of the program with what is wrong with them."""
    from midwatch.settings_load import SettingsError, load

    try:
        return load(config, process)
    except SettingsError as problem:
        end(f"midwatch: {problem}", 2)


@contextmanager
def told(before: str = "", after: str = "") -> Iterator[None]:
    """What a person can mend is told in a sentence and not as a traceback."""
    from agents.investigator.analyzers.outside import UnfitAnalyzer
    from agents.investigator.silenced import SilenceError
    from agents.ledger.store import LedgerError
    from tools.kubernetes.errors import KubernetesError
    from tools.policy.load import PolicyError

    try:
        yield
    except (LedgerError, KubernetesError, PolicyError, UnfitAnalyzer, SilenceError, OSError) as problem:
        end(f"midwatch: {before}{problem}{after}", 1)


def end(message: str, code: int) -> NoReturn:
    """Say it on standard error and end with this code."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def number_of(incident: str) -> int:
    """7 of INC-7, or the end of the program: there is no such incident."""
    number = incident.upper().removeprefix("INC-")
    if not NUMBER.fullmatch(number):
        end(f"midwatch: there is no incident {incident}", 1)
    return int(number)
