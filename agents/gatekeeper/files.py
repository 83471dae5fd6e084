"""Files in the card's thread: a change too long for the card, and plots of what the diagnosis goes by.

Each is uploaded once and kept by the digest of its bytes. A change that cannot be uploaded cannot be
signed; a plot that cannot be uploaded is missing, and nothing waits for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass

from agents.gatekeeper.office import Office
from agents.gatekeeper.whole import file_of, is_long, key_of, whole_text
from agents.incident import Value
from agents.ledger.cards import ChatFile, record_file
from agents.ledger.plots import plots
from agents.ledger.previews import Posted
from agents.ledger.protocol import ACTIVE, LOCKING
from agents.ledger.story import Story
from tools.plot_png import png
from tools.redaction import redact
from tools.slack import SlackError, Upload

logger = logging.getLogger("midwatch.slack")
MOST_PLOTS = 3


class Wanted(Value):
    """A file that the thread should have."""

    key: str
    plan_id: str = ""
    upload: Upload


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Whether a file came, and what is to be raised once all else is said: a change could not be shown
    whole, or a plot is worth another try."""

    came: bool
    refused: SlackError | None


async def share(office: Office, told: Story, posted: Posted) -> Shared:
    """Upload what is wanted and not there. Files have hosts of their own at Slack, which may be away alone: a
    signature or a call by name never waits for a picture."""
    came, refused = False, None
    for wanted in await asyncio.to_thread(missing, told):
        if refused is not None and not wanted.plan_id:
            continue
        try:
            there = await office.slack.upload(posted.channel_id, posted.message_ts, wanted.upload)
        except SlackError as problem:
            refused = problem if wanted.plan_id or problem.retryable else refused
            # Without the scope for files a card still says everything in words.
            logger.warning("%s was not taken: %s", wanted.upload.name, problem)
            continue
        digest = hashlib.sha256(wanted.upload.content).hexdigest()
        file = ChatFile(key=wanted.key, file_id=there.file_id, link=there.link, sha256=digest)
        record = (office.ledger, told.incident.number, file, wanted.plan_id)
        await asyncio.to_thread(record_file, *record)
        came = True
    return Shared(came=came, refused=refused)


def missing(told: Story) -> list[Wanted]:
    """What the thread should have and has not: the plots first, for they are looked at first."""
    there = {file.key for file in told.files}
    wanted = [one for one in _plots(told) if one.key not in there][: max(0, MOST_PLOTS - _shown(told))]
    view = told.plan
    if view is None or view.state not in ACTIVE - LOCKING or view.preview is None:
        return wanted
    if is_long(view.plan, view.preview) and file_of(told, view) is None:
        text = whole_text(view.plan, view.preview).encode()
        name = f"{told.incident.id}-change-{view.plan.id}.txt"
        upload = Upload(name=name, title=f"The whole change of plan {view.plan.digest[:12]}", content=text)
        wanted.append(Wanted(key=key_of(view), plan_id=view.plan.id, upload=upload))
    return wanted


def _plots(told: Story) -> list[Wanted]:
    found: list[Wanted] = []
    for n, plot in enumerate(plots(told), start=1):
        # By what it is of: the same series a minute later is not worth another picture at night.
        key = f"plot-{n}-{hashlib.sha256(plot.title.encode()).hexdigest()[:12]}"
        upload = Upload(
            name=f"{told.incident.id}-{key}.png", title=redact(plot.title)[:200], content=png(plot)
        )
        found.append(Wanted(key=key, upload=upload))
    return found


def _shown(told: Story) -> int:
    return sum(file.key.startswith("plot-") for file in told.files)
