"""The gatekeeper while the chat is away: plans expire, and those that somebody can sign by key are opened.

What is opened so waits for ``midwatch decide`` alone and nothing else about it differs: a dry-run was
accepted, it takes one of the channel's few places, it expires when it says so. When the chat is back
its card is posted and tells what became of it (threats T33 and T39).
"""

from __future__ import annotations

import asyncio

from agents.gatekeeper.bench import Bench
from agents.gatekeeper.office import Office
from agents.gatekeeper.policing import cancel_refused
from agents.gatekeeper.posting import advance
from agents.gatekeeper.sealing import keep_entries
from agents.ledger import moves, previews
from agents.ledger.lines import AGAIN
from agents.ledger.previews import Posted
from agents.ledger.protocol import PlanState
from agents.ledger.snooze import look_again
from agents.ledger.story import Story, story
from tools.slack import SlackError

OPENED = "shown by midwatch decide alone, for the chat was away"
"""What the record says of a plan that was opened without a card."""


async def keep_watch(office: Office, incident: int) -> None:
    """Make the chat show what the ledger says; when it does not take it, go on without it and try it again.

    Raises SlackError and LedgerError to be tried again.
    """
    try:
        await advance(office, incident)
    # Refused as well: of a token that was revoked, or a channel that is gone, nobody can sign by a card.
    except SlackError:
        await asyncio.to_thread(go_on, office, incident)
        raise


def go_on(bench: Bench, incident: int) -> None:
    """All of the gatekeeper's work on one incident that needs no chat. Blocking. Raises LedgerError."""
    moves.expire_due(bench.ledger, incident)
    cancel_refused(bench, incident)
    told = story(bench.ledger, incident)
    if told is not None:
        keep_entries(bench, told)
        _open(bench, told)


def _open(bench: Bench, told: Story) -> None:
    view = told.plan
    if view is None or view.state is not PlanState.DRAFT or view.preview is None:
        return
    # Where nobody could sign it, opening it would only be another word for waiting.
    if not bench.roster().signed_by_key(view.plan):
        # Somebody may be given a key before its time is over, and without a chat nobody else comes by.
        look_again(bench.ledger, told.incident.number, bench.ledger.now() + AGAIN)
        return
    place = Posted(channel_id=bench.channel_of(told.incident), message_ts="", card_digest="")
    if previews.ask_for_place(bench.ledger, view.plan.id, place.channel_id):
        previews.mark_pending(bench.ledger, view.plan.id, place, OPENED)
