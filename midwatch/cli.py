"""The command line. Imports nothing heavy until a command runs: ``--help`` answers at once."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from midwatch import cli_record, cli_watch, completion
from midwatch.analyze import analyze
from midwatch.check_result import Part
from midwatch.cli_words import Config, settings_of, told
from midwatch.decide import decide
from midwatch.evaluate import evaluate
from midwatch.policy import app as policy_app
from midwatch.runbook import runbook
from midwatch.terminal import FINE, FOUND, Form, Output, end, say, trouble

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    # Boxes and colours cost rich and its Markdown parser at every start; the words are the same without.
    rich_markup_mode=None,
    help="Stands the watch from midnight to four, and changes nothing without a signature.",
)
Scenario = Annotated[str, typer.Argument(help="One of evals/scenarios.", autocompletion=completion.scenarios)]
Parts = Annotated[list[Part] | None, typer.Argument(metavar="PART", help="Such as slack or cluster.")]
app.command()(analyze)
app.command("eval")(evaluate)
app.command()(runbook)
app.command("incidents")(cli_watch.listed)
app.command()(cli_watch.show)
app.command()(cli_watch.tail)
app.command()(cli_watch.plans)
app.command()(decide)
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
def demo(scenario: Scenario = "bad-image") -> None:
    """Show one incident from alert to verified fix in a pretend data centre.

    Exit 0 when it ended as it should, 1 when a part of the way broke (it is named), 2 when there is no such
    scenario.
    """
    from evals.world.scenario import ScenarioError, load
    from midwatch.demo import run

    try:
        load(scenario)
    except ScenarioError as problem:
        known = ", ".join(completion.scenarios(""))
        end(f"there is no scenario {scenario} that can be shown: {problem}", then=f"name one of {known}")
    sys.exit(run(scenario))


@app.command()
def halt(reason: Annotated[str, typer.Option(help="Why.")] = "", config: Config = None) -> None:
    """Stop every change now, in the ledger and by file."""
    import getpass

    from agents.ledger.brake import HALTED, put_file
    from agents.ledger.store import set_halt
    from midwatch.wiring import ledger_of

    settings = settings_of(config)
    problem = put_file(settings.halt_file, reason)
    if problem:
        trouble(problem)
    by_file = settings.halt_file.exists()
    with told(
        "" if by_file else "NOT halted: ", f"; {settings.halt_file} holds the actor" if by_file else ""
    ):
        ledger = ledger_of(settings)
        set_halt(ledger, halted=True, by=getpass.getuser(), reason=reason)
        ledger.close()
    say(HALTED)


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
    say(said)


@app.command()
def check(parts: Parts = None, output: Output = Form.TABLE, config: Config = None) -> None:
    """Try every connection and right, or only these parts, and say what to fix. Changes nothing.

    Exit 0 when all is as it should be, 1 when something is missing, 2 when the settings cannot be read.
    """
    from midwatch.check_told import tried

    raise typer.Exit(FINE if tried(settings_of(config), output, parts or ()) else FOUND)


def main() -> None:
    """The entry point."""
    app()
