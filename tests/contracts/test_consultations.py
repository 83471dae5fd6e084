"""Questions to a model in the ledger: kept once, counted over all incidents, and the breaker they open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from agents.ledger import breaker, consultations, investigations
from agents.ledger.breaker import Breaker
from agents.ledger.consultations import Asked, Ended
from agents.ledger.incidents import accept
from agents.ledger.investigations import Lease, LeaseLost
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from tests.support.plans import a_delivery, an_alert

LIMITS = Breaker(tokens_per_hour=10_000, failures=2, rest_s=60)
ASKED = Asked(
    turn=1, stage="opinion", key="a" * 64, prompt="opinion@b", model="m", reserved=1_000, seconds=30
)
WELL = Ended(
    outcome="answered",
    input_tokens=700,
    output_tokens=50,
    cost=1_200,
    claims=4,
    dropped=1,
    answer={"prose": "x"},
)
AWAY = Ended(outcome="unavailable", problem="no answer in time", input_tokens=100, estimated=True)


def lease(ledger: Ledger, clock, number: int = 1) -> Lease:
    labels = {"alertname": f"A{number}", "namespace": "shop"}
    delivery = a_delivery(
        clock(), an_alert(clock(), labels=labels, fingerprint=f"f{number}"), group_key=f"g{number}"
    )
    accept(ledger, [delivery])
    taken = investigations.take(ledger, number, "worker", 100_000)
    assert taken is not None
    return taken


def asks(ledger: Ledger, held: Lease, **changes) -> int | str:
    return consultations.begin(ledger, held, replace(ASKED, **changes), LIMITS)


def asked(ledger: Ledger, held: Lease, ended: Ended = WELL, **changes) -> None:
    number = asks(ledger, held, **changes)
    assert isinstance(number, int), number
    consultations.end(ledger, held, number, ended)


def test_a_question_and_its_answer_are_kept_once_and_stand_in_the_record(ledger, clock):
    held = lease(ledger, clock)
    number = asks(ledger, held)
    with ledger.read() as session:
        (open_one,) = consultations.of_incident(session, 1)
        assert consultations.kept(session, 1, ASKED.key) is None
    assert (open_one.outcome, open_one.tokens, open_one.cost) == ("", None, None)
    consultations.end(ledger, held, number, WELL)
    consultations.end(ledger, held, number, replace(WELL, cost=0, answer={"prose": "y"}))
    with ledger.read() as session:
        (told,) = consultations.of_incident(session, 1)
        assert consultations.kept(session, 1, ASKED.key) == {"prose": "x"}
        assert consultations.kept(session, 1, "c" * 64) is None
        assert consultations.kept(session, 2, ASKED.key) is None
        tags = session.exec(select(AuditRow.body).where(AuditRow.tag == Tag.MODEL_ANSWERED.value)).all()
    assert (told.outcome, told.tokens, told.cost, told.prompt) == ("answered", 750, 1_200, "opinion@b")
    (body,) = tags
    assert b'"cost_millionths":1200' in body
    assert b'"prompt":"opinion@b"' in body


def test_what_a_model_said_is_redacted_before_it_is_kept(ledger, clock):
    held, secret = lease(ledger, clock), "ghp_" + "aB3dE6gH9j" * 3 + "kL2nP5"
    said = replace(WELL, problem=secret, answered_by=secret, answer={"prose": f"it is {secret}"})
    asked(ledger, held, said)
    with ledger.read() as session:
        row = (
            session.connection().execute(text("SELECT problem, answered_by, answer FROM consultation")).one()
        )
    assert secret not in str(row)


def test_who_lost_the_lease_writes_neither_question_nor_answer(ledger, clock):
    held = lease(ledger, clock)
    number = asks(ledger, held)
    clock.forward(200_000)
    investigations.take(ledger, 1, "another", 60)
    with pytest.raises(LeaseLost):
        asks(ledger, held)
    with pytest.raises(LeaseLost):
        consultations.end(ledger, held, number, WELL)


def test_nobody_changes_a_question_or_takes_an_answer_back(ledger, clock):
    asked(ledger, lease(ledger, clock))
    for change in ("UPDATE consultation SET cost = 0", "DELETE FROM consultation"):
        with pytest.raises(DBAPIError, match="append-only"), ledger.writer.begin() as connection:
            connection.execute(text(change))


def test_an_hour_s_tokens_are_those_of_all_incidents_and_come_back(ledger, clock):
    first, second = lease(ledger, clock), lease(ledger, clock, 2)
    for _ in range(9):
        # Whoever asks and is killed has spent, as far as anybody knows, all that it might.
        assert isinstance(asks(ledger, first), int)
    asked(ledger, second, model="another")
    assert isinstance(why := asks(ledger, second), str)
    assert why == "9750 of the 10000 tokens for an hour, over all incidents, are spent or taken"
    assert isinstance(asks(ledger, second, reserved=250), int)
    clock.forward(3601)
    assert isinstance(asks(ledger, second), int)


def test_a_model_that_fails_again_and_again_rests_and_then_one_question_tries_it(ledger, clock):
    first, second = lease(ledger, clock), lease(ledger, clock, 2)
    asked(ledger, first, AWAY)
    asked(ledger, second, AWAY)
    assert isinstance(why := asks(ledger, first), str)
    assert why == (
        "m failed 2 times in a row or more, the last time: no answer in time; it rests until 00:31:00 UTC"
    )
    assert isinstance(asks(ledger, first, model="another"), int), "only the one that fails"
    clock.forward(61)
    trial = asks(ledger, first)
    assert isinstance(trial, int)
    assert isinstance(why := asks(ledger, second), str)
    assert why.endswith("another incident is just trying it")
    consultations.end(ledger, first, trial, AWAY)
    clock.forward(61)
    assert isinstance(asks(ledger, second), str), "twice as long as the first time"
    clock.forward(60)
    asked(ledger, second)
    assert isinstance(asks(ledger, first), int)
    assert isinstance(asks(ledger, second), int), "one answer, and everybody may ask again"


def test_a_trial_that_never_ends_blocks_the_next_for_its_own_time_only(ledger, clock):
    held = lease(ledger, clock)
    for _ in range(2):
        asked(ledger, held, AWAY)
    clock.forward(61)
    assert isinstance(asks(ledger, held), int)
    assert isinstance(asks(ledger, held), str)
    clock.forward(31)
    assert isinstance(asks(ledger, held), int)


def test_what_an_incident_spent_is_known_whoever_was_killed(ledger, clock):
    first, second = lease(ledger, clock), lease(ledger, clock, 2)
    asked(ledger, first)
    asks(ledger, first)
    asked(ledger, second)
    with ledger.read() as session:
        assert consultations.spent_on(session, 1) == (2, 1_750)
        assert consultations.spent_on(session, 3) == (0, 0)
        assert breaker.spent_since(session, clock() - breaker.HOUR) == 2_500


def test_claims_that_did_not_hold_are_counted_for_each_model(ledger, clock):
    held = lease(ledger, clock)
    asked(ledger, held)
    asked(ledger, held, replace(WELL, claims=4, dropped=3))
    asked(ledger, held, replace(AWAY, cost=50), model="priced")
    asked(ledger, held, AWAY, model="unpriced")
    with ledger.read() as session:
        tallies = {one.model: one for one in consultations.tallies(session)}
        assert consultations.tallies(session, since=clock()) == []
    assert tallies["m"].unsupported == 0.5
    assert (tallies["m"].questions, tallies["m"].answered, tallies["m"].tokens) == (2, 2, 1_500)
    assert tallies["m"].cost == 2_400
    assert (tallies["priced"].answered, tallies["priced"].cost) == (0, 50)
    assert tallies["priced"].unsupported is None
    assert tallies["unpriced"].cost is None, "unknown is not nothing"


def test_whoever_tries_another_model_is_in_nobodys_way(ledger, clock):
    first, second = lease(ledger, clock), lease(ledger, clock, 2)
    assert isinstance(asks(ledger, first, model="another", seconds=300), int)
    asked(ledger, first, AWAY)
    asked(ledger, second, AWAY)
    clock.forward(61)
    assert isinstance(asks(ledger, second), int)


def test_of_answers_in_one_instant_the_last_one_counts(ledger, clock):
    held = lease(ledger, clock)
    for ended in (AWAY, AWAY, WELL):
        number = consultations.begin(ledger, held, ASKED, replace(LIMITS, failures=9))
        consultations.end(ledger, held, number, ended)
    assert isinstance(asks(ledger, held), int)


def test_a_rest_that_is_over_at_this_very_moment_is_over(ledger, clock):
    held = lease(ledger, clock)
    asked(ledger, held, AWAY)
    asked(ledger, held, AWAY)
    clock.forward(60)
    assert isinstance(asks(ledger, held), int)


def test_an_hour_ago_to_the_second_is_no_more_of_this_hour(ledger, clock):
    held = lease(ledger, clock)
    asked(ledger, held, replace(WELL, input_tokens=9_000))
    clock.forward(3_599)
    assert isinstance(asks(ledger, held), str)
    clock.forward(1)
    assert isinstance(asks(ledger, held, reserved=10_000), int)


def test_the_answer_that_came_last_counts_whatever_was_asked_first(ledger, clock):
    held = lease(ledger, clock)
    numbers = [asks(ledger, held) for _ in range(3)]
    for number, ended in ((numbers[1], AWAY), (numbers[2], AWAY), (numbers[0], WELL)):
        clock.forward(1)
        consultations.end(ledger, held, number, ended)
    assert isinstance(asks(ledger, held), int)


def test_the_last_failure_is_the_one_that_is_told(ledger, clock):
    held = lease(ledger, clock)
    asked(ledger, held, AWAY)
    clock.forward(1)
    asked(ledger, held, replace(AWAY, problem="it refused"))
    assert "the last time: it refused; it rests until 00:31:01 UTC" in str(asks(ledger, held))


@pytest.mark.parametrize("failures", [1, 5])
def test_as_many_failures_as_are_allowed_are_looked_at(ledger, clock, failures):
    held, limits = lease(ledger, clock), replace(LIMITS, failures=failures)
    for _ in range(failures):
        number = consultations.begin(ledger, held, ASKED, limits)
        assert isinstance(number, int)
        consultations.end(ledger, held, number, AWAY)
    assert isinstance(consultations.begin(ledger, held, ASKED, limits), str)


def test_a_trial_that_ended_is_tried_no_more_and_one_without_an_end_until_its_moment(ledger, clock):
    held, limits = lease(ledger, clock), replace(LIMITS, rest_s=10)
    for _ in range(2):
        asked(ledger, held, AWAY)
    clock.forward(10)
    trial = consultations.begin(ledger, held, replace(ASKED, seconds=300), limits)
    assert isinstance(trial, int), "those before it have ended as well"
    consultations.end(ledger, held, trial, AWAY)
    clock.forward(20)
    assert isinstance(consultations.begin(ledger, held, ASKED, limits), int), "it has ended, in vain"
    clock.forward(29)
    assert isinstance(consultations.begin(ledger, held, ASKED, limits), str)
    clock.forward(1)
    assert isinstance(consultations.begin(ledger, held, ASKED, limits), int)


def test_of_a_long_problem_three_hundred_characters_are_kept(ledger, clock):
    held = lease(ledger, clock)
    asked(ledger, held, replace(AWAY, problem="p " * 400, answered_by="a " * 400))
    with ledger.read() as session:
        (one,) = consultations.of_incident(session, 1)
    assert (len(one.problem), len(one.answered_by)) == (300, 100)


def test_the_same_question_asked_again_is_answered_by_the_newest_answer(ledger, clock):
    held = lease(ledger, clock)
    for answer in ("x", "y"):
        asked(ledger, held, replace(WELL, answer={"prose": answer}))
    with ledger.read() as session:
        assert consultations.kept(session, 1, ASKED.key) == {"prose": "y"}


def test_what_took_no_tokens_is_known_to_have_taken_none(ledger, clock):
    held = lease(ledger, clock)
    asked(ledger, held, Ended(outcome="refused"))
    with ledger.read() as session:
        (told,) = consultations.of_incident(session, 1)
    assert told.tokens == 0
