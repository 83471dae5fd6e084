"""The auditor's last verdict, kept in a file of its own: what pages show without recomputing anything.

Not in the database: whoever can bend the record could write "whole" beside it. Without a file, or with
one that cannot be read, there is no verdict, and nobody may say that the record is whole.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import orjson

from agents.auditor.verify import Verdict

MOST = 50
"""So many problems are kept; one is enough to stop everything, and a file stays small."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was found, and when all was recomputed."""

    at: datetime
    verdict: Verdict


def keep(path: Path, kept: Kept) -> None:
    """Put it in place of the one before; a reader sees the one or the other. Raises OSError."""
    facts = asdict(kept.verdict) | {"problems": kept.verdict.problems[:MOST]}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(orjson.dumps({"at": kept.at, "verdict": facts}))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def kept_in(path: Path) -> Kept | None:
    """The last verdict, or None when there is none that counts."""
    try:
        found = orjson.loads(path.read_bytes())
        facts = found["verdict"]
        lists = {name: tuple(map(str, facts[name])) for name in ("problems", "remarks")}
        at = datetime.fromisoformat(found["at"])
        counted = all(type(facts[name]) is int for name in ("events", "plans", "checkpoints", "anchored"))
        return Kept(at=at, verdict=Verdict(**(facts | lists))) if counted and at.tzinfo else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
