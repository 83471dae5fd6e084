"""The gatekeeper's desk: what happens when somebody clicks. Decide first, then answer.

A decision is committed before Slack gets its acknowledgement; whoever may not decide is told
so, and why, where only that person sees it. ``response_url`` is never used.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import orjson

from agents.gatekeeper.cards import reject_view
from agents.gatekeeper.clicks import Click, Question, Refusal, admissible
from agents.gatekeeper.office import Office
from agents.incident import Decision, Verdict
from agents.ledger import decisions, moves
from agents.ledger.moves import Standing
from agents.ledger.protocol import Objection
from agents.ledger.roster import roster_or_nobody
from tools.redaction import redact
from tools.slack import SlackError

Payload = dict[str, Any]


def click_of(payload: Payload, verdict: Verdict, value: str, place: tuple[str, str]) -> tuple[Click, str]:
    """The click in an interaction payload and the button value it carried; missing is empty."""
    user, team = payload.get("user") or {}, payload.get("team") or {}
    enterprise = payload.get("enterprise") or {}
    click = Click(
        verdict=verdict,
        plan_id=None,
        app_id=str(payload.get("api_app_id", "")),
        team_id=str(team.get("id", "")),
        enterprise_id=enterprise.get("id"),
        user_id=str(user.get("id", "")),
        user_team_id=str(user.get("team_id", "")),
        channel_id=place[0],
        message_ts=place[1],
    )
    return click, value


def from_button(payload: Payload, verdict: Verdict) -> tuple[Click, str]:
    """A click on a button of a message."""
    container = payload.get("container") or {}
    actions = payload.get("actions") or [{}]
    place = (str(container.get("channel_id", "")), str(container.get("message_ts", "")))
    return click_of(payload, verdict, str(actions[0].get("value", "")), place)


async def approve(office: Office, payload: Payload, nonce: str) -> str | None:
    """Count an approval; the words of the refusal, or None."""
    click, value = from_button(payload, Verdict.APPROVE)
    return await _decide(office, click, value, nonce)


async def ask_why(office: Office, payload: Payload, nonce: str) -> str | None:
    """Open the modal for a rejection; only somebody who may reject sees it."""
    click, value = from_button(payload, Verdict.DENY)
    judged = await _judge(office, click, value)
    if isinstance(judged, str):
        return await _refused(office, click, value, judged)
    place = {"value": value, "channel": click.channel_id, "ts": click.message_ts, "seen": nonce}
    view = reject_view(judged.plan, orjson.dumps(place).decode())
    await office.slack.open_view(str(payload.get("trigger_id", "")), view)
    return None


async def reject(office: Office, payload: Payload, nonce: str) -> str | None:
    """Count a rejection from its modal; the words of the refusal, or None."""
    view = payload.get("view") or {}
    try:
        place = orjson.loads(view.get("private_metadata") or "{}")
        reason = view["state"]["values"]["why"]["reason"]["value"] or ""
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return Refusal.FORGED.value
    where = (str(place.get("channel", "")), str(place.get("ts", "")))
    click, value = click_of(payload, Verdict.DENY, str(place.get("value", "")), where)
    return await _decide(office, click.model_copy(update={"reason": redact(reason)[:500]}), value, nonce)


async def _decide(office: Office, click: Click, value: str, nonce: str) -> str | None:
    fresh = await asyncio.to_thread(
        decisions.use_nonce, office.ledger, hashlib.sha256(nonce.encode()).hexdigest()
    )
    if not fresh:
        # The same delivery twice: the first one counted, and its person was told.
        return None
    judged = await _judge(office, click, value)
    if isinstance(judged, str):
        return await _refused(office, click, value, judged)
    now = await asyncio.to_thread(office.ledger.now)
    decision = Decision(
        plan_id=judged.plan.id,
        plan_digest=judged.plan.digest,
        approver=click.approver,
        verdict=click.verdict,
        reason=click.reason,
        at=now,
        request={"nonce": hashlib.sha256(nonce.encode()).hexdigest(), "app": click.app_id},
    )
    answer = await asyncio.to_thread(decisions.decide, office.ledger, office.seal.sealed(decision))
    if isinstance(answer, Objection):
        return await _refused(office, click, value, answer.value)
    return None


async def _judge(office: Office, click: Click, value: str) -> Standing | str:
    plan_id = office.seal.plan_of(value)
    if plan_id is None:
        return Refusal.FORGED.value
    found = await asyncio.to_thread(_standing, office, plan_id)
    if isinstance(found, Objection):
        return found.value
    question = Question(
        plan=found.plan,
        state=found.state,
        channel_id=found.proposal.channel_id,
        message_ts=found.proposal.message_ts,
        home=office.home,
    )
    person = await office.person(click.user_id)
    roster = roster_or_nobody(office.roster_file)
    now = await asyncio.to_thread(office.ledger.now)
    full = click.model_copy(update={"plan_id": plan_id})
    against = admissible(full, question, (person, roster), now)
    if against is Refusal.NOT_ON_ROSTER:
        names = ", ".join(entry.name or entry.user_id for entry in roster.signers(found.plan)) or "nobody"
        return f"{against.value}; who may: {names}"
    if against is Refusal.DECIDED:
        return f"{against.value}: {found.state.value} at {found.proposal.state_at:%H:%M:%S} UTC"
    return found if against is None else against.value


def _standing(office: Office, plan_id: str) -> Standing | Objection:
    with office.ledger.read() as session:
        return moves.standing(session, plan_id)


async def _refused(office: Office, click: Click, value: str, reason: str) -> str:
    plan_id = office.seal.plan_of(value) or ""
    body = {"user": click.user_id, "team": click.user_team_id, "verdict": click.verdict.value, "why": reason}
    await asyncio.to_thread(decisions.refuse_click, office.ledger, plan_id, body)
    return reason


async def explain(office: Office, payload: Payload, reason: str) -> None:
    """Tell the clicker why it did not count; failing to tell changes nothing that was decided."""
    container = payload.get("container") or {}
    channel = str(container.get("channel_id") or office.channel_id)
    user = str((payload.get("user") or {}).get("id", ""))
    try:
        await office.slack.whisper(channel, user, f"Not counted: {reason}.")
    except SlackError:
        return
