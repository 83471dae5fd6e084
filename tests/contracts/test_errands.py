"""What people ask for is kept between the two agents that do and tell it, on both databases."""

from __future__ import annotations

import pytest

from agents.auditor.verify import verify
from agents.ledger import errands, payloads
from agents.ledger.errands import AN_HOUR, TO_DO, TO_TELL, Errand
from agents.ledger.store import Ledger
from tests.contracts.conftest import HandClock
from tests.support.plans import ADA, BEN
from tests.support.pretend_queue import RememberingQueue

LOOK = Errand(kind="analyze", subject="shop", by=ADA, channel_id="C1")
SECRET = "ghp_" + "a1B2c3D4e5F6" * 3


def kept(ledger: Ledger, number: int) -> Errand:
    with ledger.read() as session:
        found = errands.errand(session, number)
    assert found is not None
    return found


def test_a_wish_is_done_and_told_once_and_holds_no_secret(ledger: Ledger, clock: HandClock) -> None:
    assert errands.ask(ledger, LOOK) == 1
    assert isinstance(errands.ask(ledger, LOOK), str)
    assert errands.ask(ledger, LOOK.model_copy(update={"by": BEN})) == 2
    errands.answer(ledger, 1, {"findings": [f"token {SECRET}"]})
    errands.answer(ledger, 1, {"findings": ["something else"]})
    answer = kept(ledger, 1).answer
    assert answer is not None
    assert answer["findings"] != ["something else"]
    assert SECRET not in str(answer)
    assert not kept(ledger, 1).told
    errands.told(ledger, 1)
    assert kept(ledger, 1).told
    assert isinstance(ledger.queue, RememberingQueue)
    assert [(job.lane, job.incident) for job in ledger.queue.jobs] == [(TO_DO, 1), (TO_DO, 2), (TO_TELL, 1)]
    assert kept(ledger, 1).asked_at == clock()
    assert verify(ledger).ok


def test_the_words_of_a_question_stand_apart_so_that_they_can_be_erased(ledger: Ledger) -> None:
    asked = Errand(kind="question", by=ADA, channel_id="C1", thread_ts="1.1")
    assert errands.ask(ledger, asked, "how many?") == 1
    with ledger.read() as session:
        assert payloads.words_of(session, kept(ledger, 1).subject)[0] == "how many?"
    payloads.erase(ledger, user="U0ADA", by="somebody")
    with ledger.read() as session:
        assert payloads.words_of(session, kept(ledger, 1).subject)[0] == payloads.ERASED
    assert verify(ledger).ok


def test_a_wish_that_is_not_there_is_nothing(ledger: Ledger) -> None:
    errands.answer(ledger, 7, {})
    errands.told(ledger, 7)
    with ledger.read() as session:
        assert errands.errand(session, 7) is None
    assert verify(ledger).events == 0


@pytest.mark.parametrize("kind", sorted(AN_HOUR))
def test_each_kind_of_wish_has_a_bound_of_its_own(kind: str, ledger: Ledger, clock: HandClock) -> None:
    wish = LOOK.model_copy(update={"kind": kind})
    for number in range(1, AN_HOUR[kind] + 1):
        assert errands.ask(ledger, wish) == number
        errands.answer(ledger, number, {})
    assert "within an hour" in str(errands.ask(ledger, wish))
    clock.forward(3600)
    assert isinstance(errands.ask(ledger, wish), int)
