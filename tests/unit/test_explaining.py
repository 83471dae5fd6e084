"""What whoever is refused is told at three in the morning."""

from __future__ import annotations

import pytest

from agents.gatekeeper.clicks import Refusal
from agents.gatekeeper.explaining import ELSEWHERE, NEXT, NOTHING, Against
from agents.ledger.protocol import Objection


def test_every_refusal_says_what_comes_next() -> None:
    assert set(Refusal) <= set(NEXT)


@pytest.mark.parametrize("why", [*Refusal, *Objection], ids=lambda why: f"{type(why).__name__}.{why.name}")
def test_each_says_why_that_nothing_was_changed_and_what_to_do_in_a_few_sentences(
    why: Refusal | Objection,
) -> None:
    against = Against(why=why)
    told = against.words
    # Two reasons may have the same words, and still another thing to do next.
    assert against.why is why
    assert told.endswith(NEXT.get(why, ELSEWHERE))
    first, nothing, then = told.removeprefix("Not counted: ").split(". ", 2)
    assert (first, f"{nothing}.") == (why.value, NOTHING)
    assert then.endswith(".")
    assert then[0].isupper()
    assert len(told) <= 250


def test_what_nobody_can_do_anything_about_is_answered_with_a_look_at_the_card() -> None:
    assert Against(why=Objection.CHANGED_MEANWHILE).words.endswith(ELSEWHERE)


def test_names_of_people_are_told_and_never_recorded() -> None:
    against = Against(why=Refusal.NOT_ON_ROSTER, facts=" of shop", aside="; who may: Ada")
    assert against.recorded == f"{Refusal.NOT_ON_ROSTER.value} of shop"
    assert "on the roster for this of shop; who may: Ada. Nothing was changed by this." in against.words
