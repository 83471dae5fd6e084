"""Replacing the auditor's key: recorded first, then listed, then used."""

from __future__ import annotations

from dataclasses import asdict

from agents.auditor.keys import KeyRing
from agents.ledger.store import Ledger
from agents.ledger.tags import Tag


def rotate(ledger: Ledger, keys: KeyRing, by: str) -> str:
    """Make a new key, vouched for by the present one; its public text. Raises LedgerError and KeyProblem.

    The event comes first: a key of which the record knows nothing never signs. A crash in between leaves
    a key that nobody holds, and doing it again makes another one.
    """
    line, private = keys.successor(ledger.now())
    with ledger.write() as tx:
        tx.audit(Tag.KEY_ROTATED, {**asdict(line), "old": line.by, "operator": by})
    keys.replace(line, private)
    return line.key
