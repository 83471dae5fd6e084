"""A signed request counts once, whoever sends it again and when (threat T8); without a ledger never."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from evals.world.slack.people import ADA, MIA
from tests.support.front_desk import FrontDesk, front_desk, serving


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        yield made


def test_t08_a_replayed_click_decides_nothing(desk: FrontDesk) -> None:
    # The click is refused; then its owner becomes somebody who may sign, and the recording is sent again.
    recorded = desk.forge.request(desk.click(MIA))
    assert desk.post(recorded)[0] == 200
    roster = desk.settings.roster_file
    assert roster is not None
    roster.write_text(roster.read_text().replace(ADA, MIA))
    assert desk.post(recorded) == (200, "")
    assert desk.state() is PlanState.PENDING
    assert desk.decided() == []
    assert len(desk.passed) == 1
    assert len(desk.said(Tag.REPLAY_REFUSED)) == 1
    assert desk.post(desk.forge.request(desk.click(MIA)))[0] == 200
    assert desk.decided() == [MIA], "a new click of the same person counts"


def test_t08_a_replay_after_a_restart_decides_nothing(desk: FrontDesk) -> None:
    recorded = desk.forge.request(desk.click(MIA))
    assert desk.post(recorded)[0] == 200
    again = replace(desk, gate=replace(desk.gate, counts=Counter()))
    with serving(again):
        assert again.url != desk.url
        assert again.post(recorded)[0] == 200
    assert len(desk.passed) == 1
    assert len(desk.said(Tag.REPLAY_REFUSED)) == 1


def test_t08_the_same_click_signed_anew_counts_once(desk: FrontDesk) -> None:
    # What a redelivery looks like: another signature around the very same trigger.
    payload = desk.click()
    # The older one first: the clock may tick in between, and the same second has the same signature.
    for age_s in (5, 0):
        assert desk.post(desk.forge.request(payload, age_s=age_s))[0] == 200
    assert len(desk.passed) == 2
    assert desk.decided() == [ADA]
    assert len(desk.said(Tag.REPLAY_REFUSED)) == 1
    assert desk.said(Tag.CLICK_REFUSED) == [], "its person was told a second time"


def test_t08_of_many_copies_at_once_one_counts(desk: FrontDesk) -> None:
    recorded = desk.forge.request(desk.click())
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(desk.post(recorded)[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    assert len(desk.passed) == 1
    assert desk.decided() == [ADA]
    assert len(desk.said(Tag.REPLAY_REFUSED)) == 7


def test_without_the_ledger_a_click_gets_503_and_decides_nothing(desk: FrontDesk) -> None:
    request = desk.forge.request(desk.click())
    with desk.ledger.writer.begin() as busy:
        # SQLite has one writer, and this is it until the block ends.
        busy.execute(sql("UPDATE halt SET reason = 'held by the test'"))
        assert desk.post(request)[0] == 503
    assert desk.passed == []
    assert desk.state() is PlanState.PENDING
