"""Clicks on a card that decide nothing: Details, Snooze, and whether the diagnosis was right.

They are judged like any other click, only the roster is asked less: whoever may see the card may read
on and say what they think; letting calls rest is for those who may sign.
"""

from __future__ import annotations

import asyncio

from agents.gatekeeper import desk
from agents.gatekeeper.attendance import roster_now
from agents.gatekeeper.clicks import Click, Refusal, origin, unfit
from agents.gatekeeper.details import details_view
from agents.gatekeeper.explaining import NOTHING, Against
from agents.gatekeeper.judging import spent_of
from agents.gatekeeper.office import Office
from agents.gatekeeper.payload import Payload, text
from agents.incident import Verdict
from agents.ledger import cards, decisions, feedback, snooze
from agents.ledger.feedback import Grade, NothingToJudge
from agents.ledger.snooze import Rest
from agents.ledger.story import story
from tools.slack import SlackError


async def details(office: Office, payload: Payload, nonce: str) -> str | None:
    """Open the Details for whoever clicked; the words of the refusal, or None."""
    click, value = desk.from_button(payload, Verdict.APPROVE)
    number = await _judged(office, click, value)
    if not isinstance(number, int):
        return await _refused(office, click, number, nonce)
    # Drawn from the ledger and not from the card, which a thief of the bot token could have edited.
    told = await asyncio.to_thread(story, office.ledger, number)
    if told is None:
        return Against(why=Refusal.WRONG_PLACE).words
    try:
        await office.slack.open_view(text(payload, "trigger_id"), details_view(told, office.public_url))
    except SlackError as problem:
        return f"Slack did not open the details ({problem}). {NOTHING} Please click again."
    return None


async def rest(office: Office, payload: Payload, nonce: str) -> str | None:
    """Let the calls about an incident rest; the words of the refusal, or None."""
    click, _ = desk.from_button(payload, Verdict.APPROVE)
    chosen, _, value = text(payload, "actions", 0, "selected_option", "value").partition(":")
    number = await _judged(office, click, value)
    if not isinstance(number, int):
        return await _refused(office, click, number, nonce)
    # The menu's seal is on the incident alone: how long is only one of three words.
    if chosen not in set(Rest):
        return await _refused(office, click, Refusal.FORGED, nonce)
    if not (await roster_now(office)).listed(click.approver):
        return await _refused(office, click, Refusal.NOT_ON_ROSTER, nonce)
    if await asyncio.to_thread(decisions.use_nonce, office.ledger, spent_of(nonce)):
        await asyncio.to_thread(snooze.rest, office.ledger, number, click.approver, Rest(chosen))
    return None


async def judge(office: Office, payload: Payload, nonce: str) -> str | None:
    """Keep what somebody says of the diagnosis; the words of the refusal, or None."""
    click, value = desk.from_button(payload, Verdict.APPROVE)
    number = await _judged(office, click, value)
    if not isinstance(number, int):
        return await _refused(office, click, number, nonce)
    grade = Grade.of(text(payload, "actions", 0, "action_id").removeprefix("judge-"))
    if grade is None:
        return await _refused(office, click, Refusal.FORGED, nonce)
    # Seen twice it would be an old word that replaces a newer one.
    if await asyncio.to_thread(decisions.use_nonce, office.ledger, spent_of(nonce)):
        try:
            await asyncio.to_thread(feedback.judge, office.ledger, number, click.approver, grade)
        except NothingToJudge as nothing:
            return f"Not counted: {nothing}."
    return None


async def _judged(office: Office, click: Click, value: str) -> int | Refusal:
    """The incident whose card was clicked, or why the click does not count."""
    named = office.seal.plan_of(value) or ""
    number = named.removeprefix("INC-")
    if not named.startswith("INC-") or not number.isdigit():
        return Refusal.FORGED
    against = origin(click, office.home)
    if against is None and await asyncio.to_thread(_there, office, click) != int(number):
        against = Refusal.WRONG_PLACE
    if against is None:
        against = unfit(await office.person(click.user_id), (click.user_id, click.user_team_id))
    return int(number) if against is None else against


def _there(office: Office, click: Click) -> int | None:
    with office.ledger.read() as session:
        return cards.incident_at(session, click.channel_id, click.message_ts)


async def _refused(office: Office, click: Click, why: Refusal, nonce: str) -> str | None:
    said = {"user": click.user_id, "team": click.user_team_id, "verdict": "none", "why": why.value}
    new = await asyncio.to_thread(decisions.refuse_click, office.ledger, "", said, spent_of(nonce))
    return Against(why=why).words if new else None
