"""``/midwatch halt``, ``resume``, ``status``, ``incident`` and ``analyze``: brake and looks, from the chat.

Whoever may sign anything may halt, resume, and have a namespace looked at. Slack delivers a command over
the authenticated socket or signed; who typed it is looked up like whoever clicks.
"""

from __future__ import annotations

import asyncio
import re

from agents.gatekeeper import errands
from agents.gatekeeper.attendance import roster_now
from agents.gatekeeper.clicks import Refusal, unfit
from agents.gatekeeper.explaining import NOTHING
from agents.gatekeeper.judging import spent_of
from agents.gatekeeper.modals import words_of
from agents.gatekeeper.office import Office
from agents.gatekeeper.payload import Payload, text
from agents.incident import Approver
from agents.ledger import brake, decisions
from agents.ledger.store import LedgerUnavailable
from agents.ledger.story import story
from tools.redaction import redact

NAME = "/midwatch"
HELP = "Say `status`, `incident INC-7`, `analyze NAMESPACE`, `halt REASON` or `resume REASON`."
WHO = "That is for people who may sign."
BESIDE = " On the machine itself, midwatch halt works as well."
"""Told to whoever may not halt: at that moment they need a way and not only a no."""
_NUMBER = re.compile(r"(?:INC-)?([1-9][0-9]{0,8})", re.IGNORECASE)


async def answer(office: Office, body: Payload) -> str:
    """Do what was typed, and say what came of it; only whoever typed it sees the answer."""
    word, _, rest = text(body, "text").strip().partition(" ")
    if word == "status":
        return await asyncio.to_thread(brake.status, office.ledger, office.halt_file)
    if word == "incident":
        return await _incident(office, body, rest.strip())
    if word not in {"halt", "resume", "analyze"}:
        return HELP
    against = await _stranger(office, body) or await _unlisted(office, body)
    if against is not None:
        who = {"user": text(body, "user_id"), "team": text(body, "team_id")}
        said = {**who, "wanted": word, "why": against.value}
        await asyncio.to_thread(brake.refuse, office.ledger, said)
        return f"Not done: {against.value}. {NOTHING} {WHO}{BESIDE if word == 'halt' else ''}"
    if word == "analyze":
        asks = Approver(team_id=text(body, "team_id"), user_id=text(body, "user_id"))
        return await errands.analyze(office, asks, text(body, "channel_id"), rest.strip())
    return await _pull(office, body, (word, redact(rest.strip())[:500]))


async def _incident(office: Office, body: Payload, named: str) -> str:
    """One incident in a few lines, for people of ours."""
    against = await _stranger(office, body)
    if against is not None:
        return f"Not told: {against.value}. Incidents are told to members of this workspace."
    number = _NUMBER.fullmatch(named)
    found = await asyncio.to_thread(story, office.ledger, int(number[1])) if number else None
    if found is None:
        absent = f"There is no incident {redact(named)[:40]}. " if named else ""
        return f"{absent}Say its number: `incident INC-7`."
    told, view = found.incident, found.plan
    cause = found.diagnosis.cause if found.diagnosis else None
    stands = found.outcome.sentence if found.outcome else told.phase
    lines = [
        f"{told.id} {told.title} ({told.severity}, {stands})",
        f"Cause: {cause.sentence if cause else 'not established'}",
        f"Plan: {words_of(view.plan)}: {view.state.value}" if view else "No change is proposed.",
        f"{office.public_url}/incidents/{told.number}",
    ]
    return "\n".join(redact(text)[:600] for text in lines)


async def _stranger(office: Office, body: Payload) -> Refusal | None:
    """Why whoever typed this is nobody of ours, or None."""
    home, user, team = office.home, text(body, "user_id"), text(body, "team_id")
    if text(body, "api_app_id") != home.app_id:
        return Refusal.WRONG_APP
    # Outside an enterprise the field is not there at all.
    if team != home.team_id or (text(body, "enterprise_id") or None) != home.enterprise_id:
        return Refusal.FOREIGN_WORKSPACE
    return unfit(await office.person(user), (user, team))


async def _unlisted(office: Office, body: Payload) -> Refusal | None:
    user, team = text(body, "user_id"), text(body, "team_id")
    if not user or not team:
        return Refusal.UNKNOWN_PERSON
    listed = (await roster_now(office)).listed(Approver(team_id=team, user_id=user))
    return None if listed else Refusal.NOT_ON_ROSTER


async def _pull(office: Office, body: Payload, said: tuple[str, str]) -> str:
    word, reason = said
    by = f"{text(body, 'user_id')} in Slack"
    if word == "halt":
        return await asyncio.to_thread(brake.halt, office.ledger, office.halt_file, (by, reason))
    try:
        # A halt may come twice and is a halt; a resume that comes again could end a later halt.
        new = await asyncio.to_thread(decisions.use_nonce, office.ledger, spent_of(text(body, "trigger_id")))
        if not new:
            return f"Not done: this command was seen before. {NOTHING} Type it again if it is wanted."
        return await asyncio.to_thread(brake.resume, office.ledger, office.halt_file, (by, reason))
    except (LedgerUnavailable, OSError) as problem:
        return redact(f"NOT resumed: {problem}. The halt holds; try again.")
