"""``midwatch runbook``: what is written down about an alert or a symptom, and what was seen of it before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from midwatch.cli_words import Config, settings_of, told
from midwatch.completion import alerts
from midwatch.terminal import FOUND, end, say

if TYPE_CHECKING:
    from runbooks.book import Runbook
    from runbooks.shelf import Shelf

Words = Annotated[
    list[str] | None,
    typer.Argument(help="An alert's name, or what somebody says is wrong.", autocompletion=alerts),
]

Past = Annotated[bool, typer.Option("--past", help="Look among the past incidents of the ledger as well.")]


def runbook(words: Words = None, past: Past = False, config: Config = None) -> None:
    """Find the runbook for an alert or a symptom; without words list all of them. Exit 1 when none fits.

    Exit 0 when one does, 2 when nothing could be looked for.
    """
    from runbooks.search import Search
    from runbooks.shelf import load

    shelf, text = load(), " ".join(words or ())
    if not text.strip():
        if past:
            end("say what to look for among the past incidents")
        for book in shelf.books:
            say(f"{book.name}: {book.title}")
        return
    named = shelf.match({"alertname": text})
    found = [one.book for one in Search(shelf).find(text)]
    books = [named, *(book for book in found if book != named)] if named else found
    seen = _seen(shelf, text, config) if past else []
    if not books and not seen:
        what = "no runbook and no past incident fits that" if past else "no runbook fits that"
        end(what, FOUND, then="`midwatch runbook` lists all of them")
    _tell(books)
    for line in seen:
        say(line)


def _tell(books: list[Runbook]) -> None:
    for book in books[:1]:
        say(_whole(book))
    for book in books[1:]:
        say(f"or {book.name}: {book.title}")


def _seen(shelf: Shelf, text: str, config: Path | None) -> list[str]:
    from midwatch.past import found_in
    from midwatch.wiring import existing_ledger_of

    with told():
        ledger = existing_ledger_of(settings_of(config))
        lines = found_in(ledger, shelf, text)
        ledger.close()
    return ["", "Seen before:", *lines] if lines else []


def _whole(book: Runbook) -> str:
    lines = [
        f"{book.title} ({book.name})",
        "",
        *(f"- {question}" for question in book.questions),
        "",
        book.body,
    ]
    may = ", ".join(book.allowed_actions) or "nothing"
    lines += ["", f"May be proposed: {may}", f"Wake: {book.escalate_to}"]
    return "\n".join(lines)
