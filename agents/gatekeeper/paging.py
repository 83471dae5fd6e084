"""Calling people by name: when only a person can help, and whoever wants to be woken to sign. Pure."""

from __future__ import annotations

from agents.gatekeeper.blocks import people
from agents.incident import Plan, Value
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.roster import Crew, Mention, Roster
from agents.ledger.story import PlanView, Story
from tools.slack import Block

BENT = "the stored bytes of a plan, or a seal on it, do not fit; it was set aside and nothing is sent"
WAITS = "a change waits for a signature until {:%H:%M} UTC"
AGAIN = "an approval of the change does not hold any more, and another one is wanted"
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
        found += _stuck(view, roster) or _wanted(view, roster)
    return found + [_page(plan_id, ("bent", BENT), _anybody(roster)) for plan_id in story.bent]


def _stuck(view: PlanView, roster: Roster) -> list[Page]:
    """Only a person can help now: somebody is called in any case."""
    reason = ("unknown", view.obstacle) if view.state is PlanState.UNKNOWN else ("", "")
    reason = ("bent", BENT) if view.state is PlanState.QUARANTINED else reason
    who = _signers(roster, view.plan) or _anybody(roster)
    return [_page(view.plan.id, reason, who)] if reason[1] else []


def _wanted(view: PlanView, roster: Roster) -> list[Page]:
    """A signature is wanted: of those who may give it, whoever is to be woken for that."""
    lost = view.state is PlanState.APPROVED and view.obstacle == Objection.APPROVER_LOST_RIGHT.value
    if not lost and view.state is not PlanState.PENDING:
        return []
    who = tuple(one.mention for one in roster.signers(view.plan) if one.wakes)
    reason = ("again", AGAIN) if lost else ("waits", WAITS.format(view.plan.pending_until))
    return [_page(view.plan.id, reason, who)] if who else []


def _page(plan_id: str, reason: tuple[str, str], who: tuple[Mention, ...]) -> Page:
    kind, why = reason
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
