"""Which rows of the past tell something of a cause, and from what moment: at the borders of each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from agents.incident import Recovery
from agents.ledger.memory import WITHIN, judge, last_known, tried
from agents.ledger.past import Bent, Fate, events
from agents.ledger.protocol import Agent, PlanState
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from tests.contracts.test_ledger_hidden import bend
from tests.contracts.test_ledger_memory import BAD_IMAGE, CHECKOUT, DONE, Desk, fates

CART = BAD_IMAGE.model_copy(update={"object": CHECKOUT.model_copy(update={"name": "cart"})})
ELSEWHERE = BAD_IMAGE.model_copy(update={"object": CHECKOUT.model_copy(update={"namespace": "bank"})})
OTHER = BAD_IMAGE.model_copy(update={"code": "workload.memory.limit_reached"})


@pytest.fixture
def desk(ledger, clock):
    return Desk(ledger, clock)


def test_what_is_proposed_the_moment_another_cause_is_written_is_for_the_other_one(desk):
    lease = desk.opens(OTHER)
    desk.clock.forward(1)
    desk.believes(lease, BAD_IMAGE, 2)
    desk.clock.forward(-1)
    desk.drafts(lease)
    desk.ends(lease, PlanState.SUCCEEDED, Recovery.RECOVERED)
    desk.closes(lease)
    desk.opens()
    assert fates(desk.past(BAD_IMAGE)) == [(1, [Fate.HELPED])]
    assert fates(desk.past(OTHER)) == [(1, [])]


def test_of_one_cause_in_two_objects_what_was_done_about_this_one_counts(desk):
    lease = desk.opens(CART)
    desk.drafts(lease)
    desk.ends(lease, PlanState.FAILED)
    desk.believes(lease, BAD_IMAGE, 2)
    desk.closes(lease)
    desk.opens()
    assert [(one.object.name, one.attempts) for one in desk.past()] == [("checkout", ())]
    (past,) = desk.past(CART)
    assert (past.object.name, [one.fate for one in past.attempts]) == ("cart", [Fate.REFUSED])


def test_a_first_diagnosis_without_a_cause_bends_nothing(desk):
    lease = desk.opens(None)
    desk.believes(lease, BAD_IMAGE, 2)
    desk.closes(lease)
    desk.opens()
    assert [(one.incident, one.bent) for one in desk.past()] == [(1, False)]


def test_a_plan_that_got_on_without_a_recorded_move_tells_nothing(desk):
    lease = desk.opens()
    desk.drafts(lease)
    desk.closes(lease)
    desk.opens()
    assert not desk.past()[0].bent, "a draft that nobody moved is what it says"
    bend(desk.ledger, "UPDATE proposal SET state = 'FAILED'")
    assert desk.past()[0].bent


def test_a_verdict_that_was_turned_round_is_found_to_be_bent(desk):
    desk.whole(PlanState.SUCCEEDED, Recovery.NOT_RECOVERED)
    desk.opens()
    assert fates(desk.past()) == [(1, [Fate.NOT_HELPED])]
    row = judged(desk)
    turned = row.body.replace(Recovery.NOT_RECOVERED.value.encode(), Recovery.RECOVERED.value.encode())
    bend(desk.ledger, "UPDATE audit SET body = :body WHERE seq = :seq", body=turned, seq=row.seq)
    assert [(one.bent, one.attempts) for one in desk.past()] == [(True, ())]


def test_what_helped_at_once_took_no_seconds_and_the_last_verdict_counts(desk):
    lease = desk.opens()
    desk.drafts(lease)
    desk.moves(*DONE, (PlanState.SUCCEEDED, Agent.ACTOR))
    for found in (Recovery.NOT_RECOVERED, Recovery.RECOVERED):
        judge(desk.ledger, lease, desk.plan.id, found)
    desk.closes(lease)
    desk.opens()
    (attempt,) = desk.past()[0].attempts
    assert (attempt.fate, attempt.seconds) == (Fate.HELPED, 0)


def test_an_event_under_another_tag_is_found_to_be_bent(desk):
    desk.whole()
    moved, judged = Tag.PLAN_MOVED, Tag.CHANGE_JUDGED
    bend(desk.ledger, "UPDATE audit SET tag = :to WHERE tag = :was", to=judged.value, was=moved.value)
    with desk.ledger.read() as session, pytest.raises(Bent):
        list(events(session, judged, plan_id=desk.plan.id))


def test_an_event_of_another_plan_is_found_to_be_bent(desk):
    desk.whole()
    bend(desk.ledger, "UPDATE audit SET plan_id = 'another' WHERE plan_id <> ''")
    with desk.ledger.read() as session, pytest.raises(Bent):
        list(events(session, Tag.PLAN_MOVED, plan_id="another"))


@pytest.mark.parametrize(("newer", "alert"), [(ELSEWHERE, "KubePodNotReady"), (BAD_IMAGE, "SomethingElse")])
def test_a_newer_one_that_is_about_something_else_does_not_end_the_search(desk, newer, alert):
    desk.closes(desk.opens())
    desk.closes(desk.opens(newer, alert=alert))
    desk.opens()
    with desk.ledger.read() as session:
        known = last_known(session, desk.number, frozenset({CHECKOUT.key}))
    assert known is not None
    assert known.incident == 1


def test_after_half_a_year_to_the_second_nothing_is_remembered(desk):
    begun = desk.clock()
    desk.whole()
    desk.clock.at = begun + WITHIN - timedelta(seconds=1)
    desk.opens()
    assert [one.incident for one in desk.past()] == [1]
    desk.clock.forward(1)
    desk.opens()
    assert desk.past() == ()


def test_what_was_done_in_this_incident_comes_before_what_was_done_in_others(desk):
    desk.whole()
    lease = desk.opens()
    assert [one.incident for one in tries(desk)] == [1]
    desk.drafts(lease)
    desk.ends(lease, PlanState.SUCCEEDED, Recovery.NOT_RECOVERED)
    assert fates(tries(desk)) == [(2, [Fate.NOT_HELPED]), (1, [Fate.HELPED])]
    assert tries(desk, None) == ()
    bend(desk.ledger, "UPDATE proposal SET state = 'FAILED'")
    assert [(one.incident, one.bent, one.code) for one in tries(desk)] == [
        (2, True, BAD_IMAGE.code),
        (1, True, BAD_IMAGE.code),
    ]


def tries(desk, cause=BAD_IMAGE):
    with desk.ledger.read() as session:
        return tried(session, desk.number, cause)


def test_a_verdict_is_said_again_when_it_is_another_one_and_then_once(desk):
    lease = desk.opens()
    desk.drafts(lease)
    for found in (Recovery.NOT_RECOVERED, Recovery.RECOVERED, Recovery.RECOVERED):
        judge(desk.ledger, lease, desk.plan.id, found)
    with desk.ledger.read() as session:
        said = [body["found"] for body, _ in events(session, Tag.CHANGE_JUDGED, plan_id=desk.plan.id)]
    assert said == [Recovery.NOT_RECOVERED.value, Recovery.RECOVERED.value]


def judged(desk):
    with desk.ledger.read() as session:
        return session.exec(select(AuditRow).where(AuditRow.tag == Tag.CHANGE_JUDGED.value)).one()


def test_a_verdict_is_recorded_with_its_incident_and_its_plan(desk):
    desk.whole()
    assert (judged(desk).incident, judged(desk).plan_id) == (1, desk.plan.id)
