"""A long record recomputed by two processes comes to what one comes to, whole or bent anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.auditor import halves
from agents.auditor.recount import Bent, Recount
from agents.ledger import chain
from agents.ledger.store import Ledger
from tests.support import tampering
from tests.support.ledgers import empty_ledger
from tests.support.record import Record, record_in, small_events, told_whole
from tests.support.tampering import Rows


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    """Two incidents and 40 events between them, so that what is told stands in both halves."""
    with record_in(tmp_path_factory.mktemp("record")) as made:
        told_whole(made.ledger)
        small_events(made.ledger, 40)
        told_whole(made.ledger, "f2", 2)
        yield made


@pytest.fixture
def rows(record: Record) -> Rows:
    """All of it."""
    with record.ledger.reader.connect() as connection:
        return tampering.read(connection)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger for what somebody else put there."""
    ledger = Ledger(empty_ledger(tmp_path / "bent.db"))
    yield ledger
    ledger.close()


def put(ledger: Ledger, rows: Rows) -> None:
    with ledger.writer.begin() as connection:
        tampering.write(connection, rows)


def both(ledger: Ledger, size: int) -> tuple[tuple[Recount, Bent | None], tuple[Recount, Bent | None]]:
    """The record recomputed by one process, and by two."""
    found = []
    for alone in (size, 1):
        recount = Recount(sizes=set(range(1, size, 3)))
        with ledger.read() as session:
            found.append((recount, halves.recounted(session, recount, alone)))
    return found[0], found[1]


def test_two_halves_come_to_the_whole(record: Record, rows: Rows) -> None:
    one, two = both(record.ledger, len(rows))
    assert one[1] is None
    assert one[0].seq == len(rows)
    assert one[0].told.seals
    assert two == one


@pytest.mark.parametrize("size", [2, 33, 49])
def test_wherever_the_middle_is(other: Ledger, rows: Rows, size: int) -> None:
    put(other, rows[:size])
    one, two = both(other, size)
    assert one[1] is None
    assert two == one


@pytest.mark.parametrize(
    ("how", "place"),
    [
        ("edited", "first"),
        ("gone", "last of the first half"),
        ("edited", "first of the second"),
        ("made anew", "first of the second"),
        ("no hash before it", "first of the second"),
        ("edited", "last"),
    ],
)
def test_the_same_row_is_named(other: Ledger, rows: Rows, how: str, place: str) -> None:
    middle = halves.middle(len(rows))
    at = {"first": 0, "last of the first half": middle - 1, "first of the second": middle, "last": -1}[place]
    at %= len(rows)
    bent = list(rows)
    if how == "edited":
        bent[at] = replace(bent[at], body=bent[at].body.replace(b'"at":"2', b'"at":"3'))
    elif how == "gone":
        del bent[at]
    elif how == "no hash before it":
        bent[at] = replace(bent[at], prev_hash="nothing")
    else:
        for n in range(at, len(bent)):
            # Somebody who knows how a chain is made begins a new one here.
            before = bent[n - 1].hash if n > at else "5" * 64
            body = re.sub(b'"at":"2', b'"at":"3', bent[n].body)
            own = chain.seal(before, body)
            bent[n] = replace(bent[n], prev_hash=before, hash=own, body=body, at=f"3{bent[n].at[1:]}")
    put(other, bent)
    one, two = both(other, len(rows))
    assert one[1] is not None
    assert two[1] == one[1]


def test_a_helper_that_cannot_read_costs_time_and_nothing_else(
    record: Record, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the other process is killed: it answers nothing."""
    monkeypatch.setattr(halves, "_second", _dies)
    one, two = both(record.ledger, len(rows))
    assert two == one


def _dies(_half: object, _answer: object) -> None:
    raise SystemExit(9)
