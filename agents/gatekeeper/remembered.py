"""Earlier incidents of the same cause, in the words of the card and of the page. Pure.

Codes, verbs and fates are ours; values and people's reasons are strangers' text, which whoever shows
them makes inert.
"""

from __future__ import annotations

from datetime import timedelta

from agents.gatekeeper.blocks import paragraph
from agents.incident import Incident
from agents.ledger.past import Attempt, Fate, Past
from agents.ledger.story import Story
from tools.kubernetes.actions.catalogue import sentence
from tools.slack import Block


def remembered_blocks(story: Story, public_url: str) -> list[Block]:
    """One line for the card: the newest earlier incident, or nothing."""
    if not story.past:
        return []
    newest = story.past[0]
    more = len(story.past) - 1
    words = f"INC-{newest.incident}, {told(newest, story)}"
    words += f" {more} more on the page of {story.incident.id}." if more else ""
    link = (f"{public_url}/incidents/{newest.incident}", f"INC-{newest.incident}")
    return [paragraph("Seen before", words, link)]


def told(past: Past, story: Story) -> str:
    """One earlier incident in a sentence without its name: when, where, what was done, did it help."""
    cause = story.diagnosis.cause if story.diagnosis else None
    where = "" if cause and past.object.key == cause.object.key else f" of {past.object}"
    head = f"{_ago(past, story.incident)} before: the same cause{where}"
    if past.bent:
        return f"{head}; its rows do not fit the record, so nothing is concluded from it."
    if not past.attempts:
        ended = f"ended as {past.recovery.value}" if past.recovery else "its end is not known"
        return f"{head}; {ended}."
    return f"{head}; {'; '.join(became(one) for one in past.attempts)}."


def became(attempt: Attempt) -> str:
    """One change and what became of it."""
    what = sentence(attempt.step)
    if attempt.fate is Fate.HELPED:
        return f"{what}: {attempt.fate.value} in {_long(timedelta(seconds=attempt.seconds))}"
    # Their words come last: nothing of ours follows that they could pretend to be.
    return f"{what}: {attempt.fate.value}{f', {attempt.words}' if attempt.words else ''}"


def _ago(past: Past, incident: Incident) -> str:
    # Against the opening and not against now: the card's bytes must not change by themselves.
    return _long(incident.opened_at - past.at)


def _long(time: timedelta) -> str:
    """A time as people say it."""
    seconds = max(0, int(time.total_seconds()))
    for name, size in (("day", 86_400), ("hour", 3_600), ("min", 60)):
        if (many := seconds // size) >= 1:
            return f"{many} {name}{'s' if many > 1 and name != 'min' else ''}"
    return f"{seconds} s"
