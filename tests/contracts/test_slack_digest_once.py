"""A digest is posted once and changed only when it says something new, also by one that died in between."""

from __future__ import annotations

import asyncio

import pytest

from agents.gatekeeper.digest import tell
from agents.gatekeeper.office import Office
from agents.ledger import digests
from evals.world.slack import SlackServer
from evals.world.slack.people import INCIDENTS
from tests.contracts import test_slack_digest
from tests.contracts.test_slack_digest import (
    asks,
    calls,
    denied,
    keys,
    looks,
    over,
    said,
)

slack, office = test_slack_digest.slack, test_slack_digest.office


def test_a_digest_is_sent_only_when_it_says_something_new(office: Office, slack: SlackServer) -> None:
    for number in range(1, 8):
        asks(office.ledger, number)
    looks(office, *range(1, 8))
    asyncio.run(tell(office, 1))
    since = len(slack.calls)
    looks(office, 6, 7)
    asyncio.run(tell(office, 1))
    assert calls(slack, since) == []


def test_a_digest_that_was_posted_by_one_that_died_is_found_and_not_posted_again(
    office: Office, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 8):
        asks(office.ledger, number)
    looks(office, *range(1, 8))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as now:
        now.setattr(digests, "record", dies)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(tell(office, 1))
    over(office.ledger, 7)
    looks(office, 7)
    asyncio.run(tell(office, 1))
    assert keys(slack).count("digest-1") == 1
    assert "1 incident waits" in said(slack, "digest-1")


def deleted(slack: SlackServer, key: str) -> None:
    """Somebody who may do so deletes the message with this key."""
    there = slack.workspace.messages[INCIDENTS]
    (ts,) = [ts for ts, one in there.items() if key in str(one.get("metadata"))]
    slack.call(lambda: there.pop(ts))


def test_a_digest_that_somebody_deleted_is_posted_again_while_anybody_waits(
    office: Office, slack: SlackServer
) -> None:
    plans = [asks(office.ledger, number) for number in range(1, 9)]
    looks(office, *range(1, 9))
    asyncio.run(tell(office, 1))
    deleted(slack, "digest-1")
    denied(office.ledger, plans[0])
    looks(office, 6)
    asyncio.run(tell(office, 1))
    assert "2 incidents wait" in said(slack, "digest-1")
    deleted(slack, "digest-1")
    for number in (7, 8):
        over(office.ledger, number)
    looks(office, 7, 8)
    asyncio.run(tell(office, 1))
    assert "digest-1" not in keys(slack), "that nobody waits is worth no message of its own"
