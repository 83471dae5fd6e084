"""When the record is told outside: after ten minutes for what was closed, after an hour for other news."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from agents.incident import Outcome, Recovery
from agents.ledger import brake, checkpoints, incidents, investigations
from agents.ledger.checkpoints import Pace
from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.support.plans import a_delivery, an_alert

PACE = Pace()


def signed(ledger: Ledger) -> int:
    """A checkpoint over all rows that are there now; how many they are."""
    with ledger.read() as session:
        size, _ = checkpoints.head(session)
    assert checkpoints.store(ledger, size, f"over {size}")
    return size


def opened(ledger: Ledger, clock: HandClock, name: str) -> None:
    incidents.accept(ledger, [a_delivery(clock(), an_alert(clock(), fingerprint=name), group_key=name)])


def closed(ledger: Ledger, clock: HandClock, number: int) -> None:
    lease = investigations.take(ledger, number, "worker", 60)
    assert lease is not None
    ended = Outcome(recovery=Recovery.NOTHING_DONE, at=clock(), sentence="It went away.")
    investigations.close(ledger, lease, ended)


def test_the_pace_is_ten_minutes_for_what_was_closed_and_an_hour_for_the_rest() -> None:
    assert (PACE.closed, PACE.hourly) == (timedelta(minutes=10), timedelta(hours=1))


def test_without_a_checkpoint_there_is_nothing_to_tell(ledger: Ledger) -> None:
    assert checkpoints.due(ledger, "log", PACE) is None
    with ledger.read() as session:
        assert checkpoints.newest(session) is None


def test_news_is_told_when_an_hour_is_over_and_not_a_moment_before(ledger: Ledger, clock: HandClock) -> None:
    opened(ledger, clock, "a")
    size = signed(ledger)
    clock.forward(3_599)
    assert checkpoints.due(ledger, "log", PACE) is None
    clock.forward(1)
    assert checkpoints.due(ledger, "log", PACE) == (size, f"over {size}")
    checkpoints.told_at(ledger, size, "log", "line 1")
    assert checkpoints.due(ledger, "log", PACE) is None
    assert checkpoints.due(ledger, "chat", PACE) == (size, f"over {size}"), "each place hears it"
    opened(ledger, clock, "b")
    clock.forward(3_599)
    later = signed(ledger)
    assert checkpoints.due(ledger, "log", PACE) is None, "the hour runs from the last time it was told"
    clock.forward(1)
    assert checkpoints.due(ledger, "log", PACE) == (later, f"over {later}")


def test_an_end_is_told_when_ten_minutes_are_over(ledger: Ledger, clock: HandClock) -> None:
    opened(ledger, clock, "a")
    opened(ledger, clock, "b")
    closed(ledger, clock, 1)
    size = signed(ledger)
    clock.forward(599)
    assert checkpoints.due(ledger, "log", PACE) is None
    clock.forward(1)
    assert checkpoints.due(ledger, "log", PACE) == (size, f"over {size}")
    checkpoints.told_at(ledger, size, "log", "line 1")
    opened(ledger, clock, "c")
    signed(ledger)
    closed(ledger, clock, 2)
    clock.forward(600)
    assert checkpoints.due(ledger, "log", PACE) is None, "the end is not under a checkpoint yet"


def test_what_belongs_to_no_incident_is_no_news(ledger: Ledger, clock: HandClock) -> None:
    opened(ledger, clock, "a")
    size = signed(ledger)
    clock.forward(3_600)
    checkpoints.told_at(ledger, size, "log", "line 1")
    brake.refuse(ledger, {"user": "U0MIA"})
    signed(ledger)
    opened(ledger, clock, "b")
    clock.forward(7_200)
    assert checkpoints.due(ledger, "log", PACE) is None


def test_the_first_hour_runs_from_the_first_checkpoint(ledger: Ledger, clock: HandClock) -> None:
    opened(ledger, clock, "a")
    signed(ledger)
    clock.forward(1_800)
    opened(ledger, clock, "b")
    size = signed(ledger)
    clock.forward(1_800)
    assert checkpoints.due(ledger, "log", PACE) == (size, f"over {size}")


def test_a_checkpoint_is_kept_once_a_size_and_they_are_told_in_order(
    ledger: Ledger, clock: HandClock
) -> None:
    opened(ledger, clock, "a")
    first = signed(ledger)
    assert not checkpoints.store(ledger, first, "another")
    opened(ledger, clock, "b")
    clock.forward(1)
    second = signed(ledger)
    with ledger.read() as session:
        assert checkpoints.notes(session) == [(first, f"over {first}"), (second, f"over {second}")]
        assert checkpoints.notes(session, first) == [(second, f"over {second}")]
        assert checkpoints.newest(session) == (second, f"over {second}", clock())
        assert [row[0] for part in checkpoints.rows(session) for row in part] == [*range(1, second + 1)]
        assert [row[0] for part in checkpoints.rows(session, 1, first) for row in part] == [
            *range(2, first + 1)
        ]
        kept = [row for part in checkpoints.rows(session) for row in part]
        assert checkpoints.head(session) == (second, kept[-1][2])
        assert checkpoints.said_before(session, 2) == bytes.fromhex(kept[0][2])
        assert checkpoints.said_before(session, second + 1) is None
        assert kept[0][4:7] == ("intake:incident:open", "", 1)
        assert kept[0][7].startswith("2026-11-24 00:30:00.000000")


def test_the_record_is_read_some_hundreds_of_rows_at_a_time(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for n in range(501):
            tx.audit(Tag.RESUMED, {"by": "drill", "reason": f"round {n}"})
    with ledger.read() as session:
        parts = checkpoints.rows(session)
        first = next(parts)
        if ledger.reader.dialect.name == "postgresql":
            open_there = session.connection().execute(text("SELECT count(*) FROM pg_cursors"))
            assert open_there.scalar() == 1, "what comes next is still with the server"
        found = [[row[0] for row in part] for part in (first, *parts)]
    assert [(part[0], part[-1]) for part in found] == [(1, 500), (501, 501)]


def test_a_checkpoint_over_the_very_first_row_is_kept_and_told(ledger: Ledger, clock: HandClock) -> None:
    opened(ledger, clock, "a")
    assert checkpoints.store(ledger, 1, "over 1")
    with ledger.read() as session:
        assert checkpoints.notes(session) == [(1, "over 1")]
    clock.forward(3_600)
    assert checkpoints.due(ledger, "log", PACE) == (1, "over 1")


def test_an_hour_runs_from_the_last_time_it_was_told(ledger: Ledger, clock: HandClock) -> None:
    opened(ledger, clock, "a")
    checkpoints.told_at(ledger, signed(ledger), "log", "line 1")
    clock.forward(3_600)
    opened(ledger, clock, "b")
    checkpoints.told_at(ledger, signed(ledger), "log", "line 2")
    clock.forward(3_599)
    opened(ledger, clock, "c")
    signed(ledger)
    assert checkpoints.due(ledger, "log", PACE) is None


def test_a_record_that_cannot_be_read_says_why(ledger: Ledger) -> None:
    with ledger.writer.begin() as connection:
        connection.execute(text("ALTER TABLE audit RENAME COLUMN body TO words"))
    why = "the ledger cannot be read: .*body"
    with pytest.raises(LedgerUnavailable, match=why), ledger.read() as session:
        list(checkpoints.rows(session))
