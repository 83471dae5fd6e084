"""Who has a card in a storm and who waits for one: by what it asks, how new it is, and its channel."""

from __future__ import annotations

import asyncio

import yaml

from agents.gatekeeper.digest import tell
from agents.gatekeeper.office import Office
from agents.ledger import cards
from agents.ledger.cards import LATELY
from agents.ledger.lines import AGAIN, MOST_ASKING
from evals.world.slack import SlackServer
from evals.world.slack.people import INCIDENTS, SHARED
from tests.contracts import test_slack_digest
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_hidden import bend
from tests.contracts.test_ledger_record import record
from tests.contracts.test_slack_digest import (
    asks,
    denied,
    keys,
    looks,
    opened,
    over,
    said,
)

slack, office = test_slack_digest.slack, test_slack_digest.office


def test_what_had_to_wait_a_moment_only_is_never_told(office: Office, slack: SlackServer) -> None:
    plans = [asks(office.ledger, number) for number in range(1, 7)]
    looks(office, *range(1, 7))
    denied(office.ledger, plans[0])
    looks(office, 6)
    asyncio.run(tell(office, 1))
    assert keys(slack) == [f"incident-{n}" for n in range(1, 7)]
    # Somebody else waits by now, in the digest that comes after it.
    asks(office.ledger, 7)
    looks(office, 7)
    asyncio.run(tell(office, 2))
    assert keys(slack)[-1] == "digest-2"


def test_what_asks_nothing_waits_while_enough_new_cards_are_there_and_is_told_then(
    office: Office, slack: SlackServer, clock: HandClock
) -> None:
    for number in range(1, MOST_ASKING + 3):
        clock.forward(1)
        opened(office.ledger, number, **({"severity": "critical"} if number == 7 else {}))
    looks(office, *range(1, 8))
    asyncio.run(tell(office, 1))
    assert keys(slack) == [*(f"incident-{n}" for n in range(1, 6)), "digest-1"]
    assert "No change is proposed." in said(slack, "digest-1")
    held = record(office.ledger, "gatekeeper:card:hold")
    assert [(body["channel"], incident) for _, body, incident, _ in held] == [(INCIDENTS, 6), (INCIDENTS, 7)]
    assert [job.run_at for job in office.ledger.queue.jobs if job.incident == 7][-1] == clock() + AGAIN
    over(office.ledger, 1)
    looks(office, 6, 7)
    assert keys(slack)[-1] == "incident-7", "one card more, for the gravest"
    clock.forward(LATELY.total_seconds() + 1)
    looks(office, 6)
    asyncio.run(tell(office, 1))
    assert keys(slack)[-1] == "incident-6"
    assert "The storm is over" in said(slack, "digest-1")


def test_a_change_to_sign_is_shown_also_where_many_cards_ask_nothing(
    office: Office, slack: SlackServer
) -> None:
    for number in range(1, 7):
        opened(office.ledger, number)
    asks(office.ledger, 7)
    looks(office, *range(1, 8))
    assert keys(slack) == [f"incident-{n}" for n in (1, 2, 3, 4, 5, 7)]


def test_what_is_over_before_it_had_a_card_leaves_the_digest_without_one(
    office: Office, slack: SlackServer
) -> None:
    for number in range(1, 8):
        asks(office.ledger, number)
    looks(office, *range(1, 8))
    asyncio.run(tell(office, 1))
    for number in (6, 7):
        over(office.ledger, number)
    looks(office, 6, 7)
    asyncio.run(tell(office, 1))
    assert keys(slack) == [*(f"incident-{n}" for n in range(1, 6)), "digest-1"]
    assert "The storm is over" in said(slack, "digest-1")


def test_what_people_are_called_about_has_its_card_also_in_a_storm(
    office: Office, slack: SlackServer
) -> None:
    plans = [asks(office.ledger, number) for number in range(1, 8)]
    looks(office, *range(1, 8))
    bend(office.ledger, "UPDATE plan SET canonical = '{}' WHERE id = :id", id=plans[-1].id)
    looks(office, 7)
    assert keys(slack)[-1] == "incident-7"
    assert len(record(office.ledger, "gatekeeper:human:page")) == 1


def test_each_channel_has_its_own_digest(office: Office, slack: SlackServer) -> None:
    routes = [{"channel": SHARED, "labels": {"namespace": "pay"}}]
    people = yaml.safe_load(office.roster_file.read_text(encoding="utf-8"))
    office.roster_file.write_text(yaml.safe_dump(people | {"channels": routes}), encoding="utf-8")
    for number in range(1, 15):
        asks(office.ledger, number, namespace="pay" if number % 2 else "shop")
    looks(office, *range(1, 15))
    for number in (1, 2):
        asyncio.run(tell(office, number))
    for channel, first in ((SHARED, 1), (INCIDENTS, 2)):
        shown = [f"incident-{n}" for n in range(first, 2 * MOST_ASKING + 1, 2)]
        (told,) = set(keys(slack, channel)) - set(shown)
        assert len(keys(slack, channel)) == MOST_ASKING + 1
        assert "2 incidents wait" in said(slack, told, channel)


def test_a_card_that_was_only_begun_is_posted_whatever_the_room(office: Office, slack: SlackServer) -> None:
    for number in range(1, 7):
        opened(office.ledger, number)
    cards.begin_card(office.ledger, 6, INCIDENTS, cards.Need.ASKS)
    looks(office, *range(1, 7))
    assert "incident-6" in keys(slack)
