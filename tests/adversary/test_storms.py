"""Too many cards, the same card twice, and what was refused before (threats T14, T33, T35; invariant I9)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.auditor.verify import verify
from agents.gatekeeper.digest import tell
from agents.gatekeeper.posting import advance
from agents.incident import Plan, Preview, Verdict
from agents.ledger import decisions, drafts, executions, incidents, investigations, moves, previews
from agents.ledger.executions import Claim
from agents.ledger.lines import MOST_ASKING
from agents.ledger.moves import Standing
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.tags import Tag
from evals.world.slack.people import ADA
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.plans import a_decision, a_delivery, a_plan, a_step, an_alert


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        yield made


def incident(desk: FrontDesk, name: str) -> int:
    """Another incident, by the alert of a group of its own."""
    now = desk.ledger.now()
    alert = an_alert(now, fingerprint=name)
    found = incidents.accept(desk.ledger, [a_delivery(now, alert, group_key=name)])[0].incident
    assert found is not None
    return found


def drafted(desk: FrontDesk, number: int, **changes: Any) -> tuple[Plan, str | Objection]:
    lease = investigations.take(desk.ledger, number, "the test", 60)
    assert lease is not None
    nonce = f"{number:032x}"
    plan = a_plan(desk.ledger.now(), **{"nonce": nonce, "incident": f"INC-{number}", **changes})
    said = investigations.draft(desk.ledger, lease, plan, "why")
    investigations.release(desk.ledger, lease)
    if said == plan.id:
        shown = Preview(plan_id=plan.id, at=desk.ledger.now(), diffs=("-a\n+b",), dry_run_digest="a" * 64)
        assert previews.store_preview(desk.ledger, shown) is None
    return plan, said


def on(name: str) -> Any:
    return (a_step(name=name, uid=f"uid-{name}"),)


def state(desk: FrontDesk, plan: Plan) -> PlanState:
    with desk.ledger.read() as session:
        found = moves.standing(session, plan.id)
    assert isinstance(found, Standing)
    return found.state


def test_t33_no_more_cards_ask_than_people_can_weigh_and_the_next_is_shown_when_one_is_decided(
    desk: FrontDesk,
) -> None:
    plans = [drafted(desk, incident(desk, f"g{n}"), steps=on(f"shop-{n}"))[0] for n in range(MOST_ASKING)]
    for n in range(2, MOST_ASKING + 2):
        desk.run(advance(desk.office, n))
    asking = [plan for plan in [desk.plan, *plans] if state(desk, plan) is PlanState.PENDING]
    assert len(asking) == MOST_ASKING
    waiting = plans[-1]
    assert state(desk, waiting) is PlanState.DRAFT
    assert len(desk.said(Tag.CARD_WAITS)) == 1
    assert not any("shop-4" in json.dumps(m) for m in desk.person().messages())
    desk.run(tell(desk.office, 1))
    (digest,) = [m for m in desk.person().messages() if "shop-4" in json.dumps(m)]
    assert "1 incident waits for room in this channel" in json.dumps(digest)
    no = a_decision(desk.plan, desk.ledger.now(), verdict=Verdict.DENY, reason="no")
    assert decisions.decide(desk.ledger, no) == decisions.Decided(state=PlanState.DENIED)
    desk.run(advance(desk.office, MOST_ASKING + 1))
    assert state(desk, waiting) is PlanState.PENDING
    assert verify(desk.ledger).ok


def test_t33_the_place_is_counted_when_it_is_taken_and_not_only_before(desk: FrontDesk) -> None:
    plans = [drafted(desk, incident(desk, f"g{n}"), steps=on(f"shop-{n}"))[0] for n in range(MOST_ASKING)]
    posted = previews.Posted(channel_id=desk.office.channel_id, message_ts="1.1", card_digest="c")
    answers = [previews.mark_pending(desk.ledger, plan.id, posted) for plan in plans]
    assert answers == [None] * (MOST_ASKING - 1) + [Objection.CHANNEL_FULL]


def test_t33_the_same_change_is_not_asked_for_twice(desk: FrontDesk) -> None:
    plan, said = drafted(desk, incident(desk, "another"))
    assert said is Objection.SAME_PLAN
    assert desk.state() is PlanState.PENDING
    with desk.ledger.read() as session:
        assert moves.standing(session, plan.id) is Objection.NO_SUCH_PLAN


def test_t14_a_newer_plan_for_the_object_supersedes_and_the_old_button_leads_to_it(desk: FrontDesk) -> None:
    payload = desk.click()
    number = incident(desk, "another")
    other = a_step(set={"/spec/template/spec/containers/0/image": "r/checkout:7"})
    plan, said = drafted(desk, number, steps=(other,))
    assert said == plan.id
    assert desk.state() is PlanState.SUPERSEDED
    assert desk.post(desk.forge.request(payload))[0] == 200
    why = desk.said(Tag.CLICK_REFUSED)[-1]
    assert "SUPERSEDED" in why
    assert f"/incidents/{number}" in why
    desk.person(ADA).wait_for_ephemeral(f"/incidents/{number}")
    assert desk.decided() == []


def test_t35_two_plans_never_fight_over_one_object(desk: FrontDesk) -> None:
    decisions.decide(desk.ledger, a_decision(desk.plan, desk.ledger.now()))
    held = executions.claim(desk.ledger, desk.plan.id, "actor-1", lambda _plan, _decision: True)
    assert isinstance(held, Claim)
    other = a_step(set={"/spec/template/spec/containers/0/image": "r/checkout:7"})
    number = incident(desk, "another")
    assert drafted(desk, number, steps=(other,))[1] is Objection.OBJECT_BUSY
    # A namesake that was created meanwhile is just as busy; another object is not.
    assert drafted(desk, number, steps=(other.model_copy(update={"uid": "new"}),))[1] is Objection.OBJECT_BUSY
    beside, said = drafted(desk, number, steps=on("catalog"))
    assert said == beside.id
    executions.finish(desk.ledger, held, PlanState.SUCCEEDED, "done")
    again, said = drafted(desk, incident(desk, "third"), steps=(other,))
    assert said == again.id


def test_t33_what_was_rejected_is_not_proposed_again_before_the_cool_down_is_over(desk: FrontDesk) -> None:
    no = a_decision(desk.plan, desk.ledger.now(), verdict=Verdict.DENY, reason="not now")
    decisions.decide(desk.ledger, no)
    now = desk.ledger.now()
    hour = timedelta(hours=1)
    same = a_step(uid="created anew", set={"/spec/template/spec/containers/0/image": "r/checkout:7"})
    with desk.ledger.read() as session:
        lately = drafts.denied_since(session, same, now - hour)
        assert lately is not None
        assert lately.incident == 1
        for other in (a_step(verb="scale"), a_step(name="catalog"), a_step(namespace="billing")):
            assert drafts.denied_since(session, other, now - hour) is None
        assert drafts.denied_since(session, same, now + timedelta(seconds=1)) is None
