"""What the gatekeeper says in the chat, call by call: each thing once, also by one that died in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.gatekeeper.cards import render
from agents.gatekeeper.office import Office
from agents.gatekeeper.paging import BENT
from agents.gatekeeper.patience import HEAD_START
from agents.gatekeeper.posting import _open_for_signing, advance, announce
from agents.gatekeeper.reasons import Reasons, reasons_of
from agents.incident import Diagnosis, Plan, Preview
from agents.ledger import cards, decisions, incidents, investigations, moves, previews, snooze
from agents.ledger.accounts import LOOK_EVERY
from agents.ledger.cards import Need
from agents.ledger.decisions import Decided
from agents.ledger.lines import MOST_ASKING
from agents.ledger.moves import Standing, standing
from agents.ledger.previews import Posted
from agents.ledger.protocol import Objection
from agents.ledger.snooze import Rest
from agents.ledger.store import Ledger
from agents.ledger.story import Story, story
from agents.ledger.tables import ProposalRow
from agents.ledger.tags import Tag
from evals.world.slack import SlackServer
from evals.world.slack.people import INCIDENTS, SHARED
from evals.world.slack.wire import JsonObject
from midwatch.wiring import office_of
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_hidden import bend
from tests.contracts.test_ledger_record import record
from tests.support.front_desk import settings_for
from tests.support.live_text import words_in
from tests.support.patience import patient
from tests.support.plans import ADA, a_decision, a_delivery, a_plan, a_step, an_alert
from tests.support.pretend_queue import RememberingQueue
from tests.support.told import a_diagnosis
from tools.queue.port import Later
from tools.slack import SlackRefused


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(patient()) as server:
        yield server


@pytest.fixture
def office(slack: SlackServer, clock: HandClock, empty: Path, tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "ledger.db").write_bytes(empty.read_bytes())
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", RememberingQueue(), clock)
    yield asyncio.run(office_of(settings_for(slack, tmp_path, "socket"), ledger))
    ledger.close()


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


LONG = "\n".join(str(n) for n in range(3_500))


def actions_in(card: JsonObject) -> list[str]:
    return [
        one["action_id"]
        for block in card["blocks"]
        for one in block.get("elements", [])
        if "action_id" in one
    ]


def test_a_change_that_does_not_fit_is_a_file_in_the_thread_before_it_can_be_signed(
    office: Office, slack: SlackServer
) -> None:
    plan = drafted(office.ledger, LONG)
    since = len(slack.calls)
    asyncio.run(advance(office, 1))
    calls = [call for call in slack.calls[since:] if call.method.startswith(("chat.", "files."))]
    assert [call.method for call in calls] == [
        "chat.postMessage",
        "files.getUploadURLExternal",
        "files.completeUploadExternal",
        "chat.update",
    ]
    assert actions_in(calls[0].arguments) == ["reject", "details", "snooze"]
    assert actions_in(calls[3].arguments)[0] == "approve"
    (shared,) = slack.workspace.files.values()
    body = slack.workspace.contents[shared["id"]].decode()
    assert LONG in body
    assert plan.digest in body
    assert shared["sha256"] in str(calls[3].arguments)
    assert shared["permalink"] in str(calls[3].arguments)
    ((_, said, _, plan_id),) = record(office.ledger, Tag.FILE_SHARED.value)
    assert (said["sha256"], plan_id) == (shared["sha256"], plan.id)
    assert proposal(office.ledger, plan).state == "PENDING"
    assert looked(office, slack) == []


def test_what_slack_does_not_take_as_a_file_cannot_be_signed(
    office: Office, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = drafted(office.ledger, LONG)
    less = slack.workspace.options.scopes - {"files:write"}
    monkeypatch.setattr(slack.workspace, "options", replace(slack.workspace.options, scopes=less))
    with pytest.raises(SlackRefused, match="missing_scope"):
        asyncio.run(advance(office, 1))
    assert proposal(office.ledger, plan).state == "DRAFT"
    assert "approve" not in actions_in(said(slack)[-1][1])


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


def test_people_are_called_once_by_name_and_it_is_on_record(office: Office, slack: SlackServer) -> None:
    plan = drafted(office.ledger, "-a\n+b")
    looked(office, slack)
    with office.ledger.write() as tx:
        moves.quarantine(tx, plan.id)
    _, (method, call), entry = looked(office, slack)
    assert entry[1]["text"] == "INC-1", "the thread goes on after that"
    assert (method, call["channel"], call["thread_ts"]) == (
        "chat.postMessage",
        INCIDENTS,
        proposal(office.ledger, plan).message_ts,
    )
    ((_, body, incident, plan_id),) = record(office.ledger, "gatekeeper:human:page")
    assert call["text"] == f"INC-1: {body['why']}"
    assert (incident, plan_id) == (1, plan.id)
    assert body["who"] == [
        part["user_id"] for part in call["blocks"][0]["elements"][0]["elements"] if "user_id" in part
    ]
    assert looked(office, slack) == []


@pytest.mark.parametrize("stored", ["'{}'", "CAST('{}' AS BLOB)"])
def test_of_an_incident_with_nothing_but_bent_plans_each_is_told_once(
    office: Office, slack: SlackServer, stored: str
) -> None:
    for n in (1, 2):
        plan = drafted(office.ledger, nonce=f"{n}" * 32)
        bend(office.ledger, f"UPDATE plan SET canonical = {stored} WHERE id = :id", id=plan.id)
        *_, (_, call) = looked(office, slack)
        assert call["text"] == f"INC-1: {BENT}"
        assert [body["why"] for _, body, _, _ in record(office.ledger, "gatekeeper:human:page")] == [BENT] * n
        assert looked(office, slack) == []


def test_an_announcement_is_made_once_under_its_key(office: Office, slack: SlackServer) -> None:
    ts = asyncio.run(announce(office, "first line\nsecond\nthird", "told-1"))
    ((_, message),) = said(slack)
    assert (message["channel"], message["text"]) == (INCIDENTS, "first line")
    assert message["metadata"]["event_payload"] == {"key": "told-1"}
    assert words_in(message["blocks"]) == ["first line\nsecond\nthird"]
    assert asyncio.run(announce(office, "first line\nsecond\nthird", "told-1")) == ts
    assert len(said(slack)) == 1


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


def test_when_a_rest_is_over_the_thread_says_once_what_is_still_waited_for(
    office: Office, slack: SlackServer, clock: HandClock
) -> None:
    plan = drafted(office.ledger, "-a\n+b", found=Diagnosis(cause=None, confidence="none"))
    looked(office, slack)
    snooze.rest(office.ledger, 1, ADA, Rest.QUARTER)
    assert [method for method, _ in looked(office, slack)] == ["chat.update"]
    assert [job.run_at for job in office.ledger.queue.jobs][-1] == clock() + timedelta(minutes=15)
    clock.forward(15 * 60)
    ((method, line),) = looked(office, slack)
    assert (method, line["thread_ts"]) == ("chat.postMessage", proposal(office.ledger, plan).message_ts)
    said_so = "".join(words_in(line["blocks"]))
    assert said_so == "The rest is over  INC-1 still waits for a signature, until 01:00 UTC."
    assert looked(office, slack) == []


def test_a_rest_that_nobody_has_to_come_back_for_ends_without_a_word(
    office: Office, slack: SlackServer, clock: HandClock
) -> None:
    drafted(office.ledger, "-a\n+b", found=Diagnosis(cause=None, confidence="none"))
    looked(office, slack)
    snooze.rest(office.ledger, 1, ADA, Rest.QUARTER)
    over = an_alert(clock(), fingerprint="f1", firing=False, ends_at=clock())
    incidents.accept(office.ledger, [a_delivery(clock(), over, group_key="g1")])
    clock.forward(15 * 60)
    assert not any("The rest is over" in str(call) for call in looked(office, slack))
