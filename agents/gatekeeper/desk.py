"""The gatekeeper's desk: what happens when somebody clicks. Decide first, then answer.

A decision is committed before Slack gets its acknowledgement; whoever may not decide is told
so, and why, where only that person sees it. ``response_url`` is never used.
"""

from __future__ import annotations

import asyncio
import hashlib

from agents.gatekeeper.attendance import roster_now
from agents.gatekeeper.clicks import Click, Question, Refusal, admissible
from agents.gatekeeper.office import Office
from agents.gatekeeper.payload import Payload, text
from agents.incident import Decision, Verdict
from agents.ledger import decisions, moves
from agents.ledger.moves import Standing
from agents.ledger.protocol import Objection
from agents.ledger.roster import roster_or_nobody
from agents.ledger.tables import PlanRow
from tools.crash import crash
from tools.slack import SlackError


def click_of(payload: Payload, verdict: Verdict, place: tuple[str, str]) -> Click:
    """The click in an interaction payload; what is missing or of a wrong type is empty and fits nothing."""
    return Click(
        verdict=verdict,
        plan_id=None,
        app_id=text(payload, "api_app_id"),
        team_id=text(payload, "team", "id"),
        # Nothing there is what a workspace outside an enterprise says; anything odd is not that.
        enterprise_id=None if payload.get("enterprise") is None else text(payload, "enterprise", "id"),
        user_id=text(payload, "user", "id"),
        user_team_id=text(payload, "user", "team_id"),
        channel_id=place[0],
        message_ts=place[1],
    )


def from_button(payload: Payload, verdict: Verdict) -> tuple[Click, str]:
    """A click on a button of a message, and the value the button carried."""
    place = (text(payload, "container", "channel_id"), text(payload, "container", "message_ts"))
    return click_of(payload, verdict, place), text(payload, "actions", 0, "value")


async def decide(office: Office, click: Click, value: str, nonce: str) -> str | None:
    """Judge a click and count it; the words of the refusal, or None."""
    crash("c0")
    judged = await judge(office, click, value)
    if not isinstance(judged, str) and _unconfirmed(click, judged):
        judged = Refusal.WRONG_DIGITS.value
    if isinstance(judged, str):
        return await refused(office, click, (value, judged), nonce)
    now = await asyncio.to_thread(office.ledger.now)
    spent = spent_of(nonce)
    decision = Decision(
        plan_id=judged.plan.id,
        plan_digest=judged.plan.digest,
        approver=click.approver,
        verdict=click.verdict,
        reason=click.reason,
        at=now,
        request=_evidence(office, click, spent),
    )
    answer = await asyncio.to_thread(decisions.decide, office.ledger, office.seal.sealed(decision), spent)
    crash("c1")
    if answer is Objection.REPLAYED:
        # The same delivery twice: the first one counted, and its person was told.
        return None
    return answer.value if isinstance(answer, Objection) else None


def _unconfirmed(click: Click, found: Standing) -> bool:
    return click.verdict is Verdict.APPROVE and not moves.confirmed(found.plan, click.typed)


def _evidence(office: Office, click: Click, spent: str) -> dict[str, str]:
    """What the decision keeps of the request, under its seal; the claim checks it again."""
    # Whose account it is, only entries of people say; nobody has to be asked about groups for it.
    human = roster_or_nobody(office.roster_file).with_members(()).human(click.approver)
    typed = {"typed": click.typed} if click.typed else {}
    return {"nonce": spent, "app": click.app_id, "human": human, **typed}


def spent_of(nonce: str) -> str:
    """What the ledger keeps of a nonce."""
    return hashlib.sha256(nonce.encode()).hexdigest()


async def judge(office: Office, click: Click, value: str) -> Standing | str:
    """The plan that this click may decide about, or why it may not."""
    plan_id = office.seal.plan_of(value)
    if plan_id is None:
        return Refusal.FORGED.value
    found = await asyncio.to_thread(_standing, office, plan_id)
    if isinstance(found, Objection):
        return found.value
    question = Question(
        plan=found.plan,
        state=found.state,
        again=decisions.asks_again(found),
        channel_id=found.proposal.channel_id,
        message_ts=found.proposal.message_ts,
        home=office.home,
    )
    # Side by side: Slack gives a click three seconds.
    person, roster = await asyncio.gather(office.person(click.user_id), roster_now(office))
    now = await asyncio.to_thread(office.ledger.now)
    full = click.model_copy(update={"plan_id": plan_id})
    against = admissible(full, question, (person, roster), now)
    if against is Refusal.NOT_ON_ROSTER:
        names = ", ".join(one.words for one in roster.signers(found.plan)) or "nobody"
        return f"{against.value}; who may: {names}"
    if against is Refusal.DECIDED:
        when = f"{against.value}: {found.state.value} at {found.proposal.state_at:%H:%M:%S} UTC"
        return when + await asyncio.to_thread(_newer, office, found)
    return found if against is None else against.value


def _newer(office: Office, found: Standing) -> str:
    """Where the plan is that took the place of this one (threat T14)."""
    with office.ledger.read() as session:
        row = session.get(PlanRow, found.proposal.successor) if found.proposal.successor else None
    return f"; the newer plan: {office.public_url}/incidents/{row.incident}" if row else ""


def _standing(office: Office, plan_id: str) -> Standing | Objection:
    with office.ledger.read() as session:
        return moves.standing(session, plan_id)


async def refused(office: Office, click: Click, why: tuple[str, str], nonce: str) -> str | None:
    """Record the refusal (button value, reason); the reason, or None if this very click was told before."""
    value, reason = why
    plan_id = office.seal.plan_of(value) or ""
    # The names of those who may are for the clicker; the record keeps no names of people.
    plainly = reason.partition("; who may:")[0]
    body = {"user": click.user_id, "team": click.user_team_id, "verdict": click.verdict.value, "why": plainly}
    new = await asyncio.to_thread(decisions.refuse_click, office.ledger, plan_id, body, spent_of(nonce))
    return reason if new else None


async def explain(office: Office, payload: Payload, reason: str) -> None:
    """Tell the clicker why it did not count; failing to tell changes nothing that was decided."""
    channel = text(payload, "container", "channel_id") or office.channel_id
    user = text(payload, "user", "id")
    try:
        await office.slack.whisper(channel, user, f"Not counted: {reason}.")
    except SlackError:
        return
