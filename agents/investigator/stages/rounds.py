"""One round of looking: what it may spend, where its evidence goes, and what it had to leave out.

What could not be paid for is written down where it is refused, so that no stage can forget to say it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.incident import Evidence
from agents.investigator.purse import Purse
from agents.investigator.state import State
from agents.investigator.toolbox import Toolbox
from agents.ledger import investigations
from agents.ledger.investigations import Look


def purse_of(state: State, box: Toolbox) -> Purse:
    """What this round may still spend."""
    return Purse.resumed(box.policy.allowance, state.get("spent"))


@dataclass(kw_only=True)
class Round:
    """One round of looking: under which key it is stored, what it may spend, what it had to leave out."""

    box: Toolbox
    key: str
    purse: Purse
    left_out: list[str] = field(default_factory=list)
    blind: bool = False
    """Prometheus did not answer: in this round nothing more is asked of it."""

    def may(self, what: str) -> bool:
        """Whether one more look can be paid for; what cannot is remembered."""
        why = self.purse.take("tool_calls")
        if why:
            self.left_out.append(f"{what}: {why}")
        return not why

    async def store(self, looks: list[Look]) -> list[Evidence]:
        """The looks as evidence; one that was stored before keeps its id and text."""
        return await self.box.write(investigations.store_evidence, looks)
