"""The gatekeeper's desk: what happens when somebody clicks. Decide first, then answer.

A decision is committed before Slack gets its acknowledgement; whoever may not decide is told
so, and why, where only that person sees it. ``response_url`` is never used.
"""

from __future__ import annotations

from functools import partial

from agents.gatekeeper import judging
from agents.gatekeeper.attendance import roster_now
from agents.gatekeeper.clicks import Click, Refusal
from agents.gatekeeper.explaining import Against
from agents.gatekeeper.judging import Sources, spent_of
from agents.gatekeeper.office import Office
from agents.gatekeeper.payload import Payload, text
from agents.incident import Verdict
from agents.ledger.decisions import Decided
from agents.ledger.moves import Standing
from agents.ledger.protocol import Objection
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
    if isinstance(judged, Against):
        return await refused(office, click, (value, judged), nonce)
    typed = {"typed": click.typed} if click.typed else {}
    evidence = {"nonce": spent_of(nonce), "app": click.app_id, **typed}
    answer = await judging.count(office, click, judged, evidence)
    # The same delivery twice: the first one counted, and its person was told.
    if isinstance(answer, Decided) or answer.why is Objection.REPLAYED:
        return None
    return answer.words


async def judge(office: Office, click: Click, value: str) -> Standing | Against:
    """The plan that this click may decide about, or why it may not."""
    plan_id = office.seal.plan_of(value)
    if plan_id is None:
        return Against(why=Refusal.FORGED)
    full = click.model_copy(update={"plan_id": plan_id})
    ask = Sources(person=office.person, roster=partial(roster_now, office), home=office.home)
    return await judging.weigh(office, full, ask)


async def refused(office: Office, click: Click, why: tuple[str, Against], nonce: str) -> str | None:
    """Record the refusal (button value, why); what to say, or None if this very click was told before."""
    value, against = why
    about = click.model_copy(update={"plan_id": office.seal.plan_of(value)})
    return await judging.refuse(office, about, against, nonce)


async def explain(office: Office, payload: Payload, says: str) -> None:
    """Tell the clicker why it did not count; failing to tell changes nothing that was decided."""
    channel = text(payload, "container", "channel_id") or office.channel_id
    user = text(payload, "user", "id")
    try:
        await office.slack.whisper(channel, user, says)
    except SlackError:
        return
