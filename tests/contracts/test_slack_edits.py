"""Edit: a form in the pretend Slack, another plan in the ledger, and nobody signs their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.posting import advance
from agents.incident import Plan, Preview
from agents.ledger import decisions, edits, moves, previews
from agents.ledger.moves import Standing
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger
from agents.ledger.tags import Tag
from evals.world.slack import Outcome
from evals.world.slack.people import ADA, BEN, MIA
from tests.contracts.conftest import HandClock
from tests.contracts.test_slack_desk import posted
from tests.support.front_desk import FrontDesk, front_desk
from tests.support.plans import ADA as ADA_HERE
from tests.support.plans import a_decision, a_plan, a_step
from tools.policy.facts import Budget, Radius

COUNT = "/spec/replicas"
SCALE = a_step(verb="scale", expect={"/metadata/generation": 4, COUNT: 3}, set={COUNT: 5})
REACH = Radius(replicas=3, budget=Budget(name="web", need=2, allowed=1))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path, steps=(SCALE,), radius=(REACH,)) as opened:
        yield opened


def types(desk: FrontDesk, value: str, who: str = ADA) -> Outcome:
    person = desk.person(who)
    assert person.click(person.wait_for_button("edit")).ok
    return person.submit(person.wait_for_view("edit")["id"], {"value-1": {"typed": value}})


def plans(ledger: Ledger) -> list[Standing]:
    with ledger.read() as session:
        found = [moves.standing(session, plan_id) for plan_id in moves.plan_ids(session, 1)]
    assert all(isinstance(one, Standing) for one in found)
    return [one for one in found if isinstance(one, Standing)]


def rehearsed(desk: FrontDesk, plan: Plan) -> None:
    shown = Preview(plan_id=plan.id, at=desk.ledger.now(), diffs=("-3\n+4",), dry_run_digest="b" * 64)
    assert previews.store_preview(desk.ledger, shown) is None
    desk.run(advance(desk.office, 1))


def test_what_is_typed_becomes_a_new_plan_that_somebody_else_has_to_sign(desk: FrontDesk) -> None:
    assert types(desk, "4").ok
    old, new = plans(desk.ledger)
    assert (old.state, new.state) == (PlanState.SUPERSEDED, PlanState.DRAFT)
    assert new.plan.steps[0].set == {COUNT: 4}
    assert new.plan.steps[0].expect == SCALE.expect
    assert (new.plan.requester, new.plan.supersedes) == (ADA, desk.plan.id)
    assert new.plan.digest != desk.plan.digest
    (said,) = desk.said(Tag.PLAN_EDITED)
    assert new.plan.digest in said
    rehearsed(desk, new.plan)
    ada, ben = desk.person(ADA), desk.person(BEN)
    shown = json.dumps(ada.wait_for_button("approve").message)
    assert "Edited by  " in shown
    assert f'{{"type": "user", "user_id": "{ADA}"}}' in shown
    ada.click(ada.wait_for_button("approve"))
    ada.wait_for_ephemeral(Refusal.OWN_REQUEST.value)
    assert plans(desk.ledger)[1].state is PlanState.PENDING
    assert ben.click(ben.wait_for_button("approve")).ok
    assert plans(desk.ledger)[1].state is PlanState.APPROVED


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("1", "allowed: 2 to 100."),
        ("lots", "this is no number"),
        ("5", "what the plan says"),
        ("3", "what is there now"),
    ],
)
def test_a_wrong_value_is_told_beside_its_field_and_the_form_stays(
    desk: FrontDesk, typed: str, says: str
) -> None:
    answer = types(desk, typed)
    assert says in answer.errors["value-1"]
    assert desk.person().open_views()
    assert [one.state for one in plans(desk.ledger)] == [PlanState.PENDING]


def test_whoever_may_not_sign_sees_no_form(desk: FrontDesk) -> None:
    mia = desk.person(MIA)
    mia.click(mia.wait_for_button("edit"))
    mia.wait_for_ephemeral(Refusal.NOT_ON_ROSTER.value)
    assert mia.open_views() == []


def test_an_edit_of_what_was_signed_meanwhile_is_refused_in_the_form(desk: FrontDesk) -> None:
    ada, ben = desk.person(ADA), desk.person(BEN)
    assert ada.click(ada.wait_for_button("edit")).ok
    form = ada.wait_for_view("edit")
    assert ben.click(ben.wait_for_button("approve")).ok
    answer = ada.submit(form["id"], {"value-1": {"typed": "4"}})
    assert answer.errors
    assert [one.state for one in plans(desk.ledger)] == [PlanState.APPROVED]


def test_a_plan_with_nothing_to_type_offers_no_edit(tmp_path: Path) -> None:
    with front_desk(tmp_path) as desk:
        assert '"edit"' not in json.dumps(desk.person().wait_for_button("approve").message)
        # A forged click on it is told why all the same.
        assert desk.forge.deliver(desk.click(action_id="edit")).acknowledged
        desk.person().wait_for_ephemeral(Refusal.NOTHING_TO_EDIT.value)


def new_plan(old: Plan, clock: HandClock) -> Plan:
    changed = a_step(set={"/spec/template/spec/containers/0/image": "r/checkout:7"})
    return a_plan(clock(), steps=(changed,), supersedes=old.id, requester="U0ADA", nonce="9" * 32)


def test_the_same_edit_twice_is_one_plan(ledger: Ledger, clock: HandClock) -> None:
    old = posted(ledger, clock)
    new = new_plan(old, clock)
    first = edits.edit(ledger, new, ADA_HERE, "edited")
    assert first == new.id
    assert edits.edit(ledger, new, ADA_HERE, "edited") == first
    assert [one.state for one in plans(ledger)] == [PlanState.SUPERSEDED, PlanState.DRAFT]


def test_what_is_decided_or_over_cannot_be_edited_any_more(ledger: Ledger, clock: HandClock) -> None:
    old = posted(ledger, clock)
    new = new_plan(old, clock)
    clock.forward(1801)
    assert edits.edit(ledger, new, ADA_HERE, "edited") is Objection.EXPIRED
    clock.forward(-1801)
    decisions.decide(ledger, a_decision(old, clock()))
    assert edits.edit(ledger, new, ADA_HERE, "edited") is Objection.NO_SUCH_EDGE
    gone = new.model_copy(update={"supersedes": "f" * 16})
    assert edits.edit(ledger, gone, ADA_HERE, "edited") is Objection.NO_SUCH_PLAN
