"""What waits for a signature now, and who may give it. It only reads: people sign in the chat."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from agents.ledger import groups
from agents.ledger.accounts import CLAIM_MAY_RELY_ON
from agents.ledger.roster import RosterError, read_roster
from agents.ledger.store import Ledger
from agents.ledger.waiting import Waiting, waiting
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.settings import Settings
from midwatch.web.frame import Shown
from midwatch.web.live import head
from midwatch.wiring import roster_of, seal_of
from tools.kubernetes.actions.catalogue import sentence


def plans(settings: Settings, ledger: Ledger, shown: Shown) -> APIRouter:
    """The page's route."""
    router = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])
    chat = chat_of(settings)

    @router.get("/plans")
    def under_way(request: Request) -> Response:
        with ledger.read() as session:
            since, found = head(session), waiting(session)
        signers, problem = _signers(settings, ledger, found)
        content: dict[str, object] = {
            "waiting": found,
            "signers": signers,
            "problem": problem,
            "cards": {one.id: card(chat, one.channel_id, one.message_ts) for one in found},
            "sentence": sentence,
            "since": since,
        }
        return shown(request, "plans.html", content)

    return router


def _signers(settings: Settings, ledger: Ledger, found: list[Waiting]) -> tuple[dict[str, list[str]], str]:
    """Who may sign each plan, by name; and what is wrong with the roster, if anything is."""
    try:
        file = read_roster(roster_of(settings))
    except RosterError:
        # Its words may repeat what the file says of people: the log has them, a reader of pages does not.
        return {}, "The roster cannot be read: nobody may sign until it can."
    roster = groups.resolved(file, ledger, seal_of(settings), CLAIM_MAY_RELY_ON)
    return {one.id: [who.words for who in roster.signers(one.plan)] for one in found}, ""


def chat_of(settings: Settings) -> str:
    """What the address of every message in the chat begins with; empty without a chat."""
    return "" if settings.slack_mode == "off" else settings.slack_api_url.rstrip("/").removesuffix("api")


def card(chat: str, channel_id: str, message_ts: str) -> str:
    """The address of the card in the chat; empty when it was not posted, or there is no chat."""
    # Both come from Slack's answer; what is no id and no time of a message becomes no address.
    posted = chat and channel_id.isalnum() and message_ts.replace(".", "").isdecimal()
    return f"{chat}archives/{channel_id}/p{message_ts.replace('.', '')}" if posted else ""
