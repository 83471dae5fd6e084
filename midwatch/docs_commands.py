"""``docs/commands.md``: every command as ``--help`` tells it, from the very objects that answer it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from midwatch.cli import app

Words = tuple[str, ...]


def commands() -> str:
    """The text of the page."""
    return "\n".join([_HEAD, *(_section(words, command) for words, command in sorted(every(), key=_words))])


def every(of: object = None, before: Words = ()) -> Iterator[tuple[Words, TyperCommand]]:
    """Every command with the words that are typed after ``midwatch``."""
    found = get_command(app) if of is None else of
    if isinstance(found, TyperCommand):
        yield before, found
    for name, inner in found.commands.items() if isinstance(found, TyperGroup) else ():
        yield from every(inner, (*before, name))


def _words(one: tuple[Words, TyperCommand]) -> Words:
    return one[0]


def _section(words: Words, command: TyperCommand) -> str:
    # Resilient: what is asked for is not there, and is not asked for now.
    context = command.make_context(" ".join(("midwatch", *words)), [], resilient_parsing=True)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"## {context.command_path}", "", f"`{usage}`", "", _prose(command), ""]
    told = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [_row(*one) for one in told if one is not None and "--help" not in one[0]]
    if rows:
        lines += ["| | |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _prose(command: TyperCommand) -> str:
    """The help as Markdown: one line a paragraph."""
    text = inspect.cleandoc(command.help or "").replace("``", "`")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _row(name: str, says: str) -> str:
    # A bar would end the cell.
    cells = (part.replace("|", "\\|") for part in (f"`{name.strip()}`", " ".join(says.split())))
    return f"| {' | '.join(cells)} |"


_HEAD = """# Commands

Generated from `midwatch/cli.py` by `make docs`; each command's `--help` says the same, and `midwatch` alone
lists them.

| exit code | what it says |
|---|---|
| 0 | it was done, and all is as it should be |
| 1 | something was found, or the answer is no: findings, a bent record, a connection to mend |
| 2 | it could not be done or asked: no ledger, no such incident, settings or options that cannot be used |

What went wrong is told in a sentence on standard error, with what to do next, and never as a traceback.
Answers go to standard output: tables and colours on a terminal; plain lines that nothing wraps in a pipe or a
file; no colours with `NO_COLOR`. Where there is `-o json` it is ASCII, indented on a terminal and one line
elsewhere. Bars of progress are on standard error, on a terminal only. Whatever strangers wrote (titles,
labels, logs) is redacted, and characters that would steer a terminal are shown as `\\u{1b}`.

`midwatch --install-completion` teaches your shell (bash, zsh, fish) the commands and their options, and
incidents, plans, scenarios, kinds and alerts by name. Shells evaluate what they are offered, so titles of
incidents are not among it.
"""
