"""The command line. Imports nothing heavy until a command runs: ``--help`` answers at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from midwatch.policy import app as policy_app

if TYPE_CHECKING:
    from midwatch.settings import Settings
    from midwatch.settings_load import Process

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    # Boxes and colours cost rich and its Markdown parser at every start; the words are the same without.
    rich_markup_mode=None,
    help="Stands the watch from midnight to four, and changes nothing without a signature.",
)
app.add_typer(policy_app, name="policy")
# No ledger counts further: more digits would not fit into its column.
_NUMBER = re.compile(r"[0-9]{1,18}")
Config = Annotated[Path | None, typer.Option("--config", help="YAML file with settings.")]


def _settings(config: Path | None, process: Process = "serve") -> Settings:
    from midwatch.settings_load import SettingsError, load

    try:
        return load(config, process)
    except SettingsError as problem:
        _end(f"midwatch: {problem}", 2)


@contextmanager
def _told(before: str = "", after: str = "") -> Iterator[None]:
    """What a person can mend is told in a sentence and not as a traceback."""
    from agents.ledger.store import LedgerError
    from tools.kubernetes.errors import KubernetesError
    from tools.policy.load import PolicyError

    try:
        yield
    except (LedgerError, KubernetesError, PolicyError, OSError) as problem:
        _end(f"midwatch: {before}{problem}{after}", 1)


def _end(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


@app.command()
def serve(config: Config = None) -> None:
    """Run intake, investigator, gatekeeper and pages, with the actor as a child process."""
    import asyncio

    from midwatch.logs import begin
    from midwatch.serve import run

    settings = _settings(config)
    begin(settings.log_level)
    with _told():
        asyncio.run(run(settings))


@app.command()
def actor(
    config: Config = None,
    leashed: Annotated[bool, typer.Option("--leashed", help="Stop when standard input closes.")] = False,
) -> None:
    """Run the actor alone: the only process with write credentials.

    Started by ``serve`` as its child, or apart from it, on another machine, under another account.
    """
    import asyncio

    from midwatch.actor import run
    from midwatch.logs import begin

    settings = _settings(config, "actor")
    begin(settings.log_level)
    with _told():
        asyncio.run(run(settings, leashed=leashed))


@app.command()
def demo(scenario: Annotated[str, typer.Argument(help="One of evals/scenarios.")] = "bad-image") -> None:
    """Show one incident from alert to verified fix in a pretend data centre."""
    from midwatch.demo import run

    sys.exit(run(scenario))


@app.command()
def verify(config: Config = None) -> None:
    """Recompute the ledger: chain, digests and the path of every plan. Exit 1 when it was bent."""
    from agents.auditor.verify import verify as recompute
    from midwatch.wiring import ledger_of

    settings = _settings(config)
    with _told():
        ledger = ledger_of(settings)
        found = recompute(ledger)
        ledger.close()
    for problem in found.problems:
        typer.echo(f"bent: {problem}", err=True)
    typer.echo(f"{found.events} events, {found.plans} plans: {'whole' if found.ok else 'NOT whole'}")
    raise typer.Exit(0 if found.ok else 1)


@app.command()
def replay(incident: str, config: Config = None) -> None:
    """Tell the story of one incident (INC-7) from the ledger."""
    from midwatch.replay import tell
    from midwatch.wiring import ledger_of

    settings = _settings(config)
    number = incident.upper().removeprefix("INC-")
    with _told():
        ledger = ledger_of(settings)
        told = tell(ledger, int(number)) if _NUMBER.fullmatch(number) else None
        ledger.close()
    if told is None:
        _end(f"midwatch: there is no incident {incident}", 1)
    typer.echo(told)


@app.command()
def halt(reason: Annotated[str, typer.Option(help="Why.")] = "", config: Config = None) -> None:
    """Stop every change now, in the ledger and by file."""
    from agents.ledger.brake import HALTED, put_file

    settings = _settings(config)
    trouble = put_file(settings.halt_file, reason)
    if trouble:
        typer.echo(f"midwatch: {trouble}", err=True)
    by_file = settings.halt_file.exists()
    with _told(
        "" if by_file else "NOT halted: ", f"; {settings.halt_file} holds the actor" if by_file else ""
    ):
        _switch(settings, halted=True, reason=reason)
    typer.echo(HALTED)


@app.command()
def resume(reason: Annotated[str, typer.Option(help="Why.")] = "", config: Config = None) -> None:
    """End a halt."""
    settings = _settings(config)
    with _told("NOT resumed: "):
        _switch(settings, halted=False, reason=reason)
        # The file comes first and goes last: it stops the actor even when the database is down.
        settings.halt_file.unlink(missing_ok=True)
    typer.echo("resumed")


def _switch(settings: Settings, *, halted: bool, reason: str) -> None:
    import getpass

    from agents.ledger.store import set_halt
    from midwatch.wiring import ledger_of

    ledger = ledger_of(settings)
    set_halt(ledger, halted=halted, by=getpass.getuser(), reason=reason)
    ledger.close()


@app.command()
def check(config: Config = None) -> None:
    """Try every connection and right, and say what to fix. Exit 1 when something is missing."""
    import asyncio

    from midwatch.check import check_all

    results = asyncio.run(check_all(_settings(config)))
    for result in results:
        typer.echo(f"{'ok  ' if result.ok else 'FIX '} {result.what}: {result.says}")
    raise typer.Exit(0 if all(result.ok for result in results) else 1)


def main() -> None:
    """The entry point."""
    app()
