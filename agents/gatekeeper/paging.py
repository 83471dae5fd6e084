"""Calling people by name: when reading cannot tell what became of a plan, or its bytes were bent. Pure."""

from __future__ import annotations

from agents.gatekeeper.blocks import people
from agents.incident import Plan, Value
from agents.ledger.protocol import PlanState
from agents.ledger.roster import Crew, Mention, Roster
from agents.ledger.story import Story
from tools.slack import Block

BENT = "the stored bytes of a plan, or a seal on it, do not fit; it was set aside and nothing is sent"
# More names than these would only hide who it is about.
MOST_PEOPLE = 10


class Page(Value):
    """One call: about which plan, why, whom, and the entry that carries it, once by its key."""

    plan_id: str
    key: str
    why: str
    who: tuple[Mention, ...]

    @property
    def block(self) -> Block:
        """The thread entry."""
        return people("Please look", f"{self.why}. ", self.who)


def pages(story: Story, roster: Roster) -> list[Page]:
    """Whom to call about this incident, each reason once."""
    found = []
    for view in story.plans:
        why = view.obstacle if view.state is PlanState.UNKNOWN else ""
        why = BENT if view.state is PlanState.QUARANTINED else why
        if why:
            found.append(_page(view.plan.id, why, _signers(roster, view.plan) or _anybody(roster)))
    return found + [_page(plan_id, BENT, _anybody(roster)) for plan_id in story.bent]


def _page(plan_id: str, why: str, who: tuple[Mention, ...]) -> Page:
    kind = "bent" if why == BENT else "unknown"
    return Page(plan_id=plan_id, key=f"page-{plan_id}-{kind}", why=why, who=who[:MOST_PEOPLE])


def _signers(roster: Roster, plan: Plan) -> tuple[Mention, ...]:
    """Those who may sign it. A group is called as one: the chat knows best who is in it at that moment."""
    might = roster.signers(plan)
    # Nobody would hear the call of a group that is empty or disabled.
    return tuple(one.mention for one in might if not isinstance(one, Crew) or one.members)


def _anybody(roster: Roster) -> tuple[Mention, ...]:
    people = (entry.mention for entry in roster.approvers if entry.tiers)
    # Also a group of which nothing is known: to call it gives no right, and somebody has to look.
    return (*(crew.mention for crew in roster.crews if crew.group.tiers), *people)
