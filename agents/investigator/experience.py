"""What earlier incidents of the same cause on the same object say about a change: it helped, or it did not.

Experience only chooses among changes that the rules have drafted anyway: it adds none, it allows none,
and an approval is never part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agents.ledger.past import Attempt, Fate, Past
from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import ObjectRef

# A restart is marked with its own incident and time: whatever the mark, it is the same change.
_MARKED = frozenset({"restart_rollout"})


@dataclass(frozen=True, kw_only=True)
class Experience:
    """Past incidents, newest first; ``prefers`` says whether what helped comes before what was not tried."""

    past: tuple[Past, ...] = ()
    prefers: bool = True

    def on(self, about: ObjectRef) -> Experience:
        """Only what happened to this object; elsewhere the same change may well end otherwise."""
        return replace(self, past=tuple(one for one in self.past if one.object.key == about.key))

    def impartial(self) -> Experience:
        """The same without a preference: what failed still gives way."""
        return replace(self, prefers=False)

    def against(self, step: Step) -> str:
        """Why this very change is not the first choice: it failed when it was last done. Else nothing."""
        incident, last = next(self._times(step), (0, None))
        if last is None or not last.failed:
            return ""
        return f"{step.verb} with these values {last.fate.value} in INC-{incident}."

    def favours(self, step: Step) -> str:
        """Which incident this very change has recovered, when it was last done. Else nothing."""
        incident, last = next(self._times(step) if self.prefers else iter(()), (0, None))
        return f"it recovered INC-{incident}" if last is not None and last.fate is Fate.HELPED else ""

    def _times(self, step: Step) -> Iterator[tuple[int, Attempt]]:
        """When this change was done and something is known of it, newest first."""
        for one in self.past:
            for attempt in reversed(one.attempts):
                if attempt.fate is not Fate.REJECTED and _same(attempt.step, step):
                    yield one.incident, attempt


def _same(one: Step, other: Step) -> bool:
    if (one.verb, one.target.key) != (other.verb, other.target.key):
        return False
    return one.verb in _MARKED or one.set == other.set
