"""The command line. Imports nothing heavy until a command runs: ``--help`` answers at once."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from midwatch import cli_record
from midwatch.analyze import analyze
from midwatch.cli_words import Config, end, number_of, settings_of, told
from midwatch.evaluate import evaluate
from midwatch.policy import app as policy_app
from midwatch.runbook import runbook

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    # Boxes and colours cost rich and its Markdown parser at every start; the words are the same without.
    rich_markup_mode=None,
    help="Stands the watch from midnight to four, and changes nothing without a signature.",
)
app.command()(analyze)
app.command("eval")(evaluate)
app.command()(runbook)
app.command()(cli_record.verify)
app.command()(cli_record.export)
app.command()(cli_record.evidence)
app.add_typer(cli_record.audit, name="audit")
app.add_typer(policy_app, name="policy")


@app.command()
def serve(config: Config = None) -> None:
    """Run intake, investigator, gatekeeper and pages, with the actor as a child process."""
    import asyncio

    from midwatch.logs import begin
    from midwatch.serve import run

    settings = settings_of(config)
    begin(settings.log_level)
    with told():
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

    settings = settings_of(config, "actor")
    begin(settings.log_level)
    with told():
        asyncio.run(run(settings, leashed=leashed))


@app.command()
def demo(scenario: Annotated[str, typer.Argument(help="One of evals/scenarios.")] = "bad-image") -> None:
    """Show one incident from alert to verified fix in a pretend data centre."""
    from midwatch.demo import run

    sys.exit(run(scenario))


@app.command()
def replay(incident: str, config: Config = None) -> None:
    """Tell the story of one incident (INC-7) from the ledger."""
    from midwatch.replay import tell
    from midwatch.wiring import existing_ledger_of

    settings = settings_of(config)
    number = number_of(incident)
    with told():
        ledger = existing_ledger_of(settings)
        said = tell(ledger, number)
        ledger.close()
    if said is None:
        end(f"midwatch: there is no incident {incident}", 1)
    typer.echo(said)


@app.command()
def halt(reason: Annotated[str, typer.Option(help="Why.")] = "", config: Config = None) -> None:
    """Stop every change now, in the ledger and by file."""
    import getpass

    from agents.ledger.brake import HALTED, put_file
    from agents.ledger.store import set_halt
    from midwatch.wiring import ledger_of

    settings = settings_of(config)
    trouble = put_file(settings.halt_file, reason)
    if trouble:
        typer.echo(f"midwatch: {trouble}", err=True)
    by_file = settings.halt_file.exists()
    with told(
        "" if by_file else "NOT halted: ", f"; {settings.halt_file} holds the actor" if by_file else ""
    ):
        ledger = ledger_of(settings)
        set_halt(ledger, halted=True, by=getpass.getuser(), reason=reason)
        ledger.close()
    typer.echo(HALTED)


@app.command()
def resume(reason: Annotated[str, typer.Option(help="Why.")] = "", config: Config = None) -> None:
    """End a halt."""
    import getpass

    from agents.ledger import brake
    from midwatch.wiring import ledger_of

    settings = settings_of(config)
    with told("NOT resumed: "):
        ledger = ledger_of(settings)
        said = brake.resume(ledger, settings.halt_file, (getpass.getuser(), reason))
        ledger.close()
    typer.echo(said)


@app.command()
def check(config: Config = None) -> None:
    """Try every connection and right, and say what to fix. Exit 1 when something is missing."""
    import asyncio

    from midwatch.check import check_all

    results = asyncio.run(check_all(settings_of(config)))
    for result in results:
        typer.echo(f"{'ok  ' if result.ok else 'FIX '} {result.what}: {result.says}")
    raise typer.Exit(0 if all(result.ok for result in results) else 1)


def main() -> None:
    """The entry point."""
    app()
