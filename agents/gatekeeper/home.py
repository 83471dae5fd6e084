"""The App Home: what waits for this very person, what they decided lately, and whether all is halted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agents.gatekeeper.attendance import roster_now
from agents.gatekeeper.blocks import clipped, context, header, line, paragraph
from agents.gatekeeper.clicks import unfit
from agents.gatekeeper.modals import words_of
from agents.gatekeeper.office import Office
from agents.gatekeeper.payload import Payload, text
from agents.incident import Approver
from agents.ledger import brake
from agents.ledger.roster import Roster
from agents.ledger.waiting import Decided, Waiting, asking, decided_by
from tools.slack import Blocks

View = dict[str, object]
MOST_WAITING = 20
MOST_DECIDED = 10


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One person's view: who they are, what waits, what they decided, and the state of the brake in words."""

    who: Approver
    roster: Roster
    waits: list[Waiting]
    decided: list[Decided]
    brake: str
    public_url: str

    @property
    def mine(self) -> list[Waiting]:
        """What this person may sign: on the roster for it, and neither asked for nor signed by themselves."""
        may, asked, human = self.roster.may, self.roster.asked, self.roster.human(self.who)
        mine = [one for one in self.waits if may(self.who, one.plan) and not asked(self.who, one.plan)]
        return [one for one in mine if not one.signed_by(human)]

    def page(self, incident: int) -> tuple[str, str]:
        """The link to an incident's page: url and words."""
        return f"{self.public_url}/incidents/{incident}", f"INC-{incident}"


def home_view(seat: Seat) -> View:
    """The view that is published. Pure."""
    mine = seat.mine
    blocks = [header("Midwatch"), context(clipped(seat.brake, 600)), *_waiting(seat, mine)]
    others = len(seat.waits) - len(mine)
    if others:
        blocks.append(context(f"{others} more wait for others."))
    blocks += [paragraph("Decided by you lately", "" if seat.decided else "Nothing yet.")]
    blocks += [
        line(f"{one.verdict.value}: plan {one.plan_id[:12]}, {one.state.value}   ", seat.page(one.incident))
        for one in seat.decided
    ]
    return {"type": "home", "blocks": blocks}


def _waiting(seat: Seat, mine: list[Waiting]) -> Blocks:
    blocks = [paragraph("Waits for your signature", "" if mine else "Nothing.")]
    for one in mine[:MOST_WAITING]:
        terms = f"T{one.plan.tier}, until {one.until:%H:%M} UTC"
        says = f"{clipped(words_of(one.plan), 300)}. {terms}   "
        blocks.append(line(says, seat.page(one.incident)))
    if len(mine) > MOST_WAITING:
        blocks.append(context(f"and {len(mine) - MOST_WAITING} more on the page"))
    return blocks


async def opened(office: Office, body: Payload) -> None:
    """Show their home to whoever opened it, if they are people of ours. Raises SlackError, LedgerError."""
    user, home = text(body, "event", "user"), office.home
    ours = (text(body, "api_app_id"), text(body, "team_id")) == (home.app_id, home.team_id)
    if not ours or not user or unfit(await office.person(user), (user, home.team_id)):
        return
    who = Approver(team_id=home.team_id, user_id=user)
    seat = await asyncio.to_thread(_seat, office, who, await roster_now(office))
    await office.slack.publish_home(user, home_view(seat))


def _seat(office: Office, who: Approver, roster: Roster) -> Seat:
    with office.ledger.read() as session:
        waits, lately = asking(session), decided_by(session, who, MOST_DECIDED)
    return Seat(
        who=who,
        roster=roster,
        waits=waits,
        decided=lately,
        brake=brake.status(office.ledger, office.halt_file),
        public_url=office.public_url,
    )
