"""Whether a click counts. Pure; the gravest objection wins; every answer has words for its person.

Source: approval-bound execution protocol, "A valid click"; threats T7 to T14, P5, P6, P12.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from agents.incident import Approver, Plan, Value, Verdict
from agents.ledger.protocol import PlanState
from agents.ledger.roster import Roster


class Refusal(StrEnum):
    """Why a click decides nothing."""

    FORGED = "this button was not made by Midwatch"
    WRONG_APP = "this came through another app"
    FOREIGN_WORKSPACE = "people of another workspace cannot sign here"
    WRONG_PLACE = "this is not the message that was posted for signing"
    NOT_HUMAN = "only people can sign, and this account is not one"
    GUEST = "guests cannot sign"
    DEACTIVATED = "this account was deactivated"
    UNKNOWN_PERSON = "Slack did not say who this is"
    OWN_REQUEST = "whoever asked for a change cannot sign it"
    NOT_ON_ROSTER = "you are not on the roster for this change"
    DECIDED = "this was already decided"
    TOO_LATE = "the time to sign has passed"


class Home(Value):
    """Which app in which workspace we are: what every genuine interaction must name."""

    app_id: str
    team_id: str
    enterprise_id: str | None = None


class Person(Value):
    """A Slack account as ``users.info`` describes it; anything missing is read as the worst."""

    id: str
    team_id: str
    is_bot: bool = True
    is_app_user: bool = True
    is_workflow_bot: bool = True
    is_guest: bool = True
    is_stranger: bool = True
    deleted: bool = True


class Click(Value):
    """One authenticated interaction, reduced to what decides."""

    verdict: Verdict
    plan_id: str | None
    app_id: str
    team_id: str
    enterprise_id: str | None
    user_id: str
    user_team_id: str
    channel_id: str
    message_ts: str
    reason: str = ""

    @property
    def approver(self) -> Approver:
        """Who clicked."""
        return Approver(team_id=self.user_team_id, user_id=self.user_id)


class Question(Value):
    """What was asked: the plan, where it stands and where its card was posted."""

    plan: Plan
    state: PlanState
    channel_id: str
    message_ts: str
    home: Home


def admissible(
    click: Click, question: Question, who: tuple[Person | None, Roster], now: datetime
) -> Refusal | None:
    """Why this click may not count, or None. The gravest objection wins."""
    person, roster = who
    # In the order of gravity: whoever forges a button is not told whether the time was right.
    return (
        _origin(click, question)
        or _humanity(click, person)
        or _right(click, question, roster)
        or _time(click, question, now)
    )


def _origin(click: Click, question: Question) -> Refusal | None:
    home = question.home
    if click.plan_id != question.plan.id:
        return Refusal.FORGED
    if click.app_id != home.app_id:
        return Refusal.WRONG_APP
    if click.team_id != home.team_id or click.user_team_id != home.team_id:
        return Refusal.FOREIGN_WORKSPACE
    if click.enterprise_id != home.enterprise_id:
        return Refusal.FOREIGN_WORKSPACE
    # Only the message that was recorded shows the bytes to be signed; a copy elsewhere may show anything.
    if (click.channel_id, click.message_ts) != (question.channel_id, question.message_ts):
        return Refusal.WRONG_PLACE
    return None


def _humanity(click: Click, person: Person | None) -> Refusal | None:
    # Slack was asked for this account by its id: an answer about somebody else counts as none.
    if person is None or (person.id, person.team_id) != (click.user_id, click.user_team_id):
        return Refusal.UNKNOWN_PERSON
    if person.deleted:
        return Refusal.DEACTIVATED
    if person.is_bot or person.is_app_user or person.is_workflow_bot:
        return Refusal.NOT_HUMAN
    if person.is_stranger:
        return Refusal.FOREIGN_WORKSPACE
    return Refusal.GUEST if person.is_guest else None


def _right(click: Click, question: Question, roster: Roster) -> Refusal | None:
    # Denying one's own request is fine: it only makes things safer.
    if click.verdict is Verdict.APPROVE and question.plan.requester == click.user_id:
        return Refusal.OWN_REQUEST
    return None if roster.may(click.approver, question.plan) else Refusal.NOT_ON_ROSTER


def _time(click: Click, question: Question, now: datetime) -> Refusal | None:
    deniable = {PlanState.PENDING, PlanState.APPROVED}
    open_for = deniable if click.verdict is Verdict.DENY else {PlanState.PENDING}
    if question.state not in open_for:
        return Refusal.DECIDED
    return Refusal.TOO_LATE if now > question.plan.pending_until else None
