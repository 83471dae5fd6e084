"""What one look of ``midwatch check`` found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Result:
    """One thing that was tried."""

    what: str
    ok: bool
    says: str
