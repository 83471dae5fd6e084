"""How long a first card waits for the plan that is about to come. Pure.

One card that can be signed is worth more at night than a card, its draft and its rehearsal within
half a second of each other; and nothing is said in the chat meanwhile that holds the rehearsal up.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from agents.ledger.protocol import PlanState
from agents.ledger.story import Story

HEAD_START = timedelta(seconds=1)
"""How long after its diagnosis an incident may be without a card, whatever the actor does."""


def seconds_to_wait(told: Story, now: datetime) -> float:
    """Seconds until the first card is due at the latest; zero when nothing is worth waiting for."""
    if told.diagnosed_at is None or not _on_its_way(told):
        return 0.0
    left = told.diagnosed_at + HEAD_START - now
    # More is left than there ever was: the clock was set back, and nobody waits until it comes round again.
    return left.total_seconds() if timedelta(0) < left <= HEAD_START else 0.0


def _on_its_way(told: Story) -> bool:
    """Whether a plan that was promised is not drafted yet, or is drafted and not rehearsed yet."""
    if told.outcome is not None or told.bent:
        return False
    view = told.plan
    if view is None:
        promised = told.diagnosis is not None and told.diagnosis.cause is not None
        return promised and not (told.diagnosis and told.diagnosis.no_plan_because)
    return view.state is PlanState.DRAFT and view.preview is None and not view.obstacle
