"""All runbooks together: loading a folder of them and finding the one for an alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbooks.book import Runbook, RunbookError, read

SHIPPED = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Runbooks in the order of their names; two never match the same alert equally well."""

    books: tuple[Runbook, ...]

    def match(self, labels: Mapping[str, str]) -> Runbook | None:
        """The runbook that fits these alert labels best, or None."""
        rated = [(book.matches.fit(labels), book) for book in self.books]
        fit, best = max(rated, key=lambda pair: pair[0], default=(0, None))
        return best if fit else None


def load(folder: Path = SHIPPED) -> Shelf:
    """Every ``*.md`` of a folder. Raises RunbookError for the first that is wrong, or for two that clash."""
    books = tuple(read(path) for path in sorted(folder.glob("*.md")))
    taken: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
    for book in books:
        labels = tuple(sorted(book.matches.labels.items()))
        for name in book.matches.alertnames or ("",):
            other = taken.setdefault((name.lower(), labels), book.name)
            if other != book.name:
                raise RunbookError(f"{book.name} and {other} are both for {name or labels}")
    return Shelf(books=books)
