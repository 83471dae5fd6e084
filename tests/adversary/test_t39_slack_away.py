"""Slack is down, says 429, or drops the socket: plans wait or expire, none approves itself (T39)."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from agents.auditor.verify import verify
from agents.gatekeeper import desk
from agents.gatekeeper.away import OPENED, keep_watch
from agents.gatekeeper.clicks import Click, Refusal
from agents.gatekeeper.counter import counter, listen
from agents.gatekeeper.office import Office
from agents.gatekeeper.posting import advance
from agents.gatekeeper.whole import DIFF_ON_CARD
from agents.incident import Plan, Verdict
from agents.ledger import decisions, previews
from agents.ledger.previews import Posted
from agents.ledger.protocol import PlanState
from agents.ledger.signing import public_of
from agents.ledger.store import Ledger
from agents.ledger.story import story
from evals.world.slack import Person, SlackServer
from evals.world.slack.faults import Fault
from evals.world.slack.options import DEFAULT_SCOPES
from evals.world.slack.people import ADA, INCIDENTS
from midwatch.settings import Settings
from midwatch.wiring import ledger_of, office_of
from tests.support.datacentre import wait_until
from tests.support.front_desk import draft, front_desk, settings_for
from tests.support.patience import patient
from tools.redaction import redact
from tools.slack import PASSES, Message, Slack, SlackError, SlackRefused, SlackUnreachable


def test_t39_while_slack_is_down_a_plan_waits_and_then_expires_unapproved(tmp_path: Path) -> None:
    with front_desk(tmp_path) as desk:
        desk.slack.stop()
        desk.run(advance(desk.office, 1))
        assert desk.state() is PlanState.PENDING
        # The ledger's time, moved by hand: a slow machine must not let it pass before anything was looked at.
        late = desk.plan.pending_until + timedelta(seconds=1)
        desk.ledger._clock = lambda: late
        with pytest.raises(SlackUnreachable) as problem:
            desk.run(advance(desk.office, 1))
        assert problem.value.retryable, "the queue brings it back until the card says so"
        assert desk.state() is PlanState.EXPIRED, "the time to sign needs no chat to pass"
        assert desk.decided() == []
        assert verify(desk.ledger).ok


async def test_t39_a_plan_that_was_opened_without_a_card_gets_one_and_takes_clicks_when_slack_is_back(
    tmp_path: Path,
) -> None:
    with SlackServer(patient()) as slack:
        settings = settings_for(slack, tmp_path, "socket")
        ledger = ledger_of(settings)
        plan = draft(ledger)
        office = await office_of(settings, ledger)
        place = Posted(channel_id=INCIDENTS, message_ts="", card_digest="")
        assert previews.mark_pending(ledger, plan.id, place, OPENED) is None
        nowhere = _click(office, plan, "")
        refused = await desk.decide(office, nowhere, office.seal.button(plan.id), "nonce")
        assert str(refused).startswith(f"Not counted: {Refusal.WRONG_PLACE.value}. "), (
            "a plan without a card is clicked at nowhere"
        )
        await advance(office, 1)
        told = story(ledger, 1)
        assert told is not None
        assert told.plan is not None
        there = nowhere.model_copy(update={"message_ts": told.plan.message_ts})
        assert told.plan.message_ts
        assert await desk.decide(office, there, office.seal.button(plan.id), "another") is None
        assert _stands(ledger) is PlanState.APPROVED
        ledger.close()


def keyed(settings: Settings) -> None:
    """Ada's entry in the roster gets a key of her own."""
    assert settings.roster_file is not None
    roster = yaml.safe_load(settings.roster_file.read_text())
    roster["approvers"][0]["key"] = public_of(bytes(range(32)))
    settings.roster_file.write_text(yaml.safe_dump(roster), encoding="utf-8")


@pytest.mark.parametrize("error", [*sorted(PASSES), "invalid_auth", "channel_not_found"])
async def test_t39_a_plan_is_opened_for_keys_however_slack_says_that_it_takes_no_card(
    tmp_path: Path, error: str
) -> None:
    with SlackServer(patient()) as slack:
        settings = settings_for(slack, tmp_path, "socket")
        keyed(settings)
        ledger = ledger_of(settings)
        draft(ledger)
        office = await office_of(settings, ledger)
        slack.fail(Fault(error=error, times=None))
        with pytest.raises(SlackError) as problem:
            await keep_watch(office, 1)
        assert problem.value.retryable is (error in PASSES)
        assert _stands(ledger) is PlanState.PENDING
        with pytest.raises(SlackUnreachable):
            await office.heard_of(ADA)
        slack.recover()
        assert await office.heard_of("U0NOBODY") is None, "that there is no such account is an answer"
        ledger.close()


async def test_t39_what_was_opened_for_keys_can_be_rejected_by_a_click_also_without_its_file(
    tmp_path: Path,
) -> None:
    with SlackServer(patient(scopes=DEFAULT_SCOPES - {"files:write"})) as slack:
        settings = settings_for(slack, tmp_path, "socket")
        ledger = ledger_of(settings)
        plan = draft(ledger, "+ a line\n" * DIFF_ON_CARD)
        office = await office_of(settings, ledger)
        place = Posted(channel_id=INCIDENTS, message_ts="", card_digest="")
        assert previews.mark_pending(ledger, plan.id, place, OPENED) is None
        with pytest.raises(SlackRefused, match="missing_scope"):
            await advance(office, 1)
        said = json.dumps(await asyncio.to_thread(Person(slack.page_url, ADA).messages))
        assert '"reject"' in said
        assert '"approve"' not in said, "nobody signs in the chat what cannot be read there"
        told = story(ledger, 1)
        assert told is not None
        assert told.plan is not None
        no = _click(office, plan, told.plan.message_ts).model_copy(update={"verdict": Verdict.DENY})
        assert await desk.decide(office, no, office.seal.button(plan.id), "nonce") is None
        assert _stands(ledger) is PlanState.DENIED
        ledger.close()


async def test_t39_a_limit_that_does_not_end_is_an_error_to_be_tried_again() -> None:
    # The workspace's clock stands: its bucket never fills again.
    with SlackServer(patient(post_burst=1, clock=lambda: 1_750_000_000.0)) as server:
        slack = Slack.open(server.credentials.bot_token, server.url)
        message = Message(blocks=[], text=redact("one"))
        await slack.post(INCIDENTS, message)
        with pytest.raises(SlackUnreachable, match="ratelimited") as problem:
            await slack.post(INCIDENTS, message)
        assert problem.value.retryable
        refused = [call for call in server.calls if call.error == "ratelimited"]
        assert len(refused) == 3, "it waits as told, and not for ever"


async def test_t39_an_answer_that_is_no_json_is_tried_again_as_well() -> None:
    with SlackServer(patient()) as server:
        slack = Slack.open(server.credentials.bot_token, server.url)
        server.fail(Fault(method="users.info", status=503))
        with pytest.raises(SlackUnreachable, match=r"^users\.info: HTTP 503$") as problem:
            await slack.user(ADA)
        assert problem.value.retryable
        assert (await slack.user(ADA))["id"] == ADA


async def test_t39_a_click_that_was_lost_with_the_socket_decides_nothing_and_counts_when_made_again(
    tmp_path: Path,
) -> None:
    with SlackServer(patient()) as slack:
        settings = settings_for(slack, tmp_path, "socket")
        ledger = ledger_of(settings)
        plan = draft(ledger)
        office = await office_of(settings, ledger)
        await advance(office, 1)
        ada = Person(slack.page_url, ADA)
        button = await asyncio.to_thread(ada.wait_for_button, "approve")
        lost = await asyncio.to_thread(ada.click, button)
        assert lost.error == "app_did_not_respond", "nobody was listening"
        assert _stands(ledger) is PlanState.PENDING
        close = await listen(counter(office, ""), settings.slack_app_token.get_secret_value(), office.slack)
        try:
            await asyncio.to_thread(slack.refresh_connections)
            await asyncio.to_thread(wait_until, lambda: ada.click(button).ok or _decided(ledger, plan.id))
            await asyncio.to_thread(wait_until, lambda: _stands(ledger) is PlanState.APPROVED)
        finally:
            await close()
        assert _decided(ledger, plan.id) == 1
        assert verify(ledger).ok
        ledger.close()


def _click(office: Office, plan: Plan, message_ts: str) -> Click:
    home = office.home
    return Click(
        verdict=Verdict.APPROVE,
        plan_id=plan.id,
        app_id=home.app_id,
        team_id=home.team_id,
        enterprise_id=None,
        user_id=ADA,
        user_team_id=home.team_id,
        channel_id=INCIDENTS,
        message_ts=message_ts,
    )


def _stands(ledger: Ledger) -> PlanState:
    told = story(ledger, 1)
    assert told is not None
    assert told.plan is not None
    return told.plan.state


def _decided(ledger: Ledger, plan_id: str) -> int:
    with ledger.read() as session:
        return len(decisions.decisions_of(session, plan_id))
