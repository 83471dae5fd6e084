"""What ``midwatch check`` can look at, and what one look of it found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """What can be looked at by itself."""

    LEDGER = "ledger"
    ROSTER = "roster"
    POLICY = "policy"
    ANALYZERS = "analyzers"
    CLUSTER = "cluster"
    METRICS = "metrics"
    WEBHOOK = "webhook"
    MODEL = "model"
    SLACK = "slack"
    LOGIN = "login"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One thing that was tried."""

    what: str
    ok: bool
    says: str
