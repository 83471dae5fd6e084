"""Which words count as approvals of a plan when it is claimed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.ledger.guards import counts
from tests.support.plans import a_decision, a_plan

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
PLAIN, TYPED = a_plan(NOW), a_plan(NOW, tier=2)


def test_an_approval_of_these_bytes_counts():
    assert counts(PLAIN, a_decision(PLAIN, NOW))
    assert counts(TYPED, a_decision(TYPED, NOW))


@pytest.mark.parametrize("plan", [PLAIN, TYPED])
def test_an_approval_of_other_bytes_does_not_count_whatever_was_typed(plan):
    typed = {"typed": plan.digest[:6]}
    assert not counts(plan, a_decision(plan, NOW, plan_digest="0" * 64, request=typed))


@pytest.mark.parametrize("request_", [{}, {"typed": ""}, {"typed": "000000"}, {"other": TYPED.digest[:6]}])
def test_from_tier_two_on_only_the_typed_digits_count(request_):
    assert not counts(TYPED, a_decision(TYPED, NOW, request=request_))
    assert counts(PLAIN, a_decision(PLAIN, NOW, request=request_))
