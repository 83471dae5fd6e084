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
    WRONG_DIGITS = "these are not the first six digits of this plan's digest"
    NOT_ON_ROSTER = "you are not on the roster for this change"
    NOTHING_TO_EDIT = "nothing in this change can be typed; reject it and say what you want"
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
    typed: str = ""

    @property
    def approver(self) -> Approver:
        """Who clicked."""
        return Approver(team_id=self.user_team_id, user_id=self.user_id)


class Question(Value):
    """What was asked: the plan, where it stands and where its card was posted.

    ``again``: it was approved, an approval of it does not hold any more, and another one is asked for.
    """

    plan: Plan
    state: PlanState
    again: bool = False
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
        or unfit(person, (click.user_id, click.user_team_id))
        or _right(click, question, roster)
        or _time(click, question, now)
    )


def _origin(click: Click, question: Question) -> Refusal | None:
    if click.plan_id != question.plan.id:
        return Refusal.FORGED
    against = origin(click, question.home)
    if against is not None:
        return against
    # Only the message that was recorded shows the bytes to be signed; a copy elsewhere may show anything.
    if (click.channel_id, click.message_ts) != (question.channel_id, question.message_ts):
        return Refusal.WRONG_PLACE
    return None


def origin(click: Click, home: Home) -> Refusal | None:
    """Why a click comes from outside our app in our workspace, or None."""
    if click.app_id != home.app_id:
        return Refusal.WRONG_APP
    if click.team_id != home.team_id or click.user_team_id != home.team_id:
        return Refusal.FOREIGN_WORKSPACE
    if click.enterprise_id != home.enterprise_id:
        return Refusal.FOREIGN_WORKSPACE
    return None


def unfit(person: Person | None, who: tuple[str, str]) -> Refusal | None:
    """Why the account ``who`` (user id, team id) can sign nothing, whatever the roster says, or None."""
    # Slack was asked for this account by its id: an answer about somebody else counts as none.
    if person is None or (person.id, person.team_id) != who:
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
    if click.verdict is Verdict.APPROVE and _asked_for_it(click, question, roster):
        return Refusal.OWN_REQUEST
    return None if roster.may(click.approver, question.plan) else Refusal.NOT_ON_ROSTER


def _asked_for_it(click: Click, question: Question, roster: Roster) -> bool:
    # Refused also where the click is too empty to be anybody's.
    if not click.user_id or not click.user_team_id:
        return True
    return roster.asked(click.approver, question.plan)


def _time(click: Click, question: Question, now: datetime) -> Refusal | None:
    late = click.verdict is Verdict.DENY or question.again
    open_for = {PlanState.PENDING, PlanState.APPROVED} if late else {PlanState.PENDING}
    if question.state not in open_for:
        return Refusal.DECIDED
    # An approved plan has its own, shorter time, which the ledger keeps.
    over = question.state is PlanState.PENDING and now > question.plan.pending_until
    return Refusal.TOO_LATE if over else None
