"""The gatekeeper's one job, ``advance(incident)``: make the chat show what the ledger says.

Idempotent: what was posted is recorded, what was about to be posted when we died is looked for
before it is posted again. Cards are rendered from the ledger each time and sent when they differ.
"""

from __future__ import annotations

import asyncio

from agents.gatekeeper.attendance import roster_now
from agents.gatekeeper.blocks import code
from agents.gatekeeper.cards import Rendering, render
from agents.gatekeeper.entries import entries
from agents.gatekeeper.files import share
from agents.gatekeeper.needs import haste_of, need_of
from agents.gatekeeper.office import Office
from agents.gatekeeper.paging import pages
from agents.gatekeeper.patience import seconds_to_wait
from agents.gatekeeper.policing import cancel_refused
from agents.gatekeeper.reasons import Reasons, reasons_of
from agents.gatekeeper.reminding import reminder
from agents.gatekeeper.sealing import keep_entries
from agents.gatekeeper.vouching import vouch
from agents.gatekeeper.whole import readable
from agents.ledger import cards as ledger_cards
from agents.ledger import moves, previews
from agents.ledger.cards import Need
from agents.ledger.previews import Posted
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.roster import roster_or_nobody
from agents.ledger.snooze import look_again
from agents.ledger.story import PlanView, Story, story
from tools.pacing import Urgency
from tools.queue.port import Later
from tools.redaction import redact
from tools.slack import Block, Message

_WEIGHED = frozenset({PlanState.DRAFT, PlanState.PENDING})
_UNDECIDED = frozenset({PlanState.PENDING, PlanState.APPROVED})


async def advance(office: Office, incident: int) -> None:
    """Bring card, thread and expiries up to date.

    Raises SlackError and LedgerError to be tried again; Later when a plan is on its way or there is more to
    say than is taken.
    """
    async with office.posting(incident):
        # Before the card is drawn: buttons of a plan whose time has passed must not be shown again.
        await asyncio.to_thread(moves.expire_due, office.ledger, incident)
        await asyncio.to_thread(cancel_refused, office, incident)
        told = await asyncio.to_thread(story, office.ledger, incident, brief=True)
        if told is None or not _worth_telling(told):
            return
        await _be_patient(office, told)
        # Before anything is said in the chat: the actor waits for it, and the chat may be slow or away.
        await asyncio.to_thread(keep_entries, office, told)
        if _wants_place(told.plan):
            await asyncio.to_thread(_take_place, office, told, told.plan)
        told = await asyncio.to_thread(story, office.ledger, incident) or told
        posted = await _card(office, told)
        if posted is None:
            return
        shared = await share(office, told, posted)
        if shared.came:
            # Now that all of it can be read there, the card may ask for a signature.
            told = await asyncio.to_thread(story, office.ledger, incident) or told
            posted = await _card(office, told) or posted
        await _open_for_signing(office, told, posted)
        await _page(office, told, posted)
        await vouch(office, told)
        # After all that somebody waits for: it may have to come again for the rest.
        await _thread(office, told, posted)
        if shared.refused:
            # Last, because people are called about other things meanwhile.
            raise shared.refused


async def _be_patient(office: Office, told: Story) -> None:
    wait = seconds_to_wait(told, await asyncio.to_thread(office.ledger.now))
    if wait and await asyncio.to_thread(_row, office, told.incident.number) is None:
        raise Later(wait, f"{told.incident.id}: its plan is on its way")


def _worth_telling(told: Story) -> bool:
    return bool(told.diagnosis or told.plans or told.bent or told.outcome)


def _wants_place(view: PlanView | None) -> bool:
    return view is not None and view.state is PlanState.DRAFT and view.preview is not None


def _take_place(office: Office, told: Story, view: PlanView | None) -> None:
    if view is not None:
        previews.ask_for_place(office.ledger, view.plan.id, office.channel_of(told.incident))


async def announce(office: Office, text: str, key: str) -> str:
    """Say something in the channel that is no card; its ts. Raises SlackError.

    Asked again under the same key, it is found and not said a second time.
    """
    found = await office.slack.find(office.channel_id, key)
    if found is not None:
        return found
    message = Message(blocks=[code(redact(text))], text=redact(text.partition("\n")[0]), key=key)
    return await office.slack.post(office.channel_id, message)


async def _card(office: Office, told: Story) -> Posted | None:
    """The card as it stands now, or None: the channel has no room, and its digest tells the incident."""
    number = told.incident.number
    row = await asyncio.to_thread(_row, office, number)
    need = need_of(told)
    if row is None and need is None:
        return None
    why = await asyncio.to_thread(_reasons, office, told)
    shown = render(told, office.seal, office.public_url, why)
    if row is None or not row.message_ts:
        channel = await asyncio.to_thread(office.channel_of, told.incident)
        where = (number, channel, need or Need.TELLS)
        ts = await _post(office, where, shown, tried=row is not None)
        if ts is None:
            return None
        posted = Posted(channel_id=channel, message_ts=ts, card_digest=shown.digest)
        await asyncio.to_thread(ledger_cards.record_card, office.ledger, number, posted)
        return posted
    if row.card_digest != shown.digest:
        if haste_of(told) is not Urgency.NOW:
            _no_hurry(office, number, office.slack.pace.spare_update())
        await office.slack.update(row.channel_id, row.message_ts, shown.message(_key(number)))
        changed = Posted(channel_id=row.channel_id, message_ts=row.message_ts, card_digest=shown.digest)
        await asyncio.to_thread(ledger_cards.record_card, office.ledger, number, changed)
        return changed
    return row


def _no_hurry(office: Office, number: int, pause: float) -> None:
    """Come again when the chat has a turn to spare: this job would hold up what is urgent. Raises Later."""
    if office.put_off(number, pause):
        raise Later(pause, f"INC-{number}: the chat takes no more for the moment")


def _reasons(office: Office, told: Story) -> Reasons:
    # Only while somebody weighs it: afterwards another policy must not change what the card says of it.
    if told.plan is None or told.plan.state not in _WEIGHED:
        return Reasons()
    return reasons_of(office.policy_file, told.plan.plan, told.incident)


def _key(number: int) -> str:
    return f"incident-{number}"


def _row(office: Office, number: int) -> Posted | None:
    with office.ledger.read() as session:
        row = ledger_cards.card_of(session, number)
    if row is None:
        return None
    return Posted(channel_id=row.channel_id, message_ts=row.message_ts, card_digest=row.digest)


async def _post(office: Office, where: tuple[int, str, Need], shown: Rendering, *, tried: bool) -> str | None:
    number, channel, need = where
    message = shown.message(_key(number))
    if tried:
        # We died between asking Slack and writing it down: the card may be there already.
        found = await office.slack.find(channel, message.key)
        if found is not None:
            await office.slack.update(channel, found, message)
            return found
    # Written down before Slack is asked: only so does the next process know that it must look.
    if not await asyncio.to_thread(ledger_cards.begin_card, office.ledger, number, channel, need):
        return None
    return await office.slack.post(channel, message)


async def _open_for_signing(office: Office, told: Story, posted: Posted) -> None:
    view = told.plan
    if view is not None and view.state in _UNDECIDED and not view.message_ts:
        # Opened while the chat was away: what can be signed by key can be rejected here from now on, even if
        # the file with all of it is not taken, and approved as soon as the card has that button.
        await asyncio.to_thread(previews.give_card, office.ledger, view.plan.id, posted)
        return
    if view is None or not _wants_place(view) or view.obstacle or not readable(told, view):
        return
    against = await asyncio.to_thread(previews.mark_pending, office.ledger, view.plan.id, posted)
    if against is Objection.CHANNEL_FULL:
        # Somebody took the last place meanwhile: the card must not offer what would not count.
        await asyncio.to_thread(_take_place, office, told, view)


async def _thread(office: Office, told: Story, posted: Posted) -> None:
    number = told.incident.number
    with office.ledger.read() as session:
        there = ledger_cards.thread_keys(session, number)
    for entry in entries(told):
        if entry[0] not in there:
            _no_hurry(office, number, office.slack.pace.spare_post(posted.channel_id))
            await _enter(office, told, posted, entry)


async def _enter(office: Office, told: Story, posted: Posted, entry: tuple[str, Block]) -> None:
    key, block = entry
    message = Message(blocks=[block], text=redact(told.incident.id))
    ts = await office.slack.post(posted.channel_id, message, posted.message_ts)
    await asyncio.to_thread(ledger_cards.record_entry, office.ledger, told.incident.number, key, ts)


async def _page(office: Office, told: Story, posted: Posted) -> None:
    number = told.incident.number
    resting = told.snoozed if told.outcome is None else None
    if resting is not None and resting.holds(await asyncio.to_thread(office.ledger.now)):
        if resting.until is not None:
            await asyncio.to_thread(look_again, office.ledger, number, resting.until)
        return
    with office.ledger.read() as session:
        there = ledger_cards.thread_keys(session, number)
    line = reminder(told, resting) if resting is not None else None
    if line is not None and line[0] not in there:
        await _enter(office, told, posted, line)
    # Slack is asked who is in a group only when somebody is to be called.
    file = await asyncio.to_thread(roster_or_nobody, office.roster_file)
    if {page.key for page in pages(told, file.with_members(()))} <= there:
        return
    for page in pages(told, await roster_now(office)):
        if page.key in there:
            continue
        message = Message(blocks=[page.block], text=redact(f"{told.incident.id}: {page.why}"))
        ts = await office.slack.post(posted.channel_id, message, posted.message_ts)
        said: dict[str, object] = {"why": page.why, "who": [one for _, one in page.who]}
        paged = ledger_cards.Paged(plan_id=page.plan_id, key=page.key, said=said)
        await asyncio.to_thread(ledger_cards.record_page, office.ledger, number, paged, ts)
