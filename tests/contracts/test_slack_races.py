"""What changes between the look at a plan and the word on it: each click that came second is told so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.explaining import Against
from agents.ledger import executions
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.tags import Tag
from evals.world.slack.people import ADA, BEN
from evals.world.slack.wire import JsonObject
from tests.contracts.test_ledger_plans import anyone
from tests.contracts.test_slack_edits import REACH, SCALE, plans
from tests.support.front_desk import FrontDesk, front_desk

# A wait costs nothing once the thing has happened: a busy machine is no fault.
SOON_S = 120.0
FIELDS = {"approve": "digits", "reject": "why", "edit": "value-1"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path, tier=2, steps=(SCALE,), radius=(REACH,)) as opened:
        yield opened
        opened.ledger._clock = None


def filled(desk: FrontDesk, name: str, who: str = ADA) -> JsonObject:
    """The form that this button opens for somebody, filled in as it has to be and not yet sent."""
    person = desk.person(who)
    assert person.click(person.wait_for_button(name)).ok
    form = person.wait_for_view(name)
    typed = {"approve": desk.plan.digest[:6], "reject": "not tonight", "edit": "4"}[name]
    return desk.forge.submission(who, form["id"], {FIELDS[name]: {_action(form): typed}})


def _action(form: JsonObject) -> str:
    return next(str(block["element"]["action_id"]) for block in form["blocks"] if block["type"] == "input")


def sent(desk: FrontDesk, payload: JsonObject) -> str:
    """The form over signed HTTP; what is said at its field, where that is anything."""
    status, body = desk.post(desk.forge.request(payload))
    assert status == 200
    return "".join((json.loads(body)["errors"] if body else {}).values())


def overtaken(desk: FrontDesk, payload: JsonObject, first: Callable[[], object]) -> str:
    """Send a form, and let ``first`` happen after the plan was looked at, while Slack is asked who it is."""
    desk.office._people.clear()
    with ThreadPoolExecutor() as pool, desk.slack.held("users.info") as held:
        answer = pool.submit(sent, desk, payload)
        assert held.asked.wait(SOON_S)
        first()
        held.go.set()
        return answer.result(SOON_S)


def second(desk: FrontDesk, state: PlanState) -> str:
    """What whoever came second is told: how the plan stands now."""
    (standing, *_) = plans(desk.ledger)
    facts = f": {state.value} at {standing.proposal.state_at:%H:%M:%S} UTC"
    return Against(why=Objection.NO_SUCH_EDGE, facts=facts).words


@pytest.mark.parametrize("name", ["approve", "edit"])
def test_whoever_is_overtaken_by_a_rejection_is_told_and_signs_nothing(desk: FrontDesk, name: str) -> None:
    mine, theirs = filled(desk, name), filled(desk, "reject", BEN)
    told = overtaken(desk, mine, lambda: sent(desk, theirs))
    assert told == second(desk, PlanState.DENIED)
    assert desk.decided() == [BEN]
    assert Objection.NO_SUCH_EDGE.value in desk.said(Tag.CLICK_REFUSED)[-1]
    assert [one.state for one in plans(desk.ledger)] == [PlanState.DENIED]


def test_a_rejection_that_is_overtaken_by_the_actor_is_told_that_it_is_being_done(desk: FrontDesk) -> None:
    mine = filled(desk, "reject")
    assert sent(desk, filled(desk, "approve", BEN)) == ""
    told = overtaken(desk, mine, lambda: executions.claim(desk.ledger, desk.plan.id, "actor-1", anyone))
    assert told == second(desk, PlanState.EXECUTING)
    assert desk.decided() == [BEN]
    assert Objection.NO_SUCH_EDGE.value in desk.said(Tag.CLICK_REFUSED)[-1]


def test_a_rejection_after_the_time_to_begin_is_told_that_it_will_not_be_done(desk: FrontDesk) -> None:
    mine = filled(desk, "reject")
    assert sent(desk, filled(desk, "approve", BEN)) == ""
    late = desk.ledger.now() + timedelta(seconds=desk.plan.claim_within_s + 1)
    desk.ledger._clock = lambda: late
    assert sent(desk, mine) == Against(why=Objection.EXPIRED).words
    assert desk.decided() == [BEN]
    assert Objection.EXPIRED.value in desk.said(Tag.CLICK_REFUSED)[-1]
    assert executions.claim(desk.ledger, desk.plan.id, "actor-1", anyone) is Objection.EXPIRED


@pytest.mark.parametrize("name", ["approve", "edit"])
def test_whenever_the_time_is_over_while_a_form_is_judged_it_counts_for_nothing(
    desk: FrontDesk, name: str
) -> None:
    payload, words = filled(desk, name), set()
    # One look at the clock more each time is still within the time, until the form counts.
    for looks in range(12):
        desk.ledger._clock = running_out(desk.plan.pending_until, looks)
        told = sent(desk, payload | {"trigger_id": f"try {looks}"})
        if not told:
            break
        words.add(told)
        assert desk.decided() == []
        assert [one.state for one in plans(desk.ledger)] == [PlanState.PENDING]
        assert len(desk.said(Tag.CLICK_REFUSED)) == looks + 1
    assert words == {Against(why=Refusal.TOO_LATE).words, Against(why=Objection.EXPIRED).words}
    assert not told


def running_out(end: datetime, looks: int) -> Callable[[], datetime]:
    """A clock that stands at ``end`` for so many looks and is past it from then on."""
    left = iter([end] * looks)
    return lambda: next(left, end + timedelta(milliseconds=1))
