"""What one investigation may spend: counted over restarts, never exceeded, and said in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.investigator.purse import Allowance, Purse


class HandClock:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@given(st.integers(1, 20), st.integers(0, 30))
def test_no_more_looks_are_taken_than_were_allowed(most: int, before: int) -> None:
    purse = Purse.resumed(Allowance(tool_calls=most), {"tool_calls": before})
    taken = sum(1 for _ in range(60) if not purse.take("tool_calls"))
    assert taken == max(0, most - before)
    assert purse.spent["tool_calls"] == max(most, before)


def test_an_empty_purse_says_what_was_spent() -> None:
    purse = Purse.resumed(Allowance(model_calls=2), {"model_calls": 2})
    assert purse.take("model_calls") == "the budget of 2 model calls is spent"


def test_time_runs_out_whatever_else_is_left() -> None:
    clock = HandClock()
    purse = Purse(allowance=Allowance(seconds=120), clock=clock)
    clock.at += 119.5
    assert purse.seconds_left == pytest.approx(0.5)
    assert purse.take("tool_calls") == ""
    clock.at += 1
    assert purse.seconds_left == 0
    assert purse.take("tool_calls") == "the time of 120 s is over"


def test_what_cost_more_than_was_left_leaves_nothing_and_no_debt() -> None:
    purse = Purse(allowance=Allowance(tokens=100))
    purse.pay("tokens", 150)
    assert purse.left("tokens") == 0
