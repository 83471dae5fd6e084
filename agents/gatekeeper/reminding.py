"""One line in the thread when a rest is over and somebody is still needed: for what. Pure."""

from __future__ import annotations

from agents.gatekeeper.blocks import paragraph
from agents.ledger.protocol import ACTIVE, Objection, PlanState
from agents.ledger.snooze import Snooze
from agents.ledger.story import PlanView, Story
from tools.slack import Block


def reminder(story: Story, rested: Snooze) -> tuple[str, Block] | None:
    """The entry, with the key that makes it appear once for this rest; None when nobody is needed."""
    wanted = needed(story)
    if not wanted:
        return None
    # By its beginning: who lets calls rest once more is reminded once more.
    key = f"rest-{rested.at:%Y%m%dT%H%M%S%f}"
    return key, paragraph("The rest is over", f"{story.incident.id} still waits for {wanted}.")


def needed(story: Story) -> str:
    """What of a person the incident waits for; empty while nobody can do anything, or it is over."""
    if story.outcome is not None or story.diagnosis is None:
        return ""
    if story.bent or any(one.state is PlanState.QUARANTINED for one in story.plans):
        return "somebody to look at a plan that was set aside"
    view = story.plan
    if view is not None and (view.state in ACTIVE or view.state is PlanState.SUCCEEDED):
        return _of_plan(view)
    # What ended without a change, or was never proposed, is a person's to mend while it fires.
    return "somebody: it goes on, and nothing is proposed" if story.incident.firing else ""


def _of_plan(view: PlanView) -> str:
    if view.state is PlanState.PENDING:
        return f"a signature, until {view.plan.pending_until:%H:%M} UTC"
    if view.state is PlanState.UNKNOWN:
        return "somebody to look at what may have been changed"
    return "another signature" if view.obstacle == Objection.APPROVER_LOST_RIGHT.value else ""
