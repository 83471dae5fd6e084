"""``midwatch runbook``: what is written down about an alert or a symptom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from midwatch.cli_words import end

if TYPE_CHECKING:
    from runbooks.book import Runbook

Words = Annotated[list[str] | None, typer.Argument(help="An alert's name, or what somebody says is wrong.")]


def runbook(words: Words = None) -> None:
    """Find the runbook for an alert or a symptom; without words list all of them. Exit 1 when none fits."""
    from runbooks.search import Search
    from runbooks.shelf import load

    shelf, text = load(), " ".join(words or ())
    if not text.strip():
        for book in shelf.books:
            typer.echo(f"{book.name}: {book.title}")
        return
    named = shelf.match({"alertname": text})
    found = [one.book for one in Search(shelf).find(text)]
    books = [named, *(book for book in found if book != named)] if named else found
    if not books:
        end("midwatch: no runbook fits that", 1)
    typer.echo(_whole(books[0]))
    for book in books[1:]:
        typer.echo(f"or {book.name}: {book.title}")


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
