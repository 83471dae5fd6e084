"""Looking again at whoever approved, while the approval counts and nothing was begun (P5, T20).

The claim asks for a look that is at most minutes old. When Slack does not answer nothing is written:
what was seen grows old, and the claim refuses by itself.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from agents.gatekeeper.clicks import unfit
from agents.gatekeeper.office import Office
from agents.incident import Approver, Verdict
from agents.ledger import accounts
from agents.ledger.accounts import LOOK_EVERY, Seen
from agents.ledger.protocol import PlanState
from agents.ledger.story import PlanView, Story


async def vouch(office: Office, told: Story) -> None:
    """Look at the accounts behind the approvals of the open plan that were not looked at lately."""
    view = told.plan
    if view is None or view.state not in {PlanState.PENDING, PlanState.APPROVED}:
        return
    for approver, clicked in _approvers(view):
        now = await asyncio.to_thread(office.ledger.now)
        last = await asyncio.to_thread(_last, office, approver)
        if now - max(clicked, last or clicked) >= LOOK_EVERY:
            await _look(office, told.incident.number, approver)
        else:
            await asyncio.to_thread(accounts.look_later, office.ledger, told.incident.number)


async def _look(office: Office, incident: int, approver: Approver) -> None:
    person = await office.look(approver.user_id)
    if person is None:
        await asyncio.to_thread(accounts.look_later, office.ledger, incident)
        return
    good = unfit(person, (approver.user_id, approver.team_id)) is None
    now = await asyncio.to_thread(office.ledger.now)
    seen = office.seal.vouched(Seen(approver=approver, good=good, at=now))
    await asyncio.to_thread(accounts.record, office.ledger, incident, seen)


def _approvers(view: PlanView) -> list[tuple[Approver, datetime]]:
    return [(one.approver, one.at) for one in view.decisions if one.verdict is Verdict.APPROVE]


def _last(office: Office, approver: Approver) -> datetime | None:
    with office.ledger.read() as session:
        seen = accounts.last_seen(session, approver)
    return None if seen is None else seen.at
