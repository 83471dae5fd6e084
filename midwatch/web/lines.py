"""One event of the record in words, as pages and the command line show it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import orjson

from agents.ledger.tables import AuditRow
from tools.redaction import redact

# Sixty-four digits of hash on every line would leave no room for what happened.
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")

# What only a program reads; it stays in the record, and the facts that it seals stand beside it.
_SEALS = frozenset({"mac", "signature", "statement"})


@dataclass(frozen=True, kw_only=True)
class Line:
    """One audit row as a page shows it."""

    seq: int
    at: datetime
    tag: str
    incident: int | None
    text: str
    hash: str


def line_of(row: AuditRow) -> Line:
    """One row in words: its body's facts, redacted and inert."""
    body = orjson.loads(row.body)["body"]
    told = ((key, value) for key, value in body.items() if key not in _SEALS and value not in ("", None))
    said = ", ".join(f"{key} {_words(value)}" for key, value in told)
    # A page shows digests to be recognised; whoever compares them uses `midwatch verify`.
    text = _DIGEST.sub(r"\1…", said)
    return Line(
        seq=row.seq, at=row.at, tag=row.tag, incident=row.incident, text=redact(text)[:300], hash=row.hash
    )


def _words(value: object) -> str:
    if isinstance(value, dict):
        return "/".join(_words(part) for part in value.values())
    return " ".join(map(_words, value)) if isinstance(value, list) else str(value)
