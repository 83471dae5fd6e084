"""Who guessed too often: a window that moves, within fixed memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midwatch.intake.sources import MOST_SOURCES, WINDOW_S, WRONG_TRIES, WrongTries


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def wrong(clock: Hand) -> WrongTries:
    return WrongTries(clock)


def guess(wrong: WrongTries, address: str, times: int) -> None:
    for _ in range(times):
        wrong.note(address)


def test_twenty_wrong_tries_are_forgiven_and_one_more_is_not(wrong: WrongTries) -> None:
    guess(wrong, "192.0.2.1", WRONG_TRIES)
    assert wrong.shut_out_for("192.0.2.1") == 0
    wrong.note("192.0.2.1")
    assert wrong.shut_out_for("192.0.2.1") == WINDOW_S
    assert wrong.shut_out_for("192.0.2.2") == 0


def test_the_window_moves_on_by_as_much_as_time_does(wrong: WrongTries, clock: Hand) -> None:
    wrong.note("192.0.2.1")
    clock.at += 10
    guess(wrong, "192.0.2.1", WRONG_TRIES)
    assert wrong.shut_out_for("192.0.2.1") == WINDOW_S - 10
    clock.at += WINDOW_S - 10
    assert wrong.shut_out_for("192.0.2.1") == 0
    # One try is free again, and one only: the others are still within the minute.
    wrong.note("192.0.2.1")
    assert wrong.shut_out_for("192.0.2.1") == 10


def test_an_ipv6_network_is_one_source_and_a_mapped_address_is_the_ipv4_one(wrong: WrongTries) -> None:
    for number in range(WRONG_TRIES + 1):
        wrong.note(f"2001:db8::{number:x}:1")
        wrong.note(f"::ffff:192.0.2.{number + 1}")
    assert wrong.shut_out_for("2001:db8::ffff") > 0
    assert wrong.shut_out_for("2001:db8:0:1::1") == 0
    assert wrong.shut_out_for("192.0.2.1") == 0
    guess(wrong, "192.0.2.1", WRONG_TRIES)
    assert wrong.shut_out_for("::ffff:192.0.2.1") > 0


def test_a_flood_of_sources_takes_bounded_memory_and_forgets_the_quietest(wrong: WrongTries) -> None:
    guess(wrong, "192.0.2.1", WRONG_TRIES + 1)
    for number in range(MOST_SOURCES - 1):
        wrong.note(f"10.0.{number // 250}.{number % 250}")
    assert wrong.shut_out_for("192.0.2.1") > 0
    wrong.note("192.0.2.1")
    guess(wrong, "198.51.100.1", 1)
    assert len(wrong) == MOST_SOURCES
    assert wrong.shut_out_for("192.0.2.1") > 0, "it was not the one that was quiet for longest"
    for number in range(MOST_SOURCES):
        wrong.note(f"10.1.{number // 250}.{number % 250}")
    assert wrong.shut_out_for("192.0.2.1") == 0


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_minute_ever_holds_more_tries_than_are_allowed(pauses: list[float]) -> None:
    clock = Hand()
    wrong, compared = WrongTries(clock), []
    for pause in pauses:
        clock.at += pause
        if not wrong.shut_out_for("192.0.2.1"):
            compared.append(clock.at)
            wrong.note("192.0.2.1")
    for at in compared:
        assert sum(at <= other < at + WINDOW_S for other in compared) <= WRONG_TRIES + 1


@pytest.mark.parametrize("address", ["", "unix", "testclient", "fe80::1%eth0"])
def test_an_address_of_any_kind_is_a_source(wrong: WrongTries, address: str) -> None:
    guess(wrong, address, WRONG_TRIES + 1)
    assert wrong.shut_out_for(address) > 0
