"""What a digest says: how many wait, what makes room, and each incident in a few lines. Pure.

Rendered from the ledger; times are those of a clock and not "for ten minutes", so that nothing has to be
sent anew because a minute passed.
"""

from __future__ import annotations

from agents.gatekeeper.blocks import clipped, context, header, line, paragraph, titled
from agents.gatekeeper.cards import Rendering, headline, place_of, rendering
from agents.gatekeeper.modals import words_of
from agents.ledger.digests import Digest, Waiting
from agents.ledger.lines import MOST_ASKING
from agents.ledger.protocol import PlanState
from tools.slack import Block

_ROOM = "A decision on one of them, or its end, makes room: the next one here then gets a card of its own."


def render(digest: Digest, public_url: str) -> Rendering:
    """The digest's message."""
    if not digest.open:
        many = f"{digest.told} incident{'s' if digest.told != 1 else ''}"
        said = f"{many} had to wait here. Each has a card of its own by now, or is over."
        return rendering([paragraph("The storm is over", said)], "The storm is over")
    waiting = digest.waiting
    head = f"{waiting} incident{'s wait' if waiting != 1 else ' waits'} for room in this channel"
    asked = f"{digest.asked} of at most {MOST_ASKING} changes wait for a signature here now."
    blocks = [header(head), context(asked, _ROOM), *(_told(one, public_url) for one in digest.first)]
    rest = f"and {digest.more} more. " if digest.more else ""
    page = (f"{public_url}/incidents?state=open", "all open incidents")
    return rendering([*blocks, line(f"{rest}All of them: ", page)], head)


def _told(one: Waiting, public_url: str) -> Block:
    incident = one.incident
    link = (f"{public_url}/incidents/{incident.number}", incident.id)
    cause = one.diagnosis.cause.sentence if one.diagnosis and one.diagnosis.cause else ""
    sure = one.diagnosis.confidence if one.diagnosis else "none"
    believed = f"{clipped(cause, 160)} (confidence: {sure})" if cause else "The cause is not established."
    return titled(
        headline(incident, where=False),
        link,
        (
            f"{place_of(incident, one.diagnosis)}, waits since {one.since:%H:%M} UTC",
            believed,
            _proposed(one),
        ),
    )


def _proposed(one: Waiting) -> str:
    if one.plan is None or one.state is None:
        return "No change is proposed."
    words = clipped(words_of(one.plan), 160)
    if one.state is PlanState.DRAFT:
        return f"Proposed: {words} (expires {one.plan.pending_until:%H:%M} UTC)"
    return f"Not proposed any more ({one.state.value.lower()}): {words}"
