"""The investigator goes on with the plan that a person edited: it waits for it and verifies what it did."""

from __future__ import annotations

from agents.ledger import edits
from agents.ledger.protocol import PlanState
from tests.contracts import test_investigator
from tests.support.plans import ADA
from tests.support.watch import Watch

at = test_investigator.at


def edited(at: Watch) -> str:
    """Ada typed other values into the plan that waits; the id of hers."""
    old = at.plan.plan
    new = old.model_copy(update={"supersedes": old.id, "requester": ADA.user_id, "nonce": "9" * 32})
    drafted = edits.edit(at.ledger, new, ADA, "edited by a person")
    assert drafted == new.id
    return drafted


def test_an_edited_plan_is_waited_for_and_verified_and_no_other_is_drafted(at: Watch) -> None:
    at.look()
    at.becomes(PlanState.PENDING)
    new = edited(at)
    at.look()
    assert [one.state for one in at.story.plans] == [PlanState.SUPERSEDED, PlanState.DRAFT]
    assert at.plan.plan.id == new
    at.becomes(PlanState.PENDING, PlanState.APPROVED, PlanState.EXECUTING, PlanState.SUCCEEDED)
    at.look()
    assert at.story.incident.phase == "verifying"
    assert len(at.story.plans) == 2


def test_an_edit_that_is_rejected_ends_like_any_other_plan(at: Watch) -> None:
    at.look()
    at.becomes(PlanState.PENDING)
    edited(at)
    at.look()
    at.becomes(PlanState.PENDING, PlanState.DENIED)
    at.look()
    assert at.story.incident.phase == "waiting for the alert to resolve"
    assert len(at.story.plans) == 2
