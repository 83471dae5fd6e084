"""Scoring the search over runbooks against the questions of ``queries.yaml``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from runbooks.search import Search
from runbooks.shelf import load

FLOORS = (0.75, 0.90)
_FILE = Path(__file__).with_name("queries.yaml")


@dataclass(frozen=True, kw_only=True)
class Query:
    """One question: the book that answers it, or none."""

    text: str
    book: str
    kind: str
    held: bool = False


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of ``asked`` questions with a book, the shares answered first and among three; and of ``strange``
    ones without, how many got no answer."""

    asked: int
    at_1: float
    at_3: float
    strange: int
    silent: int


def queries() -> tuple[Query, ...]:
    """Every question, as it was written before anything was tuned."""
    return tuple(Query(**one) for one in yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def scores() -> dict[str, Score]:
    """All questions, and parts of them."""
    every, search = queries(), Search(load())
    parts = {
        "all": every,
        "alert names": [one for one in every if one.kind == "name"],
        "symptoms": [one for one in every if one.kind == "symptom"],
        "kept out of tuning": [one for one in every if one.held],
    }
    return {name: _score(search, part) for name, part in parts.items()}


def _score(search: Search, part: Iterable[Query]) -> Score:
    found = [(one, [hit.book.name for hit in search.find(one.text)]) for one in part]
    known = [(one, names) for one, names in found if one.book]
    strange = [names for one, names in found if not one.book]
    return Score(
        asked=len(known),
        at_1=sum(one.book in names[:1] for one, names in known) / len(known),
        at_3=sum(one.book in names for one, names in known) / len(known),
        strange=len(strange),
        silent=sum(not names for names in strange),
    )


def kept(found: dict[str, Score]) -> bool:
    """Whether what is promised of all questions holds."""
    whole = found["all"]
    return whole.at_1 >= FLOORS[0] and whole.at_3 >= FLOORS[1] and whole.silent == whole.strange
