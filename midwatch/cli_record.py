"""The commands about the record: verify, export, evidence, and audit's rotate-key and erase."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midwatch.cli_words import Config, end, number_of, settings_of, told

if TYPE_CHECKING:
    from agents.ledger.store import Ledger
    from midwatch.settings import Settings

audit = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Keys of the record, and what may be erased."
)
Output = Annotated[Path, typer.Option("-o", "--output", help="File to write.")]


@contextmanager
def _record(settings: Settings) -> Iterator[Ledger]:
    """The ledger as it is, and what is wrong with it or with the auditor's files in a sentence."""
    from agents.auditor.keys import KeyProblem
    from agents.auditor.notes import NotANote
    from midwatch.wiring import existing_ledger_of

    with told():
        ledger = existing_ledger_of(settings)
        try:
            yield ledger
        except (KeyProblem, NotANote) as problem:
            end(f"midwatch: {problem}", 1)
        finally:
            ledger.close()


def verify(
    anchor: Annotated[
        list[str] | None, typer.Option("--anchor", help="A signed checkpoint kept elsewhere: text or file.")
    ] = None,
    config: Config = None,
) -> None:
    """Recompute the ledger: chain, checkpoints, anchors, digests, decisions and the path of every plan.

    Exit 1 when it was bent; the first bad row is named. Anchors in the anchor file are always compared.
    """
    from agents.auditor.anchors import outside
    from agents.auditor.verify import verify as recompute
    from midwatch.wiring import keys_of

    settings = settings_of(config)
    with _record(settings) as ledger:
        found = recompute(ledger, outside(keys_of(settings), settings.anchor_file, tuple(anchor or ())))
    for problem in found.problems:
        typer.echo(f"bent: {problem}", err=True)
    if found.first_bad is not None:
        typer.echo(f"first bad row: {found.first_bad}", err=True)
    for remark in found.remarks:
        typer.echo(remark)
    typer.echo(
        f"{found.events} events, {found.plans} plans, {found.checkpoints} checkpoints, anchored up to "
        f"{found.anchored}: {'whole' if found.ok else 'NOT whole'}"
    )
    raise typer.Exit(0 if found.ok else 1)


def export(
    output: Output,
    since: Annotated[str | None, typer.Option(help="Only what was written from this time on (ISO).")] = None,
    incident: Annotated[str | None, typer.Option(help="Only one incident (INC-7).")] = None,
    config: Config = None,
) -> None:
    """Write the record as JSON lines that its verifier checks without Midwatch."""
    from agents.auditor import export as exporting
    from midwatch.wiring import keys_of

    if since and incident:
        end("midwatch: say --since or --incident, not both", 2)
    settings = settings_of(config)
    at = _time(since) if since else None
    number = number_of(incident) if incident else None
    with _record(settings) as ledger, ledger.read() as session:
        trust = keys_of(settings).trust()
        part = exporting.since(session, at) if number is None else exporting.of_incident(session, number)
        lines = exporting.lines(session, part, trust)
        # Before the file is opened, which empties it: there may be nothing to write.
        first = next(lines)
        with output.open("wb") as file:
            file.writelines([first])
            file.writelines(lines)
    typer.echo(f"rows {part.after + 1} to {part.upto} in {output}")


def evidence(incident: str, output: Output, config: Config = None) -> None:
    """Write the evidence pack of one incident (INC-7): a zip with its part of the record and a verifier."""
    from agents.auditor.pack import pack
    from midwatch.wiring import keys_of

    settings = settings_of(config)
    with _record(settings) as ledger:
        output.write_bytes(pack(ledger, number_of(incident), keys_of(settings), settings.anchor_file))
    typer.echo(f"evidence of {incident} in {output}")


@audit.command("rotate-key")
def rotate_key(config: Config = None) -> None:
    """Sign with a new key from now on; the old one vouches for it, and old checkpoints stay valid."""
    import getpass

    from agents.auditor.rotation import rotate
    from midwatch.wiring import keys_of

    settings = settings_of(config)
    with _record(settings) as ledger:
        key = rotate(ledger, keys_of(settings), getpass.getuser())
    typer.echo(f"new key: {key}")


@audit.command()
def erase(
    digest: Annotated[
        str, typer.Argument(help="Of words, evidence or a delivery, as the record states it.")
    ] = "",
    user: Annotated[str, typer.Option(help="All words of one person: U1 or T1/U1.")] = "",
    config: Config = None,
) -> None:
    """Erase what may tell of a person. The record keeps the digest and stays whole."""
    import getpass

    from agents.ledger.payloads import erase as forget

    if bool(digest) == bool(user):
        end("midwatch: name a digest or a --user, one of them", 2)
    settings = settings_of(config)
    with _record(settings) as ledger:
        gone = forget(ledger, digest=digest, user=user, by=getpass.getuser())
    for one in gone:
        typer.echo(f"erased: {one}")


def _time(said: str) -> datetime:
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        end(f"midwatch: not a time: {said} (write 2026-11-27 or 2026-11-27T01:00:00+00:00)", 2)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
