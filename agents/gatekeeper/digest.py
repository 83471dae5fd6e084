"""The digest of a storm: one message for everything that has no room in a channel, kept up to date.

A job of its own lane, so no two processes write one digest; posted and found again like a card. One that
is empty before it was ever posted is not posted at all.
"""

from __future__ import annotations

import asyncio

from agents.gatekeeper.digest_words import render
from agents.gatekeeper.office import Office
from agents.ledger import digests
from agents.ledger.digests import Digest
from agents.ledger.previews import Posted
from tools.pacing import Urgency
from tools.slack import Message, SlackRefused


async def tell(office: Office, number: int) -> None:
    """Bring a channel's digest up to date. Raises SlackError and LedgerError to be tried again."""
    told = await asyncio.to_thread(digests.digest, office.ledger, number)
    if told is None:
        return
    # Ended before its last words are said: whoever waits from now on has the next digest.
    if told.open and not told.waiting:
        if not await asyncio.to_thread(digests.end, office.ledger, number):
            return
        told = told.model_copy(update={"open": False})
    if not told.open and not told.tried:
        return
    shown = render(told, office.public_url)
    if told.shown == shown.digest:
        return
    ts = await _send(office, told, shown.message(f"digest-{number}"))
    posted = Posted(channel_id=told.channel_id, message_ts=ts, card_digest=shown.digest)
    await asyncio.to_thread(digests.record, office.ledger, number, posted, told.waiting)


async def _send(office: Office, told: Digest, message: Message) -> str:
    there = told.message_ts
    if not there and told.tried:
        # We died between asking Slack and writing it down: it may be there already.
        there = await office.slack.find(told.channel_id, message.key) or ""
    if there and (await _changed(office, told, (there, message)) or not told.open):
        return there
    await asyncio.to_thread(digests.intend, office.ledger, told.number)
    return await office.slack.post(told.channel_id, message, urgency=Urgency.SOON)


async def _changed(office: Office, told: Digest, wanted: tuple[str, Message]) -> bool:
    """Whether the message is still there to be changed: who deletes it must not silence a storm."""
    there, message = wanted
    try:
        await office.slack.update(told.channel_id, there, message, Urgency.SOON)
    except SlackRefused as problem:
        if problem.is_of_message:
            return False
        raise
    return True
