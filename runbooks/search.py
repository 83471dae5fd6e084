"""Finding a runbook, or any text, by what somebody says or a log complains of, offline.

Okapi BM25 over stemmed words (library bm25s), names like ``KubePodCrashLooping`` taken apart. Symptoms count
three times what prose counts, because they are how people put it. What shares too little with every book
has no match, and that is an answer.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property

import bm25s
import Stemmer

from runbooks.book import Runbook
from runbooks.shelf import Shelf

ENOUGH = 0.25
"""The share of a question's weight (rare words weigh more) that a book must hold to be an answer."""

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_STEMMER = Stemmer.Stemmer("english")
_TITLE, _NAMES, _SYMPTOMS = 3, 2, 3


@dataclass(frozen=True, kw_only=True)
class Found:
    """A runbook and how much of the question's weight it holds, 0 to 1."""

    book: Runbook
    share: float


@dataclass(frozen=True)
class Index:
    """Texts that can be asked. Building it takes milliseconds; it holds no state between questions."""

    texts: tuple[str, ...]

    def find(self, text: str, most: int = 3, among: int | None = None) -> tuple[tuple[int, float], ...]:
        """The places of the texts that fit best, best first, with the share of the question that each
        holds; with ``among`` only of the first so many, while the rest still say which words are rare."""
        words = _words(text)
        if not words or not self.texts:
            return ()
        scores = self._index.get_scores(words)
        places = range(len(self.texts) if among is None else among)
        ranked = sorted(places, key=lambda at: -scores[at])[:most]
        found = ((at, self._share(words, at)) for at in ranked)
        return tuple((at, share) for at, share in found if share >= ENOUGH)

    def _share(self, words: list[str], at: int) -> float:
        asked = {word: self._weight(word) for word in words}
        return sum(weight for word, weight in asked.items() if word in self._sets[at]) / sum(asked.values())

    def _weight(self, word: str) -> float:
        holding = sum(word in words for words in self._sets)
        return math.log(1 + (len(self._sets) - holding + 0.5) / (holding + 0.5))

    @cached_property
    def _apart(self) -> list[list[str]]:
        return [_words(text) for text in self.texts]

    @cached_property
    def _sets(self) -> list[frozenset[str]]:
        return [frozenset(words) for words in self._apart]

    @cached_property
    def _index(self) -> bm25s.BM25:
        index = bm25s.BM25()
        index.index(self._apart, show_progress=False)
        return index


@dataclass(frozen=True)
class Search:
    """A shelf that can be asked."""

    shelf: Shelf

    def find(self, text: str, most: int = 3) -> tuple[Found, ...]:
        """The books that fit best, best first; none when nothing fits."""
        found = self._index.find(text, most)
        return tuple(Found(book=self.shelf.books[at], share=share) for at, share in found)

    @cached_property
    def _index(self) -> Index:
        return Index(tuple(text_of(book) for book in self.shelf.books))


def text_of(book: Runbook) -> str:
    """What a book is found by, each part as often as it weighs."""
    parts = [
        *[book.name.replace("-", " "), " ".join(book.matches.alertnames)] * _NAMES,
        *[book.title] * _TITLE,
        *book.symptoms * _SYMPTOMS,
        *book.questions,
        book.body,
    ]
    return " ".join(parts)


def _words(text: str) -> list[str]:
    apart = _HUMPS.sub(" ", text).lower()
    (words,) = bm25s.tokenize(
        [apart], stopwords="en", stemmer=_STEMMER, return_ids=False, show_progress=False
    )
    return list(words)
