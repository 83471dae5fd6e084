"""What the gatekeeper says in the chat, call by call: each thing once, also by one that died in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from agents.gatekeeper.cards import render
from agents.gatekeeper.office import Office
from agents.gatekeeper.patience import HEAD_START
from agents.gatekeeper.posting import _open_for_signing, advance
from agents.gatekeeper.reasons import Reasons, reasons_of
from agents.incident import Diagnosis, Plan, Preview
from agents.ledger import cards, decisions, incidents, investigations, previews
from agents.ledger.accounts import LOOK_EVERY
from agents.ledger.cards import Need
from agents.ledger.decisions import Decided
from agents.ledger.lines import MOST_ASKING
from agents.ledger.moves import Standing, standing
from agents.ledger.previews import Posted
from agents.ledger.protocol import Objection
from agents.ledger.store import Ledger
from agents.ledger.story import Story, story
from agents.ledger.tables import ProposalRow
from agents.ledger.tags import Tag
from evals.world.slack import SlackServer
from evals.world.slack.people import INCIDENTS, SHARED
from evals.world.slack.wire import JsonObject
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_record import record
from tests.support import chat_office
from tests.support.live_text import words_in
from tests.support.patience import patient
from tests.support.plans import a_decision, a_delivery, a_plan, a_step, an_alert
from tests.support.told import a_diagnosis
from tools.queue.port import Later


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


office = chat_office.office


def drafted(
    ledger: Ledger, *diffs: str, number: int = 1, found: Diagnosis | None = None, **changes: Any
) -> Plan:
    """A draft for this incident, and what was found before; with diffs it was rehearsed."""
    now = ledger.now()
    incidents.accept(
        ledger, [a_delivery(now, an_alert(now, fingerprint=f"f{number}"), group_key=f"g{number}")]
    )
    lease = investigations.take(ledger, number, "the test", 60)
    assert lease is not None
    if found is not None:
        investigations.write_diagnosis(ledger, lease, 1, found)
    plan = a_plan(now, **({"incident": f"INC-{number}", "steps": (a_step(name=f"web-{number}"),)} | changes))
    investigations.draft(ledger, lease, plan, "why")
    investigations.release(ledger, lease)
    if diffs:
        shown = Preview(plan_id=plan.id, at=now, diffs=diffs, dry_run_digest="a" * 64)
        assert previews.store_preview(ledger, shown) is None
    return plan


def taken(ledger: Ledger) -> None:
    """As many changes as may are waiting for a signature."""
    for number in range(2, MOST_ASKING + 2):
        other = drafted(ledger, "-a\n+b", number=number)
        card = Posted(channel_id=INCIDENTS, message_ts=f"1.{number}", card_digest="c")
        assert previews.mark_pending(ledger, other.id, card) is None


def proposal(ledger: Ledger, plan: Plan) -> ProposalRow:
    with ledger.read() as session:
        found = standing(session, plan.id)
    assert isinstance(found, Standing)
    return found.proposal


def looked(office: Office, slack: SlackServer) -> list[tuple[str, JsonObject]]:
    """What one look at incident 1 says in the chat."""
    since = len(slack.calls)
    asyncio.run(advance(office, 1))
    return said(slack, since)


def reasons(office: Office, told: Story) -> Reasons:
    assert told.plan is not None
    return reasons_of(office.policy_file, told.plan.plan, told.incident)


def said(slack: SlackServer, since: int = 0) -> list[tuple[str, JsonObject]]:
    return [(call.method, call.arguments) for call in slack.calls[since:] if call.method.startswith("chat.")]


def test_nothing_is_said_of_an_incident_before_there_is_something_to_tell(
    office: Office, slack: SlackServer, clock: HandClock
) -> None:
    assert looked(office, slack) == []
    incidents.accept(office.ledger, [a_delivery(clock(), an_alert(clock()))])
    assert looked(office, slack) == []


def test_a_rehearsed_draft_is_shown_once_and_from_then_on_it_may_be_signed(
    office: Office, slack: SlackServer
) -> None:
    plan = drafted(office.ledger)
    ((method, first),) = looked(office, slack)
    assert (method, first["channel"], first["text"]) == (
        "chat.postMessage",
        INCIDENTS,
        "INC-1 KubePodNotReady shop",
    )
    assert first["metadata"]["event_payload"] == {"key": "incident-1"}
    assert proposal(office.ledger, plan).state == "DRAFT"
    shown = Preview(plan_id=plan.id, at=office.ledger.now(), diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(office.ledger, shown) is None
    ((method, second),) = looked(office, slack)
    row = proposal(office.ledger, plan)
    assert (method, second["channel"], second["ts"]) == ("chat.update", INCIDENTS, row.message_ts)
    told = story(office.ledger, 1)
    assert told is not None
    drawn = render(told, office.seal, office.public_url, reasons(office, told))
    assert second["blocks"] == drawn.blocks
    assert (row.state, row.channel_id, row.card_digest) == ("PENDING", INCIDENTS, drawn.digest)
    assert looked(office, slack) == []
    assert [
        body for _, body, _, _ in record(office.ledger, "gatekeeper:card:post", "gatekeeper:card:update")
    ][-1] == {
        "ts": row.message_ts,
        "digest": drawn.digest,
    }


def test_a_first_card_waits_for_the_rehearsal_and_comes_once_with_its_button(
    office: Office, slack: SlackServer, clock: HandClock
) -> None:
    plan = drafted(office.ledger, found=a_diagnosis())
    with pytest.raises(Later) as early:
        looked(office, slack)
    assert (early.value.seconds, said(slack)) == (HEAD_START.total_seconds(), [])
    shown = Preview(plan_id=plan.id, at=clock(), diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(office.ledger, shown) is None
    card = looked(office, slack)[0]
    assert card[0] == "chat.postMessage"
    assert "'approve'" in str(card[1])
    assert proposal(office.ledger, plan).state == "PENDING"


def test_a_rehearsal_that_does_not_come_keeps_no_card_back(
    office: Office, slack: SlackServer, clock: HandClock
) -> None:
    drafted(office.ledger, found=a_diagnosis())
    with pytest.raises(Later):
        looked(office, slack)
    clock.forward(HEAD_START.total_seconds())
    assert looked(office, slack)[0][0] == "chat.postMessage"


def test_a_card_that_was_posted_by_one_that_died_is_found_and_not_posted_again(
    office: Office, slack: SlackServer
) -> None:
    plan = drafted(office.ledger, "-a\n+b")
    cards.begin_card(office.ledger, 1, INCIDENTS, Need.ASKS)
    told = story(office.ledger, 1)
    assert told is not None
    drawn = render(told, office.seal, office.public_url, reasons(office, told))
    old = replace(drawn.message("incident-1"), blocks=drawn.blocks[:1])
    ts = asyncio.run(office.slack.post(INCIDENTS, old))
    ((method, card),) = looked(office, slack)
    assert (method, card["channel"], card["ts"], card["blocks"]) == (
        "chat.update",
        INCIDENTS,
        ts,
        drawn.blocks,
    )
    assert proposal(office.ledger, plan).message_ts == ts


def test_a_card_that_was_only_intended_is_posted(office: Office, slack: SlackServer) -> None:
    drafted(office.ledger, "-a\n+b")
    cards.begin_card(office.ledger, 1, INCIDENTS, Need.ASKS)
    ((method, card),) = looked(office, slack)
    assert (method, card["channel"]) == ("chat.postMessage", INCIDENTS)


def test_a_plan_whose_time_is_over_is_shown_without_buttons(
    office: Office, slack: SlackServer, clock: HandClock
) -> None:
    plan = drafted(office.ledger, "-a\n+b")
    looked(office, slack)
    clock.forward(1801)
    ((_, card), (_, entry)) = looked(office, slack)
    row = proposal(office.ledger, plan)
    assert row.state == "EXPIRED"
    assert actions_in(card) == ["details", "snooze"]
    assert (entry["channel"], entry["thread_ts"], entry["text"]) == (INCIDENTS, row.message_ts, "INC-1")
    assert words_in(entry["blocks"])[0] == "Plan EXPIRED  "
    assert looked(office, slack) == []


def actions_in(card: JsonObject) -> list[str]:
    return [
        one["action_id"]
        for block in card["blocks"]
        for one in block.get("elements", [])
        if "action_id" in one
    ]


def test_where_a_channel_asks_enough_already_a_draft_waits_without_a_card(
    office: Office, slack: SlackServer
) -> None:
    plan = drafted(office.ledger, "-a\n+b")
    taken(office.ledger)
    assert looked(office, slack) == []
    row = proposal(office.ledger, plan)
    assert (row.state, row.obstacle) == ("DRAFT", Objection.CHANNEL_FULL.value)
    waits = Tag.CARD_WAITS.value
    assert record(office.ledger, waits) == [(waits, {"channel": INCIDENTS}, 1, plan.id)]


def test_a_card_that_lost_its_place_while_it_was_up_says_so(office: Office, slack: SlackServer) -> None:
    plan = drafted(office.ledger)
    looked(office, slack)
    taken(office.ledger)
    shown = Preview(plan_id=plan.id, at=office.ledger.now(), diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(office.ledger, shown) is None
    ((_, card),) = looked(office, slack)
    assert f"Not shown for signing yet: {Objection.CHANNEL_FULL.value}." in words_in(card["blocks"])


def test_whoever_approved_is_looked_at_while_the_card_is_brought_up_to_date(
    office: Office, slack: SlackServer, clock: HandClock
) -> None:
    plan = drafted(office.ledger, "-a\n+b", tier=3, approvals_needed=2)
    looked(office, slack)
    assert isinstance(decisions.decide(office.ledger, a_decision(plan, clock())), Decided)
    clock.forward(LOOK_EVERY.total_seconds())
    since = len(slack.calls)
    asyncio.run(advance(office, 1))
    assert [call.arguments for call in slack.calls[since:] if call.method == "users.info"]


def test_whose_place_was_taken_while_its_card_was_posted_waits(office: Office) -> None:
    plan = drafted(office.ledger, "-a\n+b")
    told = story(office.ledger, 1)
    assert told is not None
    taken(office.ledger)
    card = Posted(channel_id=INCIDENTS, message_ts="1.1", card_digest="c")
    asyncio.run(_open_for_signing(office, told, card))
    row = proposal(office.ledger, plan)
    assert (row.state, row.obstacle) == ("DRAFT", Objection.CHANNEL_FULL.value)


def test_a_card_goes_where_its_labels_lead_and_stays_there(office: Office, slack: SlackServer) -> None:
    plan = drafted(office.ledger)
    routes = [{"channel": SHARED, "labels": {"namespace": "shop"}}]
    people = yaml.safe_load(office.roster_file.read_text(encoding="utf-8"))
    office.roster_file.write_text(yaml.safe_dump(people | {"channels": routes}), encoding="utf-8")
    ((method, card),) = looked(office, slack)
    assert (method, card["channel"]) == ("chat.postMessage", SHARED)
    # Somebody changes the routes, then the rehearsal comes: the same message is brought up to date.
    office.roster_file.write_text(yaml.safe_dump(people), encoding="utf-8")
    shown = Preview(plan_id=plan.id, at=office.ledger.now(), diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(office.ledger, shown) is None
    ((method, card),) = looked(office, slack)
    assert (method, card["channel"]) == ("chat.update", SHARED)
    row = proposal(office.ledger, plan)
    assert (row.state, row.channel_id, row.message_ts) == ("PENDING", SHARED, card["ts"])
