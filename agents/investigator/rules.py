"""The place of every code among causes: what it does to others, and whether it can be a cause itself.

A new code gets its row here or ``tests/unit/test_rules.py`` fails. A finding under a code that is not ours
(analyzers can be added) is told and is no cause: what others install must not choose what is changed
(decision 15).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.effects import Effect
from agents.investigator.rules_cluster import CLUSTER_ROWS
from agents.investigator.rules_pods import POD_ROWS
from agents.investigator.rules_roles import QUIET, SYMPTOMS
from agents.investigator.rules_signs import SIGN_ROWS
from agents.investigator.rules_traffic import TRAFFIC_ROWS


class Role(Enum):
    """What a finding can be in an explanation."""

    ROOT = auto()
    """A cause, unless something deeper explains it."""
    QUIET = auto()
    """A cause if something follows from it or is asked about it, though by itself only information."""
    SYMPTOM = auto()
    """Never a cause: it says that something is wrong and not what."""
    NOTE = auto()
    """Neither: information."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One code's effect and role."""

    effect: Effect
    role: Role


_PARTS = (POD_ROWS, CLUSTER_ROWS, TRAFFIC_ROWS, SIGN_ROWS)
ROWS: dict[Effect, tuple[Coded, ...]] = {
    effect: tuple(code for part in _PARTS for code in part.get(effect, ())) for effect in Effect
}
RULES: dict[str, Rule] = {
    code.value: Rule(
        effect=effect,
        role=Role.SYMPTOM if code in SYMPTOMS else Role.QUIET if code in QUIET else Role.ROOT,
    )
    for effect, codes in ROWS.items()
    for code in codes
}
_UNKNOWN = Rule(effect=Effect.NOTE, role=Role.NOTE)


def effect_of(finding: Finding) -> Effect:
    """What the condition does to others."""
    return RULES.get(finding.code, _UNKNOWN).effect


def role_of(finding: Finding) -> Role:
    """What the finding can be: one of mere information is a cause only where its code says so."""
    rule = RULES.get(finding.code, _UNKNOWN)
    if rule.effect is Effect.NOTE:
        return Role.NOTE
    if rule.role is Role.ROOT and finding.severity is Severity.INFO:
        return Role.NOTE
    return rule.role


@cache
def order_of(code: str) -> int:
    """Where a code stands in the table: of two conditions of one object the first is the more telling."""
    return list(RULES).index(code) if code in RULES else len(RULES)
