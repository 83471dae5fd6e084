"""The commands about the record: verify, export, evidence, and audit's rotate-key and erase."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midwatch.cli_words import CHECK, Config, number_of, settings_of, time_of, told
from midwatch.completion import incidents
from midwatch.terminal import FINE, FOUND, Form, Output, answer, end, say, trouble, work

if TYPE_CHECKING:
    from agents.auditor.verify import Verdict
    from agents.ledger.store import Ledger
    from midwatch.settings import Settings

audit = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Keys of the record, and what may be erased."
)
File = Annotated[Path, typer.Option("-o", "--output", help="File to write.")]


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
            end(str(problem), then=CHECK)
        finally:
            ledger.close()


def verify(
    anchor: Annotated[
        list[str] | None, typer.Option("--anchor", help="A signed checkpoint kept elsewhere: text or file.")
    ] = None,
    output: Output = Form.TABLE,
    config: Config = None,
) -> None:
    """Recompute the ledger: chain, checkpoints, anchors, digests, decisions and the path of every plan.

    Exit 0 when it is whole, 1 when it was bent (the first bad row is named), 2 when it could not be read.
    Anchors in the anchor file are always compared.
    """
    from agents.auditor.anchors import outside
    from agents.auditor.verify import Progress
    from agents.auditor.verify import verify as recompute
    from midwatch.wiring import keys_of

    settings = settings_of(config)
    progress = Progress()
    with _record(settings) as ledger, work("recomputing the record", _size(ledger)) as doing:
        known = outside(keys_of(settings), settings.anchor_file, tuple(anchor or ()))
        with doing.looking(lambda: progress.done):
            found = recompute(ledger, known, progress)
    if output is Form.TABLE:
        for problem in found.problems:
            say(f"bent: {problem}", err=True)
        if found.first_bad is not None:
            say(f"first bad row: {found.first_bad}", err=True)
    answer(output, {"ok": found.ok, **asdict(found)}, _verdict(found))
    if not found.ok:
        trouble("the record is NOT whole", "docs/audit-operations.md says what to do when it is bent")
    raise typer.Exit(FINE if found.ok else FOUND)


def _size(ledger: Ledger) -> int:
    from agents.ledger.checkpoints import head

    with ledger.read() as session:
        return head(session)[0]


def _verdict(found: Verdict) -> list[str]:
    tallies = ((found.events, "event"), (found.plans, "plan"), (found.checkpoints, "checkpoint"))
    counts = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in tallies)
    whole = "whole" if found.ok else "NOT whole"
    return [*found.remarks, f"{counts}, anchored up to {found.anchored}: {whole}"]


def export(
    output: File,
    since: Annotated[str | None, typer.Option(help="Only what was written from this time on (ISO).")] = None,
    incident: Annotated[
        str | None, typer.Option(help="Only one incident (INC-7).", autocompletion=incidents)
    ] = None,
    config: Config = None,
) -> None:
    """Write the record as JSON lines that its verifier checks without Midwatch."""
    from agents.auditor import export as exporting
    from midwatch.wiring import keys_of

    if since and incident:
        end("say --since or --incident, not both")
    settings = settings_of(config)
    at = time_of(since) if since else None
    number = number_of(incident) if incident else None
    with _record(settings) as ledger, ledger.read() as session:
        trust = keys_of(settings).trust()
        part = exporting.since(session, at) if number is None else exporting.of_incident(session, number)
        lines = exporting.lines(session, part, trust)
        # Before the file is opened, which empties it: there may be nothing to write.
        first = next(lines)
        with output.open("wb") as file, work("writing the record", part.upto - part.after) as far:
            file.write(first)
            for n, line in enumerate(lines):
                file.write(line)
                if n % 1_000 == 0:
                    far.far(n)
    say(f"rows {part.after + 1} to {part.upto} in {output}")


def evidence(
    incident: Annotated[str, typer.Argument(autocompletion=incidents)], output: File, config: Config = None
) -> None:
    """Write the evidence pack of one incident (INC-7): a zip with its part of the record and a verifier."""
    from agents.auditor.pack import pack
    from midwatch.wiring import keys_of

    settings = settings_of(config)
    with _record(settings) as ledger:
        output.write_bytes(pack(ledger, number_of(incident), keys_of(settings), settings.anchor_file))
    say(f"evidence of {incident} in {output}")


@audit.command("rotate-key")
def rotate_key(config: Config = None) -> None:
    """Sign with a new key from now on; the old one vouches for it, and old checkpoints stay valid."""
    import getpass

    from agents.auditor.rotation import rotate
    from midwatch.wiring import keys_of

    settings = settings_of(config)
    with _record(settings) as ledger:
        key = rotate(ledger, keys_of(settings), getpass.getuser())
    say(f"new key: {key}")


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
        end("name a digest or a --user, one of them")
    settings = settings_of(config)
    with _record(settings) as ledger:
        gone = forget(ledger, digest=digest, user=user, by=getpass.getuser())
    for one in gone:
        say(f"erased: {one}")
