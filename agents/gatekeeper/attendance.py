"""Who is in the user groups of the roster: asked of Slack before it decides, and every minute or two besides.

The pages, the actor and whoever calls people by name go by what is seen here, so it is kept up to date also
while nobody clicks. When Slack does not answer nothing is written: what was seen grows old, and then
nobody of the group may sign.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from agents.gatekeeper.office import Office
from agents.ledger import groups
from agents.ledger.accounts import CLICK_MAY_RELY_ON, LOOK_EVERY, MOST_MEMBERS, Flaw, SeenGroup
from agents.ledger.roster import Group, Roster, RosterFile, roster_or_nobody
from agents.ledger.store import LedgerUnavailable
from tools.kubernetes.objects import JsonObject
from tools.slack import SlackError

logger = logging.getLogger("midwatch.slack")
ROUND_WAITS_S = 60.0
"""Longer than Slack usually asks to wait after too many calls."""
UNSAID = "Slack does not say who is in the groups of the roster: %s"
YOUNG = CLICK_MAY_RELY_ON / 2
"""A look that is younger is not repeated for a click: of two that come together one asks."""


async def roster_now(office: Office) -> Roster:
    """The roster with its groups as Slack says they are, at most a minute ago. Raises LedgerError."""
    file = await asyncio.to_thread(roster_or_nobody, office.roster_file)
    await _refresh(office, file, YOUNG, office.click_waits_s)
    return await asyncio.to_thread(groups.resolved, file, office.ledger, office.seal, CLICK_MAY_RELY_ON)


async def keep_up(office: Office, stop: asyncio.Event) -> None:
    """Look at the groups again and again until ``stop``."""
    while not stop.is_set():
        file = await asyncio.to_thread(roster_or_nobody, office.roster_file)
        try:
            await _refresh(office, file, YOUNG, ROUND_WAITS_S)
        except LedgerUnavailable as problem:
            logger.warning("who is in the groups of the roster cannot be kept: %s", problem)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping], timeout=LOOK_EVERY.total_seconds())
        stopping.cancel()


async def _refresh(office: Office, file: RosterFile, young: timedelta, waits_s: float) -> None:
    if not file.groups:
        return
    try:
        # The wait for somebody else's look is within it as well.
        async with asyncio.timeout(waits_s), office.attendance:
            due = await asyncio.to_thread(_due, office, file, young)
            for seen in await seen_now(office, due) if due else []:
                await _keep(office, seen)
    # Not known is not allowed: what was seen before grows old, and the click says so.
    except (SlackError, TimeoutError) as problem:
        logger.warning(UNSAID, str(problem) or "no answer in time")


async def _keep(office: Office, seen: SeenGroup | SlackError) -> None:
    if isinstance(seen, SlackError):
        logger.warning(UNSAID, seen)
    else:
        await asyncio.to_thread(groups.record, office.ledger, seen)


def _due(office: Office, file: RosterFile, young: timedelta) -> list[Group]:
    """The groups that nobody looked at lately, each once."""
    known = groups.resolved(file, office.ledger, office.seal, young)
    return [crew.group for crew in known.crews if crew.seen is None]


async def seen_now(office: Office, wanted: Iterable[Group]) -> list[SeenGroup | SlackError]:
    """These groups as Slack says they are, each once, under our seal; or why it does not say so of one.

    Raises SlackError where it says nothing of any.
    """
    # Before Slack is asked: a look is as old as the question.
    at = await asyncio.to_thread(office.ledger.now)
    there = {str(one.get("id")): one for one in await office.slack.groups()}
    each = {(group.team_id, group.group): group for group in wanted}
    return list(await asyncio.gather(*(_one(office, group, there, at) for group in each.values())))


async def _one(
    office: Office, group: Group, there: Mapping[str, JsonObject], at: datetime
) -> SeenGroup | SlackError:
    said = there.get(group.group, {})
    flaw, members = _flaw(office, group, said), frozenset[str]()
    if not flaw:
        try:
            members = await office.slack.members(group.group)
        # Of this one only: the others are written down all the same.
        except SlackError as problem:
            return problem
        flaw = Flaw.CROWD if len(members) > MOST_MEMBERS else flaw
    seen = SeenGroup(
        team_id=group.team_id,
        group=group.group,
        handle=str(said.get("handle") or "")[:80],
        members=() if flaw else tuple(sorted(members)),
        flaw=flaw,
        at=at,
    )
    return office.seal.vouched(seen)


def _flaw(office: Office, group: Group, said: JsonObject) -> Flaw:
    """What is wrong with a group, by its entry in Slack's list."""
    if group.team_id != office.home.team_id:
        return Flaw.FOREIGN
    if not said:
        return Flaw.GONE
    # Anything that is missing or odd in it is read as the worst.
    if said.get("team_id") != group.team_id or said.get("is_external") is not False:
        return Flaw.FOREIGN
    return Flaw.NONE if said.get("date_delete") == 0 else Flaw.DISABLED
