"""What the rules made of one look, on its way from the diagnosis to the proposal."""

from __future__ import annotations

from dataclasses import dataclass

from agents.incident import Incident
from agents.investigator.reasoning import Reasoned
from agents.investigator.reasoning_case import Case


@dataclass(frozen=True, kw_only=True)
class Thought:
    """An incident, what was seen of it, and the causes that explain it."""

    incident: Incident
    case: Case
    reasoned: Reasoned
