"""The hash chain of the audit log: each row seals the one before it. Pure.

``leaf(n) = SHA-256(0x00 || canonical body)``, canonical meaning RFC 8785, and
``hash(n) = SHA-256(0x02 || hash(n-1) || leaf(n))``, the genesis hash being 32 zero bytes. Removing,
inserting, editing or reordering a row breaks every later hash. The same leaves make the Merkle tree
of RFC 6962 (``0x01`` before two nodes), whose root a checkpoint signs. What a chain alone cannot
show is a cut tail, or a whole chain that was made anew: that takes an anchor outside the database.
"""

from __future__ import annotations

import hashlib

import rfc8785

from tools.kubernetes.objects import JsonObject

GENESIS = "0" * 64


def canonical(body: JsonObject) -> bytes:
    """The RFC 8785 bytes of an audit body."""
    return rfc8785.dumps(body)


def leaf(body: bytes) -> bytes:
    """The digest of a row's canonical bytes: all that a proof has to show of a row it does not tell."""
    return hashlib.sha256(b"\0" + body).digest()


def link(before: bytes, own: bytes) -> bytes:
    """The hash of a row, from the hash before it and its own leaf."""
    return hashlib.sha256(b"\2" + before + own).digest()


def seal(prev_hash: str, body: bytes) -> str:
    """The hash of a row in hex, from the hash before it and its canonical bytes."""
    return link(bytes.fromhex(prev_hash), leaf(body)).hex()
