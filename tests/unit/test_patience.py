"""How long a first card waits for the plan that its diagnosis promises."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.gatekeeper.patience import HEAD_START, seconds_to_wait
from agents.incident import Recovery
from agents.ledger.protocol import PlanState
from agents.ledger.story import Story
from tests.support.told import START, a_diagnosis, a_story, a_view, ended

SOON = START + timedelta(seconds=0.4)


def promised(*views: Any, **changes: Any) -> Story:
    return a_story(*views, **({"diagnosis": a_diagnosis(), "diagnosed_at": START} | changes))


@pytest.mark.parametrize("views", [(), (a_view(PlanState.DRAFT, preview=None),)], ids=["no plan", "a draft"])
def test_a_plan_that_is_on_its_way_is_worth_the_rest_of_the_head_start(views: Any) -> None:
    assert seconds_to_wait(promised(*views), SOON) == pytest.approx(0.6)
    assert seconds_to_wait(promised(*views), START + HEAD_START) == 0


def test_a_clock_that_was_set_back_keeps_no_card_back() -> None:
    assert seconds_to_wait(promised(), START - timedelta(hours=1)) == 0
    assert seconds_to_wait(promised(), START - timedelta(milliseconds=1)) == 0


@pytest.mark.parametrize(
    "told",
    [
        promised(a_view(PlanState.DRAFT)),
        promised(a_view(PlanState.DRAFT, preview=None, obstacle="CHANNEL_FULL")),
        promised(a_view(PlanState.REFUSED, preview=None)),
        promised(diagnosis=a_diagnosis(no_plan_because="Git owns it")),
        promised(diagnosis=a_diagnosis(cause=None)),
        promised(diagnosis=None, diagnosed_at=None),
        promised(outcome=ended(Recovery.RECOVERED)),
        promised(bent=("p1",)),
    ],
    ids=["rehearsed", "hindered", "refused", "none promised", "no cause", "no diagnosis", "over", "bent"],
)
def test_what_can_be_told_now_is_not_kept_back(told: Story) -> None:
    assert seconds_to_wait(told, SOON) == 0
