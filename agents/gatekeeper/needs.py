"""Whether an incident that has no card yet should get one of its own, and why. Pure."""

from __future__ import annotations

from agents.ledger.cards import Need
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.story import Story

# Nobody was asked about a plan in one of these, and nothing was done.
_UNASKED = frozenset(
    {
        PlanState.DRAFT,
        PlanState.REFUSED,
        PlanState.EXPIRED,
        PlanState.CANCELLED,
        PlanState.SUPERSEDED,
    }
)


def need_of(story: Story) -> Need | None:
    """Why it should have a card now; None while its plan waits for a place among those that ask."""
    # What people are called about by name is never left to a digest: a storm must not bury it.
    if story.bent or any(view.state not in _UNASKED for view in story.plans):
        return Need.ASKS
    if story.outcome is not None:
        return Need.OVER
    view = story.plan
    if view is None or view.state is not PlanState.DRAFT or view.preview is None:
        return Need.TELLS
    return None if view.obstacle == Objection.CHANNEL_FULL.value else Need.ASKS
