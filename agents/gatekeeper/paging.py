"""Calling people by name: when reading cannot tell what became of a plan, or its bytes were bent. Pure."""

from __future__ import annotations

from agents.gatekeeper.blocks import people
from agents.incident import Value
from agents.ledger.protocol import PlanState
from agents.ledger.roster import Roster
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
    who: tuple[str, ...]

    @property
    def block(self) -> Block:
        """The thread entry."""
        return people("Please look", f"{self.why}. ", list(self.who))


def pages(story: Story, roster: Roster) -> list[Page]:
    """Whom to call about this incident, each reason once."""
    found = []
    for view in story.plans:
        why = view.obstacle if view.state is PlanState.UNKNOWN else ""
        why = BENT if view.state is PlanState.QUARANTINED else why
        if why:
            who = tuple(entry.user_id for entry in roster.signers(view.plan)) or _anybody(roster)
            found.append(_page(view.plan.id, why, who))
    return found + [_page(plan_id, BENT, _anybody(roster)) for plan_id in story.bent]


def _page(plan_id: str, why: str, who: tuple[str, ...]) -> Page:
    kind = "bent" if why == BENT else "unknown"
    return Page(plan_id=plan_id, key=f"page-{plan_id}-{kind}", why=why, who=who[:MOST_PEOPLE])


def _anybody(roster: Roster) -> tuple[str, ...]:
    return tuple(entry.user_id for entry in roster.approvers if entry.tiers)
