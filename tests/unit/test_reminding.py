"""What a person is still needed for when a rest is over."""

from __future__ import annotations

import pytest

from agents.gatekeeper.reminding import needed
from agents.incident import Recovery
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.story import Story
from tests.support.told import a_story, a_view, ended

S = PlanState
LOST = Objection.APPROVER_LOST_RIGHT.value
MEND = "somebody: it goes on, and nothing is proposed"


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (a_story(a_view(S.PENDING)), "a signature, until 02:30 UTC"),
        (a_story(a_view(S.UNKNOWN)), "somebody to look at what may have been changed"),
        (a_story(a_view(S.QUARANTINED)), "somebody to look at a plan that was set aside"),
        (a_story(bent=("p",)), "somebody to look at a plan that was set aside"),
        (a_story(a_view(S.APPROVED, obstacle=LOST)), "another signature"),
        (a_story(a_view(S.APPROVED)), ""),
        (a_story(a_view(S.EXECUTING)), ""),
        (a_story(a_view(S.SUCCEEDED)), ""),
        (a_story(a_view(S.EXPIRED)), MEND),
        (a_story(), MEND),
        (a_story(diagnosis=None), ""),
        (a_story(a_view(S.PENDING), outcome=ended(Recovery.RECOVERED)), ""),
    ],
)
def test_what_is_waited_for_follows_from_where_the_plan_stands(told: Story, wanted: str) -> None:
    assert needed(told) == wanted
