"""What is said in a card's thread to people by name, and what is said when a rest is over: each once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from agents.gatekeeper.office import Office
from agents.gatekeeper.paging import BENT
from agents.gatekeeper.posting import announce
from agents.incident import Diagnosis
from agents.ledger import incidents, moves, snooze
from agents.ledger.snooze import Rest
from evals.world.slack import SlackServer
from evals.world.slack.people import INCIDENTS
from tests.contracts import test_slack_posting
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_hidden import bend
from tests.contracts.test_ledger_record import record
from tests.contracts.test_slack_posting import drafted, looked, proposal, said
from tests.support.live_text import words_in
from tests.support.plans import ADA, a_delivery, an_alert

slack, office = test_slack_posting.slack, test_slack_posting.office


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
