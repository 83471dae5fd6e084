"""What the rules made of one look, on its way from the diagnosis to the proposal."""

from __future__ import annotations

from dataclasses import dataclass

from agents.incident import Incident
from agents.investigator.reasoning import Reasoned
from agents.investigator.reasoning_case import Case
from agents.investigator.wanted import NoPlan, Permitted


@dataclass(frozen=True, kw_only=True)
class Thought:
    """An incident, what was seen of it, and the causes that explain it.

    ``wanted`` is what follows from the cause that was written down, once it was worked out.
    """

    incident: Incident
    case: Case
    reasoned: Reasoned
    wanted: Permitted | NoPlan | None = None
