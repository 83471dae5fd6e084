"""The check that every claim must pass, whoever made it: rules or a model.

Each cited evidence exists and holds a successful look; every quoted text or number stands literally in
at least one of the cited excerpts; every object named occurs in one of them or in its query. A claim
that fails is dropped and counted, never repaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agents.incident import Claim, Evidence

WHOLE_WORDS = 80
"""Longer quotes may have been cut within a word; a match by chance is no danger at that length."""

_ESCAPE = re.compile(r'\\(["\\/nrt]|u[0-9a-fA-F]{4})')
_PLAIN = {"n": "\n", "r": "\r", "t": "\t"}


class Fault(StrEnum):
    """Why a claim was dropped; the gravest is named."""

    NO_SUCH_EVIDENCE = "it cites evidence that does not exist"
    LOOK_FAILED = "it cites a look that failed"
    QUOTE_ABSENT = "a quoted text does not stand in the evidence"
    OBJECT_ABSENT = "a named object does not occur in the evidence"


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A claim that is not carried by its evidence, why, and the word that was not found."""

    claim: Claim
    fault: Fault
    detail: str = ""


def checked(
    claims: Iterable[Claim], evidence: Mapping[str, Evidence]
) -> tuple[tuple[Claim, ...], tuple[Dropped, ...]]:
    """The claims that hold, and those that do not with the reason; the order is kept."""
    kept: list[Claim] = []
    dropped: list[Dropped] = []
    for claim in claims:
        objection = against(claim, evidence)
        if objection is None:
            kept.append(claim)
        else:
            dropped.append(objection)
    return tuple(kept), tuple(dropped)


def against(claim: Claim, evidence: Mapping[str, Evidence]) -> Dropped | None:
    """Why this claim may not stand, or None."""
    for number in claim.evidence:
        if number not in evidence:
            return Dropped(claim=claim, fault=Fault.NO_SUCH_EVIDENCE, detail=number)
        if not evidence[number].ok:
            return Dropped(claim=claim, fault=Fault.LOOK_FAILED, detail=number)
    cited = [evidence[number] for number in claim.evidence]
    texts = [text for item in cited for text in _readings(item.excerpt)]
    for quote in claim.quotes:
        if not any(stands_in(quote, text) for text in texts):
            return Dropped(claim=claim, fault=Fault.QUOTE_ABSENT, detail=quote)
    queries = [item.query for item in cited]
    for name in claim.objects:
        # A log does not name its own pod; the query that fetched it does.
        if not any(_names(name, text) for text in texts) and not any(_fetches(name, one) for one in queries):
            return Dropped(claim=claim, fault=Fault.OBJECT_ABSENT, detail=name)
    return None


def stands_in(quote: str, text: str) -> bool:
    """Whether ``quote`` stands literally in ``text``; a short one as whole words: 1 does not stand in 137."""
    if not quote.strip():
        return False
    if len(quote) > WHOLE_WORDS:
        return quote in text
    left = r"(?<!\w)(?<!\w[.-])" if quote[0].isalnum() else ""
    right = r"(?!\w)(?!\.\d)" if quote[-1].isalnum() else ""
    return re.search(left + re.escape(quote) + right, text) is not None


def _names(name: str, text: str) -> bool:
    """Whether an object occurs as a whole name: ``web`` is neither ``web-2`` nor an image ``shop/web:1``."""
    path = name.rpartition(" ")[2]
    bare = path.rpartition("/")[2]
    known = f"(?:{re.escape(path)}|{re.escape(bare)})"
    return bool(bare) and re.search(rf"(?<![\w./-]){known}(?![\w-])(?![.:]\w)", text) is not None


def _fetches(name: str, query: str) -> bool:
    """Whether the object is a segment of the path that was asked for."""
    return name.rpartition(" ")[2].rpartition("/")[2] in query.partition("?")[0].split("/")


def _readings(excerpt: str) -> tuple[str, ...]:
    """The excerpt as it stands and, if it holds JSON escapes, with these resolved."""
    if "\\" not in excerpt:
        return (excerpt,)
    return excerpt, _ESCAPE.sub(_unescaped, excerpt)


def _unescaped(match: re.Match[str]) -> str:
    sign = match.group(1)
    return chr(int(sign[1:], 16)) if sign[0] == "u" else _PLAIN.get(sign, sign)
