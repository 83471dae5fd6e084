"""Whether a click, or a signed statement in its place, counts. Pure; the gravest objection wins.

Every answer has words for its person. Source: approval-bound execution protocol, "A valid click";
threats T7 to T14 and T39, P5, P6, P12.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from agents.incident import Approver, Plan, Value, Verdict
from agents.ledger.protocol import PlanState
from agents.ledger.roster import Roster
from agents.ledger.statements import Statement


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
    NOT_ON_ROSTER = "you are not on the roster for this"
    NOTHING_TO_EDIT = "nothing in this change can be typed"
    DECIDED = "this was already decided"
    TOO_LATE = "the time to sign has passed"
    OTHER_BYTES = "this was signed for other bytes, or for another cluster"
    NOT_LATELY = "this was not signed within the last minute"
    UNFIT_BEFORE = "Slack cannot be asked now, and when it last was, this account could not sign"


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


class Word(Value):
    """What somebody says about a plan, whichever way it came."""

    verdict: Verdict
    plan_id: str | None
    user_id: str
    user_team_id: str
    reason: str = ""
    reason_salt: str = ""
    typed: str = ""

    @property
    def approver(self) -> Approver:
        """Whose word it is."""
        return Approver(team_id=self.user_team_id, user_id=self.user_id)


class Click(Word):
    """One authenticated interaction, reduced to what decides."""

    app_id: str
    team_id: str
    enterprise_id: str | None
    channel_id: str
    message_ts: str


class SignedWord(Word):
    """A statement of which the gatekeeper found that this person's key of the roster signed it.

    ``unfit_before``: the chat's last answer about the account, which is all there is while it is away.
    """

    statement: Statement
    unfit_before: bool = False


class Question(Value):
    """What was asked: the plan, where it stands and where its card was posted.

    ``again``: it was approved, an approval of it does not hold any more, and another one is asked for.
    """

    plan: Plan
    state: PlanState
    again: bool = False
    channel_id: str
    message_ts: str
    home: Home | None = None


def admissible(
    word: Word, question: Question, who: tuple[Person | None, Roster], now: datetime
) -> Refusal | None:
    """Why this word may not count, or None. The gravest objection wins."""
    person, roster = who
    came = _unsound(word, question, now) if isinstance(word, SignedWord) else _origin(word, question)
    # In the order of gravity: whoever forges a button is not told whether the time was right.
    return came or _account(word, person) or _right(word, question, roster) or _time(word, question, now)


def _unsound(word: SignedWord, question: Question, now: datetime) -> Refusal | None:
    said, plan = word.statement, question.plan
    if (said.plan_digest, said.cluster_uid) != (plan.digest, plan.cluster_uid):
        return Refusal.OTHER_BYTES
    if not said.is_about(plan):
        return Refusal.WRONG_DIGITS
    return None if word.statement.lately(now) else Refusal.NOT_LATELY


def _account(word: Word, person: Person | None) -> Refusal | None:
    # A key says by itself whose it is. What the chat says about its owner still counts when it can be asked.
    if isinstance(word, SignedWord) and person is None:
        return Refusal.UNFIT_BEFORE if word.unfit_before else None
    return unfit(person, (word.user_id, word.user_team_id))


def _origin(click: Word, question: Question) -> Refusal | None:
    if click.plan_id != question.plan.id or not isinstance(click, Click):
        return Refusal.FORGED
    against = origin(click, question.home) if question.home is not None else Refusal.WRONG_APP
    if against is not None:
        return against
    # Only the message that was recorded shows the bytes to be signed; a copy elsewhere may show anything.
    # A plan that waits without a card has no such message, and "none" is no place to click at.
    place = (question.channel_id, question.message_ts)
    if not question.message_ts or (click.channel_id, click.message_ts) != place:
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


def _right(word: Word, question: Question, roster: Roster) -> Refusal | None:
    # Denying one's own request is fine: it only makes things safer.
    if word.verdict is Verdict.APPROVE and _asked_for_it(word, question, roster):
        return Refusal.OWN_REQUEST
    return None if roster.may(word.approver, question.plan) else Refusal.NOT_ON_ROSTER


def _asked_for_it(word: Word, question: Question, roster: Roster) -> bool:
    # Refused also where the click is too empty to be anybody's.
    if not word.user_id or not word.user_team_id:
        return True
    return roster.asked(word.approver, question.plan)


def _time(word: Word, question: Question, now: datetime) -> Refusal | None:
    late = word.verdict is Verdict.DENY or question.again
    open_for = {PlanState.PENDING, PlanState.APPROVED} if late else {PlanState.PENDING}
    if question.state not in open_for:
        return Refusal.DECIDED
    # An approved plan has its own, shorter time, which the ledger keeps.
    over = question.state is PlanState.PENDING and now > question.plan.pending_until
    return Refusal.TOO_LATE if over else None
