"""Whether an incident that has no card yet should get one, and how soon a card must be up to date. Pure."""

from __future__ import annotations

from agents.ledger.cards import Need
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.story import Story
from tools.pacing import Urgency

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
# People are called by name about these.
_CALLED = frozenset({PlanState.UNKNOWN, PlanState.QUARANTINED})
# What goes on by itself: nobody has to do anything, and a button that must go is gone already.
_UNDER_WAY = frozenset({PlanState.EXECUTING, PlanState.SUCCEEDED})


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


def haste_of(story: Story) -> Urgency:
    """How soon the card must say what has changed."""
    if story.bent or any(view.state in _CALLED for view in story.plans):
        return Urgency.NOW
    goes_on = story.plan is None or story.plan.state in _UNDER_WAY
    return Urgency.SOON if goes_on else Urgency.NOW
