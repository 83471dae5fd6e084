"""The brake: halt in the ledger and by file, so that one of them holds whatever else is down (I11).

The file stops an actor on the same machine at once, also when the database cannot be written; the
row stops every actor and survives them. Either is enough.
"""

from __future__ import annotations

from pathlib import Path

from agents.ledger.store import Ledger, LedgerUnavailable, halted, set_halt
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject

HALTED = "halted: nothing will be changed until somebody resumes"
BY_HAND = "Stop the actor's process by hand."


def put_file(path: Path, reason: str) -> str:
    """Put the halt file there; why it could not be, or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Words for whoever finds the file at night; that it exists is what counts.
        path.write_text(f"{reason}\n", encoding="utf-8")
    except OSError as problem:
        return f"the halt file cannot be written: {problem}"
    return ""


def halt(ledger: Ledger, path: Path, said: tuple[str, str]) -> str:
    """Halt (who, why), the file first; what holds now, in words."""
    trouble = put_file(path, said[1])
    try:
        set_halt(ledger, halted=True, by=said[0], reason=said[1])
    except LedgerUnavailable as problem:
        # A file that is there holds, also when it could not be written anew.
        holds = f"{problem}; {path} holds the actor"
        return holds if path.exists() else f"NOT halted: {trouble}; {problem}. {BY_HAND}"
    return f"{HALTED} ({trouble})" if trouble else HALTED


def resume(ledger: Ledger, path: Path, said: tuple[str, str]) -> str:
    """End a halt (who, why). Raises LedgerUnavailable and OSError, and then it holds."""
    set_halt(ledger, halted=False, by=said[0], reason=said[1])
    # The file comes first and goes last: it stops the actor even when the database is down.
    path.unlink(missing_ok=True)
    return "resumed"


def status(ledger: Ledger, path: Path) -> str:
    """Whether the brake is on, and by whom, in words."""
    by_file = f"halted by the file {path}" if path.exists() else ""
    try:
        with ledger.read() as session:
            row = halted(session)
    except LedgerUnavailable as problem:
        return by_file or f"not known: {problem}"
    by_row = f"halted by {row.by} at {row.at:%H:%M:%S} UTC: {row.reason or 'no reason given'}" if row else ""
    return by_row or by_file or "on watch"


def refuse(ledger: Ledger, body: JsonObject) -> None:
    """Record that somebody who may not wanted to halt or resume."""
    with ledger.write() as tx:
        tx.audit(Tag.HALT_REFUSED, body)
