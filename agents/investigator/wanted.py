"""What follows from a cause: one change that may be proposed, or why there is none. Values only.

Apart from what makes them, so that whoever only answers questions about an incident holds nothing that
could propose a change (threat T22).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tools.kubernetes.actions.step import Step
from tools.policy.engine import Judgement
from tools.policy.facts import Radius


@dataclass(frozen=True, kw_only=True)
class NoPlan:
    """Why nothing is proposed, and what a person may do instead if that is known."""

    reason: str
    advice: str = ""
    patch: str = ""
    """The change as YAML to commit, where the object is deployed from somewhere else."""
    look_again: datetime | None = None
    """When this may have changed by itself, or have become something to change."""

    def __str__(self) -> str:
        """Reason and advice as one text."""
        return f"{self.reason} {self.advice}".strip()


@dataclass(frozen=True, kw_only=True)
class Permitted:
    """One change that the policy allows, with all that a plan states about it."""

    step: Step
    why: str
    radius: Radius
    judged: Judgement
