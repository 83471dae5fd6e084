"""From a button to a decision, with a form in between where one is needed.

A rejection asks why. An approval from tier 2 on asks for the digest of what the form shows. What a
form says of itself when it comes back counts only under the mark that it was opened with.
"""

from __future__ import annotations

import asyncio

import orjson

from agents.gatekeeper import desk
from agents.gatekeeper.clicks import Click, Refusal
from agents.gatekeeper.explaining import NOTHING, Against
from agents.gatekeeper.modals import View, approve_view, reject_view
from agents.gatekeeper.office import Office
from agents.gatekeeper.payload import Payload, text
from agents.incident import Preview, Verdict
from agents.ledger import moves, previews
from agents.ledger.moves import Standing
from tools.redaction import redact
from tools.slack import SlackError


async def approve(office: Office, payload: Payload, nonce: str) -> str | None:
    """Count an approval, or open its form from tier 2 on; the words of the refusal, or None."""
    click, value = desk.from_button(payload, Verdict.APPROVE)
    judged = await desk.judge(office, click, value)
    if isinstance(judged, Against) or moves.confirmed(judged.plan, ""):
        return await desk.decide(office, click, value, nonce)
    shown = await asyncio.to_thread(_preview, office, judged.plan.id)
    private = opened_for(office, click, (value, click.verdict.value), nonce)
    return await show(office, payload, approve_view(judged.plan, shown, private))


def _preview(office: Office, plan_id: str) -> Preview | None:
    with office.ledger.read() as session:
        return previews.preview_of(session, plan_id)


async def ask_why(office: Office, payload: Payload, nonce: str) -> str | None:
    """Open the form for a rejection; only somebody who may reject sees it."""
    click, value = desk.from_button(payload, Verdict.DENY)
    judged = await desk.judge(office, click, value)
    if not isinstance(judged, Standing):
        return await desk.refused(office, click, (value, judged), nonce)
    return await show(
        office,
        payload,
        reject_view(judged.plan, opened_for(office, click, (value, click.verdict.value), nonce)),
    )


async def confirm(office: Office, payload: Payload, nonce: str) -> str | None:
    """Count an approval from its form; the words of the refusal, or None."""
    typed = text(payload, "view", "state", "values", "digits", "typed", "value").strip().lower()
    return await _submitted(office, payload, (Verdict.APPROVE, {"typed": typed}), nonce)


async def reject(office: Office, payload: Payload, nonce: str) -> str | None:
    """Count a rejection from its form; the words of the refusal, or None."""
    reason = redact(text(payload, "view", "state", "values", "why", "reason", "value"))[:500]
    return await _submitted(office, payload, (Verdict.DENY, {"reason": reason}), nonce)


async def _submitted(
    office: Office, payload: Payload, said: tuple[Verdict, dict[str, str]], nonce: str
) -> str | None:
    try:
        form = orjson.loads(text(payload, "view", "private_metadata"))
    except orjson.JSONDecodeError:
        return Against(why=Refusal.FORGED).words
    value, channel, ts, seen, mark = (text(form, key) for key in ("value", "channel", "ts", "seen", "mark"))
    click = desk.click_of(payload, said[0], (channel, ts)).model_copy(update=said[1])
    # Ours, and opened for this very person: a stolen signing secret alone makes no such form (T44).
    if not click.user_id or not click.user_team_id:
        return Against(why=Refusal.UNKNOWN_PERSON).words
    if not office.seal.opened(mark, click.approver, (said[0].value, value, channel, ts, seen)):
        return await desk.refused(office, click, (value, Against(why=Refusal.FORGED)), nonce)
    return await desk.decide(office, click, value, nonce)


def opened_for(office: Office, click: Click, about: tuple[str, str], nonce: str) -> str:
    """What a form says of itself (button value, what it is for), under the mark of whoever it is for."""
    value, purpose = about
    shown = (purpose, value, click.channel_id, click.message_ts, nonce)
    form = {"value": value, "channel": click.channel_id, "ts": click.message_ts, "seen": nonce}
    return orjson.dumps({**form, "mark": office.seal.form(click.approver, shown)}).decode()


async def show(office: Office, payload: Payload, view: View) -> str | None:
    """Open a form for whoever clicked; the words of what went wrong, or None."""
    try:
        await office.slack.open_view(text(payload, "trigger_id"), view)
    except SlackError as problem:
        # A trigger lives three seconds. Nothing was decided, so a new click is all it takes.
        return f"Slack did not open the form ({problem}). {NOTHING} Please click again."
    return None
