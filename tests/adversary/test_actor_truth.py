"""What the actor does when the world is not as it was shown (threats T15, T16, T34, T36, T37)."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest

from agents.actor.hands import Hands
from agents.actor.perform import perform
from agents.actor.work import advance
from agents.gatekeeper.cards import render
from agents.gatekeeper.paging import pages
from agents.incident import Plan
from agents.ledger import executions
from agents.ledger.executions import Claim, NotOurs
from agents.ledger.protocol import PlanState
from agents.ledger.roster import read_roster
from agents.ledger.tags import Tag
from evals.world.datacentre import DataCentre
from tests.support.actor_scene import MEDDLED, by_hand, copies, ended, ours
from tests.support.hands import approved, hands_of, meddling, sent, waiting
from tests.support.signed import broken_copies
from tests.support.story import Scene


def test_t15_an_object_that_changed_since_the_card_is_left_alone_and_the_card_says_what(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = approved(hands, at, name)
    by_hand(at.centre, name, MEDDLED % 7)
    advance(hands, 1)
    ended(at, PlanState.STALE, "/metadata/generation")
    assert (sent(hands), ours(at, plan)) == ([], 0)


def test_t15_an_object_that_changes_just_before_the_send_is_left_alone_by_the_server(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = approved(hands, at, name)
    advance(meddling(hands, lambda: by_hand(at.centre, name, MEDDLED % 9)), 1)
    ended(at, PlanState.STALE)
    assert len(sent(hands)) == 1
    assert ours(at, plan) == 0


def test_t16_a_namesake_that_was_created_meanwhile_is_another_object(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = approved(hands, at, name)
    at.centre.cluster.store.delete("deployments", "shop", name)
    at.until(
        lambda: not any(o["metadata"]["name"] == name for o in at.centre.cluster.store.list("deployments"))
    )
    broken_copies(at.centre, [name])
    advance(hands, 1)
    ended(at, PlanState.STALE, "/metadata/uid")
    assert (sent(hands), ours(at, plan)) == ([], 0)


def test_t34_a_connection_that_leads_to_another_cluster_is_not_used(
    at: Scene, hands: Hands, name: str
) -> None:
    with pytest.raises(AssertionError):
        # Not even rehearsed: the draft is refused, so nobody is ever asked to sign it.
        waiting(hands, name, cluster_uid="another cluster")
    ended(at, PlanState.REFUSED, "another cluster")


def test_t34_a_cluster_that_was_swapped_behind_the_address_is_noticed_before_the_send(
    at: Scene, hands: Hands, name: str
) -> None:
    plan = approved(hands, at, name)
    store = at.centre.cluster.store
    space = store._stored(_namespaces(), None, "kube-system")
    before = space["metadata"]["uid"]
    space["metadata"]["uid"] = "another cluster"
    try:
        advance(hands, 1)
    finally:
        space["metadata"]["uid"] = before
    ended(at, PlanState.STALE, "another cluster")
    assert (sent(hands), ours(at, plan)) == ([], 0)


def _namespaces() -> object:
    from evals.world.kubernetes.store import _kind

    return _kind("namespaces")


def test_t36_of_a_plan_of_several_steps_nothing_goes_on_after_one_that_was_refused(
    at: Scene, hands: Hands, centre: DataCentre, request: pytest.FixtureRequest
) -> None:
    first, second, third = copies(centre, request.node.name, 3)
    plan = approved(hands, at, first, second, third)
    # Just before the second step leaves, somebody else changes what it is about.
    meddled = meddling(hands, lambda: by_hand(centre, second, MEDDLED % 5) if sent(hands) else None)
    advance(meddled, 1)
    ended(at, PlanState.PARTIAL)
    assert (len(sent(hands)), ours(at, plan)) == (2, 1)
    view = at.plan()
    assert view is not None
    assert [receipt.http_status for receipt in view.receipts] == [200, 422]
    told = at.told()
    assert told is not None
    card = json.dumps(render(told, hands.seal, "http://here").blocks)
    assert f"{first}" in card
    assert ": done" in card
    assert ": not done (" in card
    assert ": not begun" in card
    # It is over: no later look, restart or second actor begins the rest.
    with hands_of(at) as another:
        advance(another, 1)
        assert sent(another) == []


def test_t36_a_halt_between_two_steps_leaves_the_rest_undone_and_says_so(
    at: Scene, hands: Hands, centre: DataCentre, request: pytest.FixtureRequest
) -> None:
    names = copies(centre, request.node.name, 2)
    plan = approved(hands, at, *names)
    stopped = meddling(hands, hands.halt_file.touch)
    advance(stopped, 1)
    ended(at, PlanState.PARTIAL, "halted")
    assert ours(at, plan) == 1


def claim_of(hands: Hands, plan: Plan) -> Claim:
    held = executions.claim(hands.ledger, plan.id, hands.actor_id, hands.still_valid)
    assert isinstance(held, Claim)
    return held


def test_t37_a_zombie_that_wakes_up_after_its_intent_sends_nothing(
    at: Scene, hands: Hands, name: str
) -> None:
    """As after SIGSTOP between the intent and the send: its own clock tells that its time is over."""
    plan = approved(hands, at, name)
    held = claim_of(hands, plan)
    with suppress(NotOurs):
        perform(hands, replace(held, send_before=0.0))
    assert (sent(hands), ours(at, plan)) == ([], 0)
    view = at.plan()
    assert view is not None
    assert view.state is PlanState.EXECUTING
    assert len(view.receipts) == 1


def test_t37_a_zombie_writes_nothing_once_somebody_else_concluded(at: Scene, hands: Hands, name: str) -> None:
    plan = approved(hands, at, name)
    held = claim_of(hands, plan)
    now = at.ledger.now()
    over = now + (held.lease_until - now) * 3
    at.ledger._clock = lambda: over
    with hands_of(at) as successor:
        advance(successor, 1)
        ended(at, PlanState.NOT_APPLIED)
        assert sent(successor) == []
    with pytest.raises(NotOurs):
        perform(hands, held)
    assert (sent(hands), ours(at, plan)) == ([], 0)
    ended(at, PlanState.NOT_APPLIED)


def test_an_unknown_that_reading_cannot_resolve_calls_people_once(at: Scene, hands: Hands, name: str) -> None:
    plan = approved(hands, at, name)
    held = claim_of(hands, plan)
    executions.intend(hands.ledger, held, 1, "b" * 64)
    by_hand(at.centre, name, MEDDLED % 11)
    now = at.ledger.now()
    over = now + (held.lease_until - now) * 3
    at.ledger._clock = lambda: over
    for _ in range(3):
        advance(hands, 1)
    ended(at, PlanState.UNKNOWN)
    assert len(at.said(Tag.HELP_WANTED)) == 1
    told = at.told()
    assert told is not None
    called = pages(told, read_roster(hands.roster_file).with_members(()))
    assert [page.key for page in called] == [f"page-{plan.id}-unknown"]
    assert called[0].who == (("user", at.centre.addresses()["slack"]["users"]["oncall"]),)
    assert "please look" in json.dumps(render(told, hands.seal, "http://here").blocks)
    assert sent(hands) == []
