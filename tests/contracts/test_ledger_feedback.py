"""What people say of a diagnosis is kept, counted and told in the record: on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from agents.incident import Approver, Diagnosis
from agents.ledger import incidents, investigations
from agents.ledger.feedback import Grade, NothingToJudge, counts, judge, of_incident
from agents.ledger.notification import Delivery
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.support.plans import ADA, BEN, a_delivery, an_alert


def opened(ledger: Ledger, given: Delivery) -> int:
    [accepted] = incidents.accept(ledger, [given])
    assert accepted.incident is not None
    return accepted.incident


def diagnosed(ledger: Ledger, clock: HandClock, name: str = "f", rounds: int = 1) -> int:
    given = a_delivery(clock(), an_alert(clock(), fingerprint=name), group_key=name)
    number = opened(ledger, given)
    lease = investigations.take(ledger, number, "worker", 60)
    assert lease is not None
    for turn in range(1, rounds + 1):
        found = Diagnosis(cause=None, confidence="none")
        investigations.write_diagnosis(ledger, lease, turn, found)
    return number


def told(ledger: Ledger) -> int:
    with ledger.read() as session:
        graded = select(AuditRow).where(AuditRow.tag == Tag.DIAGNOSIS_GRADED.value)
        return len(session.exec(graded).all())


def test_the_last_word_of_each_person_counts_and_every_word_is_told(ledger: Ledger, clock: HandClock):
    number = diagnosed(ledger, clock)
    judge(ledger, number, ADA, Grade.WRONG)
    clock.forward(60)
    judge(ledger, number, ADA, Grade.RIGHT)
    judge(ledger, number, BEN, Grade.PARTLY)
    with ledger.read() as session:
        said = {one.by: one.grade for one in of_incident(session, number)}
        assert said == {ADA: Grade.RIGHT, BEN: Grade.PARTLY}
        assert counts(session) == {Grade.RIGHT: 1, Grade.CAUSE: 0, Grade.PARTLY: 1, Grade.WRONG: 0}
    assert told(ledger) == 3


def test_the_same_word_twice_is_told_once(ledger: Ledger, clock: HandClock):
    number = diagnosed(ledger, clock)
    first = judge(ledger, number, ADA, Grade.CAUSE)
    clock.forward(60)
    assert judge(ledger, number, ADA, Grade.CAUSE) == first
    assert told(ledger) == 1


def test_people_of_two_workspaces_with_the_same_id_are_two_people(ledger: Ledger, clock: HandClock):
    number = diagnosed(ledger, clock)
    judge(ledger, number, ADA, Grade.RIGHT)
    judge(ledger, number, Approver(team_id="T0OTHER", user_id=ADA.user_id), Grade.WRONG)
    with ledger.read() as session:
        assert len(of_incident(session, number)) == 2


def test_a_judgement_names_the_round_that_was_judged(ledger: Ledger, clock: HandClock):
    number = diagnosed(ledger, clock, rounds=2)
    assert judge(ledger, number, ADA, Grade.RIGHT).round == 2


def test_counting_can_begin_at_a_time(ledger: Ledger, clock: HandClock):
    judge(ledger, diagnosed(ledger, clock, "old"), ADA, Grade.WRONG)
    clock.forward(7200)
    judge(ledger, diagnosed(ledger, clock, "new"), ADA, Grade.RIGHT)
    with ledger.read() as session:
        lately = counts(session, clock() - timedelta(hours=1))
    assert lately == {Grade.RIGHT: 1, Grade.CAUSE: 0, Grade.PARTLY: 0, Grade.WRONG: 0}


def test_where_nothing_was_diagnosed_nothing_can_be_judged(ledger: Ledger, clock: HandClock):
    number = opened(ledger, a_delivery(clock(), an_alert(clock())))
    for one in (number, 999):
        with pytest.raises(NothingToJudge):
            judge(ledger, one, ADA, Grade.RIGHT)
    assert told(ledger) == 0
