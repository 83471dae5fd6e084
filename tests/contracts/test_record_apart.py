"""A long record verified by a process of its own comes to what one in this process comes to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.auditor import anchors, apart
from agents.auditor.apart import GivenUp, Work, edge_of, verified
from agents.auditor.verify import Progress, verify
from tests.support.record import Record, record_in, small_events, told_whole


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """One incident with all that can be told of it, a checkpoint and an anchor."""
    with record_in(tmp_path) as made:
        told_whole(made.ledger)
        small_events(made.ledger, 5)
        made.auditor.look()
        yield made


def work(record: Record) -> Work:
    outside = anchors.outside(record.auditor.keys, record.auditor.anchor_file)
    return Work(ledger=record.ledger, outside=outside, progress=Progress())


@pytest.mark.parametrize("bent", [False, True], ids=["whole", "bent"])
def test_elsewhere_the_same_is_found_up_to_the_same_row(record: Record, *, bent: bool) -> None:
    if bent:
        record.bend("UPDATE audit SET tag = 'gatekeeper:plan:decided' WHERE seq = 9")
    here, there = work(record), work(record)
    told = verify(here.ledger, here.outside, here.progress)
    assert verified(there, alone=0) == told
    assert (told.first_bad == 9) is bent
    assert there.progress.recount == edge_of(here.progress.recount)
    assert there.progress.done == here.progress.done > 0
    # One process does it all: half of the rows are half of the way.
    there.progress.recount.seq, there.progress.events = 500_000, 1_000_000
    assert there.progress.done == 500_000


def test_a_process_that_died_costs_time_and_nothing_else(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_verify", _dies)
    assert verified(work(record), alone=0) == verify(record.ledger, work(record).outside)


def _dies(*_work: object) -> None:
    raise SystemExit(9)


def test_what_nobody_wants_any_more_is_given_up_at_once(record: Record) -> None:
    asked = work(record)
    with pytest.raises(GivenUp):
        verified(Work(**(vars(asked) | {"wanted": lambda: False})), alone=0)
    # Given up before the process had said its first word.
    assert asked.progress.done == 0


def test_an_auditor_that_starts_goes_on_where_its_first_verification_ended(record: Record) -> None:
    with record_in(record.folder) as again:
        assert again.auditor.look() == ()
        seen = again.auditor.seen
        small_events(again.ledger, 3)
        assert again.auditor.look() == ()
        assert (again.auditor.seen, seen) == (record.auditor.seen + 3, record.auditor.seen)
