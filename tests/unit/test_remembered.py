"""What the card says of earlier incidents: one line, from the ledger's rows, and nothing in it is alive."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.gatekeeper.remembered import remembered_blocks, told
from agents.incident import Diagnosis, Hypothesis, Incident, IncidentState, Recovery
from agents.ledger.past import Attempt, Fate, Past
from agents.ledger.story import Story
from tests.support.live_text import alive, texts
from tests.support.plans import a_step, an_alert
from tests.support.world_cluster import START
from tools.kubernetes.objects import ObjectRef

OURS = "http://midwatch.example"
CHECKOUT = ObjectRef(kind="Deployment", namespace="shop", name="checkout")


def past(*attempts: Attempt, **more: Any) -> Past:
    values: dict[str, Any] = {
        "incident": 12,
        "at": START - timedelta(days=3),
        "code": "c",
        "object": CHECKOUT,
    }
    return Past(**(values | {"attempts": attempts} | more))


def tried(fate: Fate, **more: Any) -> Attempt:
    return Attempt(step=a_step(), fate=fate, at=START - timedelta(days=3), **more)


def story(*known: Past) -> Story:
    incident = Incident(
        number=20,
        cluster="demo",
        group_key="g",
        title="t",
        severity="critical",
        state=IncidentState.OPEN,
        phase="",
        opened_at=START,
        alerts=(an_alert(START),),
    )
    cause = Hypothesis(code="c", object=CHECKOUT, sentence="It is bad.", score=0.9)
    found = Diagnosis(cause=cause, confidence="high")
    return Story(incident=incident, evidence=(), diagnosis=found, plans=(), outcome=None, past=known)


def line(*known: Past) -> str:
    (block,) = remembered_blocks(story(*known), OURS)
    return " ".join(texts(block))


def test_the_card_says_when_what_and_how_long_it_took_in_one_line() -> None:
    said = line(past(tried(Fate.HELPED, seconds=130)))
    assert "Seen before" in said
    assert "INC-12, 3 days before: the same cause; " in said
    assert "r/checkout:8" in said
    assert "recovered it in 2 min" in said
    assert "more on the page" not in said
    assert remembered_blocks(story(), OURS) == []


def test_the_newest_is_told_and_the_others_are_counted() -> None:
    said = line(past(tried(Fate.NOT_HELPED), incident=14), past(tried(Fate.HELPED)), past())
    assert "INC-14, " in said
    assert "did not help" in said
    assert "2 more on the page of INC-20." in said


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (past(recovery=Recovery.NOTHING_DONE), "the same cause; ended as nothing done."),
        (past(bent=True), "its rows do not fit the record, so nothing is concluded from it."),
        (past(tried(Fate.REJECTED, words="U0ADA: not at night")), ": was rejected, U0ADA: not at night."),
        (past(tried(Fate.REFUSED)), ": was refused by the cluster."),
        (
            past(object=CHECKOUT.model_copy(update={"name": "cart"})),
            "the same cause of Deployment shop/cart;",
        ),
        (past(), "the same cause; its end is not known."),
        (
            past(tried(Fate.NOT_HELPED), tried(Fate.REFUSED)),
            ": did not help; Set the image of the container in Deployment shop/checkout",
        ),
        (past(at=START - timedelta(days=2)), "2 days before"),
        (past(at=START - timedelta(minutes=90)), "1 hour before"),
        (past(at=START - timedelta(hours=1)), "1 hour before"),
        (past(at=START - timedelta(minutes=1)), "1 min before"),
        (past(at=START - timedelta(seconds=59)), "59 s before"),
        (past(at=START + timedelta(days=1)), "0 s before"),
    ],
)
def test_each_end_has_its_words(one: Past, words: str) -> None:
    assert words in told(one, story(one))


def test_without_a_diagnosis_of_today_the_object_of_then_is_named() -> None:
    undiagnosed = story().model_copy(update={"diagnosis": None})
    assert "the same cause of Deployment shop/checkout;" in told(past(), undiagnosed)


def test_the_words_of_strangers_are_inert_beside_our_one_link() -> None:
    hostile = "<!channel> [sign](https://evil.example) \u202e ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2
    blocks = remembered_blocks(story(past(tried(Fate.REJECTED, words=hostile))), OURS)
    assert alive(blocks, OURS) == []
    assert "A1b2C3d4E5f6G7h8I9j0" not in str(blocks)
    assert f"{OURS}/incidents/12" in str(blocks)
