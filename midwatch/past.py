"""Past incidents by words: the same search as over the runbooks, over what the ledger holds."""

from __future__ import annotations

from sqlmodel import Session

from agents.gatekeeper.remembered import became
from agents.ledger.archive import Closed, closed
from agents.ledger.past import past_of
from agents.ledger.store import Ledger
from runbooks.search import Index, text_of
from runbooks.shelf import Shelf
from tools.redaction import redact


def found_in(ledger: Ledger, shelf: Shelf, text: str) -> list[str]:
    """A line for each of the past incidents that fit best; none when nothing fits."""
    with ledger.read() as session:
        every = list(closed(session))
        # The books say which words are rare: of three incidents that are all alike none would be.
        index = Index((*(one.text for one in every), *(text_of(book) for book in shelf.books)))
        hits = [every[at] for at, _ in index.find(text, among=len(every))]
        # One line each, whatever the texts of strangers hold.
        return [" ".join(redact(_line(one, _ended(session, one))).split()) for one in hits]


def _line(one: Closed, ended: str) -> str:
    what = one.cause.sentence if one.cause else "The cause was not established."
    return f"INC-{one.number}, closed {one.at:%Y-%m-%d}: {one.title}: {what} {ended}"


def _ended(session: Session, one: Closed) -> str:
    if one.cause is None:
        return ""
    past = past_of(session, one.number, one.cause)
    if past.bent:
        return "Its rows do not fit the record, so nothing is told of its end."
    done = "; ".join(became(attempt) for attempt in past.attempts)
    return done or (f"It ended as {past.recovery.value}." if past.recovery else "")
