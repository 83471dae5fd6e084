"""The hash chain of the audit log: each row seals the one before it. Pure.

``hash(n) = SHA-256(0x00 || prev_hash || canonical body)``, canonical meaning RFC 8785, the
genesis hash being 32 zero bytes. Removing, inserting, editing or reordering a row breaks
every later hash. What a chain alone cannot show is a cut tail: that needs an anchor outside the
database, which does not exist yet (docs/limits.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import rfc8785

from tools.kubernetes.objects import JsonObject

GENESIS = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Link:
    """One audit row as stored: gapless ``seq`` from 1, hashes in hex, body as JSON bytes."""

    seq: int
    prev_hash: str
    body: bytes
    hash: str


def canonical(body: JsonObject) -> bytes:
    """The RFC 8785 bytes of an audit body."""
    return rfc8785.dumps(body)


def seal(prev_hash: str, body: bytes) -> str:
    """The hash of a row, from the hash before it and its canonical bytes."""
    return hashlib.sha256(b"\0" + bytes.fromhex(prev_hash) + body).hexdigest()


def first_break(links: Iterable[Link]) -> tuple[int, str] | None:
    """The first bad ``(seq, reason)`` of a chain read from its start, or None when whole."""
    prev_hash, expected = GENESIS, 1
    for link in links:
        if link.seq != expected:
            return (expected, f"row {expected} is missing: found {link.seq} instead")
        if link.prev_hash != prev_hash:
            return (link.seq, f"row {link.seq} does not follow the row before it")
        if seal(link.prev_hash, link.body) != link.hash:
            return (link.seq, f"row {link.seq} was changed after it was written")
        prev_hash, expected = link.hash, expected + 1
    return None
