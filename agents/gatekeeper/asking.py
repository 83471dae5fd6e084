"""Messages in the thread of a card: who asks, whether we may answer, and the answer, once.

Slack delivers an event again when it was not acknowledged; each message is spent like a click, which
makes that harmless. Our own messages and those of other programs are never answered.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from agents.gatekeeper import errands
from agents.gatekeeper.attendance import roster_now
from agents.gatekeeper.blocks import context
from agents.gatekeeper.clicks import unfit
from agents.gatekeeper.judging import spent_of
from agents.gatekeeper.office import Office
from agents.gatekeeper.payload import Payload, text
from agents.gatekeeper.questions import Asked, answer, is_open, plain
from agents.incident import Approver
from agents.ledger import cards, decisions
from agents.ledger.errands import Errand
from agents.ledger.story import story
from tools.slack import Message

PER_MINUTE = 6
"""Answers to one person in a minute: nobody reads faster, and a loop of two bots would never end."""
TOO_MANY = "Please wait a minute: that is as many questions as are answered in one."


@dataclass(kw_only=True)
class Pace:
    """How often each person was answered lately, in this process."""

    _times: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque), repr=False)

    def may(self, user_id: str) -> bool:
        """Whether one more answer is within the pace; counts it."""
        now, times = time.monotonic(), self._times[user_id]
        while times and now - times[0] > 60:
            times.popleft()
        if len(times) >= PER_MINUTE:
            return False
        times.append(now)
        return True


async def hear(office: Office, pace: Pace, body: Payload) -> None:
    """Answer a message in a thread of ours, if it asks something. Raises SlackError and LedgerError."""
    event = body.get("event")
    user, ts, thread = (text(event, name) for name in ("user", "ts", "thread_ts"))
    if not _for_us(office, body) or not user or not thread or thread == ts:
        return
    channel = text(event, "channel")
    number = await asyncio.to_thread(_incident, office, channel, thread)
    if number is None or unfit(await office.person(user), (user, office.home.team_id)):
        return
    told = await asyncio.to_thread(story, office.ledger, number)
    if told is None:
        return
    asked = Asked(story=told, roster=await roster_now(office), public_url=office.public_url)
    said = text(event, "text")
    blocks = answer(said, asked, named=f"<@{office.bot_user_id}>" in said)
    # People talk to each other there as well: most messages are not for us.
    if blocks is None:
        return
    if not pace.may(user):
        await office.slack.whisper(channel, user, TOO_MANY)
        return
    # Spent before it is answered: two deliveries of one message may be handled side by side.
    spent = spent_of(f"message|{channel}|{ts}")
    if await asyncio.to_thread(decisions.use_nonce, office.ledger, spent):
        who = Approver(team_id=office.home.team_id, user_id=user)
        wish = Errand(kind="question", incident=number, by=who, channel_id=channel, thread_ts=thread)
        why = await _passed_on(office, wish, said)
        if why is None:
            return
        aside = [context(f"No model is asked: {why}.")] if why else []
        await office.slack.post(channel, Message(blocks=[*aside, *blocks], text=told.incident.id), thread)


async def _passed_on(office: Office, wish: Errand, said: str) -> str | None:
    """None when a model is being asked; else why it is not, where it was to be."""
    if not office.asks_model or not is_open(said, named=f"<@{office.bot_user_id}>" in said):
        return ""
    return await errands.question(office, wish, plain(said)) or None


def _for_us(office: Office, body: Payload) -> bool:
    event = body.get("event")
    # An edit, a join or a bot's message has a subtype or a bot id; a person's own words have neither.
    strange = any(text(event, name) for name in ("subtype", "bot_id", "app_id"))
    foreign = text(event, "user_team") not in {"", office.home.team_id}
    ours = (text(body, "api_app_id"), text(body, "team_id")) == (office.home.app_id, office.home.team_id)
    return ours and not strange and not foreign and text(event, "user") != office.bot_user_id


def _incident(office: Office, channel: str, thread: str) -> int | None:
    with office.ledger.read() as session:
        return cards.incident_at(session, channel, thread)
