"""What people ask for beyond what is stored, handed on to the investigator, and its answers told.

``/midwatch analyze NAMESPACE``: acknowledged at once, done elsewhere, told to its person alone. A question
in a thread that no rule answers: put to the model elsewhere, and answered in that thread.
"""

from __future__ import annotations

import asyncio
import logging
import re

from agents.gatekeeper.attendance import roster_now
from agents.gatekeeper.blocks import cited, context, listed, paragraph
from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.office import Office
from agents.gatekeeper.questions import LONGEST
from agents.incident import Approver
from agents.ledger import errands
from agents.ledger.errands import Answered, Errand, Surveyed
from tools.redaction import redact
from tools.slack import Blocks, Message, SlackRefused

logger = logging.getLogger("midwatch.slack")
PASSED_ON = "No rule answers this. A model is asked, from what is stored alone; its answer comes here."
UNKNOWN = "I cannot tell from what was stored."
NOTHING = "An answer changes nothing."
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A namespace's name (RFC 1123 label): nothing else is put into a request to the API server."""


async def analyze(office: Office, who: Approver, channel_id: str, named: str) -> str:
    """Have a namespace looked at; what to say to whoever asked."""
    if not LABEL.fullmatch(named):
        against = f"Not done: {redact(named)[:63]} is no name of a namespace. " if named else ""
        return f"{against}Say which namespace: `analyze NAMESPACE`."
    wish = Errand(kind="analyze", subject=named, by=who, channel_id=channel_id)
    asked = await asyncio.to_thread(errands.ask, office.ledger, wish)
    if isinstance(asked, str):
        return f"Not done: {asked}. In a terminal, midwatch analyze does it at any time."
    return f"Looking at {named}. Only you will see what is found, here, in a moment; nothing is changed."


async def question(office: Office, wish: Errand, words: str) -> str:
    """Have a question put to the model; why not, or nothing."""
    if not (await roster_now(office)).listed(wish.by):
        return Refusal.NOT_ON_ROSTER.value
    asked = await asyncio.to_thread(errands.ask, office.ledger, wish, redact(words)[:LONGEST])
    if isinstance(asked, str):
        return asked
    await office.slack.whisper(wish.channel_id, wish.by.user_id, PASSED_ON)
    return ""


async def tell(office: Office, number: int) -> None:
    """Tell a person what came of a wish. Raises SlackUnreachable and LedgerError to be tried again."""
    wish = await asyncio.to_thread(_wish, office, number)
    if wish is None or wish.told or wish.answer is None:
        return
    # After an outage nobody waits for it any more, and what was seen is no longer so.
    if not wish.is_late(await asyncio.to_thread(office.ledger.now)):
        await (_whisper if wish.kind == "analyze" else _reply)(office, wish)
    await asyncio.to_thread(errands.told, office.ledger, number)


def _wish(office: Office, number: int) -> Errand | None:
    with office.ledger.read() as session:
        return errands.errand(session, number)


async def _reply(office: Office, wish: Errand) -> None:
    page = f"{office.public_url}/incidents/{wish.incident}"
    blocks = answered(Answered.model_validate(wish.answer), page)
    message = Message(blocks=blocks, text=redact(f"INC-{wish.incident}"))
    try:
        await office.slack.post(wish.channel_id, message, wish.thread_ts)
    except SlackRefused as problem:
        # The thread, or the app's place in the channel, is gone: there is nobody left to tell it to.
        logger.warning("an answer was not taken: %s", problem)


def answered(found: Answered, page: str) -> Blocks:
    """What a model said, marked as such, each sentence with the evidence that holds its quote."""
    if not found.claims:
        why = found.problem or "nothing that a model said of it stands in the evidence"
        return [paragraph(UNKNOWN, f"({why})")]
    said = [(claim.text, claim.evidence) for claim in found.claims]
    dropped = f" Left out, for the evidence does not hold it: {found.dropped}." if found.dropped else ""
    return [
        paragraph("A model's answer, from what is stored:", ""),
        cited(said, lambda number: f"{page}#{number}"),
        context(f"{found.model}. Each sentence has a quote that stands in what it cites.{dropped} {NOTHING}"),
    ]


async def _whisper(office: Office, wish: Errand) -> None:
    words = redact(f"What was found in {wish.subject}")
    blocks = surveyed(wish.subject, Surveyed.model_validate(wish.answer))
    # A command can be typed where the app is no member: then in the channel where its cards are.
    for channel in dict.fromkeys((wish.channel_id, office.channel_id)):
        try:
            await office.slack.whisper(channel, wish.by.user_id, words, blocks)
        except SlackRefused:
            continue
        return


def surveyed(namespace: str, found: Surveyed) -> Blocks:
    """What a look at a namespace found: causes, findings, and what could not be looked at."""
    if found.problem:
        return [paragraph(f"{namespace} was not looked at:", found.problem)]
    blocks: Blocks = []
    if found.causes:
        blocks += [
            paragraph(f"Causes in {namespace}:", ""),
            listed(_with_more(found.causes, found.more_causes)),
        ]
    if found.findings:
        more = _with_more(found.findings, found.more_findings)
        blocks += [paragraph(f"Found in {namespace}:", ""), listed(more)]
    else:
        blocks.append(paragraph(f"{namespace}:", "nothing is wrong in what was looked at."))
    if found.not_checked:
        gaps = "; ".join(_with_more(found.not_checked, found.more_gaps))
        blocks.append(context(f"Could not be checked: {gaps}"))
    return [*blocks, context("A look, and nothing else: nothing was changed or proposed.")]


def _with_more(lines: tuple[str, ...], more: int) -> list[str]:
    return [*lines, *([f"and {more} more, which midwatch analyze tells in a terminal"] if more else [])]
