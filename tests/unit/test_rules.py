"""Every condition that can be found has its place among causes, and explanation runs one way only."""

from __future__ import annotations

from agents.investigator.analyzers.registry import CODES
from agents.investigator.effects import DEPTH, FOLLOWS, MAY_FOLLOW
from agents.investigator.rules import ROWS, RULES, Role


def test_every_code_has_exactly_one_place_in_the_table() -> None:
    placed = [code.value for codes in ROWS.values() for code in codes]
    assert sorted(placed) == sorted(code.value for code in CODES)


def test_what_follows_lies_less_deep_than_what_it_follows_from() -> None:
    for table in (FOLLOWS, MAY_FOLLOW):
        for effect, deeper in table.items():
            assert all(DEPTH[one] < DEPTH[effect] for one in deeper), effect


def test_every_symptom_has_something_that_it_can_follow_from() -> None:
    symptoms = {rule.effect for rule in RULES.values() if rule.role is Role.SYMPTOM}
    assert symptoms <= FOLLOWS.keys() | MAY_FOLLOW.keys()
