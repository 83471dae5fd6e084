"""When a diagnosis is sure, and when it comes to the same as one that was sure before."""

from __future__ import annotations

from typing import Any

import pytest

from agents.incident import Diagnosis, Hypothesis
from agents.ledger.memory import RIVAL, Known, is_sure, tools_of
from tests.support.told import CHECKOUT, a_diagnosis, an_evidence, claims

EVIDENCE = {"E1": an_evidence(1), "E2": an_evidence(2).model_copy(update={"tool": "prometheus.query"})}
KNOWN = Known(
    incident=1,
    code="image.bad",
    object=CHECKOUT,
    confidence="medium",
    tools=frozenset({"kubernetes.log", "prometheus.query"}),
)
ELSEWHERE = CHECKOUT.model_copy(update={"name": "cart"})


def cause(**changes: Any) -> Hypothesis:
    values: dict[str, Any] = {"code": "image.bad", "object": CHECKOUT, "sentence": "It is bad.", "score": 0.9}
    return Hypothesis(**(values | changes))


def found(**changes: Any) -> Diagnosis:
    """The same cause, by both kinds of looks."""
    return a_diagnosis(**({"cause": cause(), "claims": claims(2, "seen")} | changes))


@pytest.mark.parametrize(
    ("changes", "sure"),
    [
        ({}, True),
        ({"confidence": "medium"}, True),
        ({"confidence": "low"}, False),
        ({"confidence": "none"}, False),
        ({"cause": None}, False),
        ({"cause": cause(unexplained=("pod.x@y",))}, False),
        ({"alternatives": (cause(score=0.9 - RIVAL),)}, True),
        ({"alternatives": (cause(score=0.1), cause(score=0.81))}, False),
    ],
)
def test_a_sure_diagnosis_leaves_nothing_open_and_has_no_rival(changes: dict[str, Any], sure: bool) -> None:
    assert is_sure(found(**changes)) is sure


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"confidence": "medium"}, True),
        ({"confidence": "low"}, False),
        ({"cause": None}, False),
        ({"cause": cause(code="image.other")}, False),
        ({"cause": cause(object=ELSEWHERE)}, False),
        ({"cause": cause(unexplained=("pod.x@y",))}, False),
        ({"claims": claims(1, "seen")}, True),
    ],
)
def test_the_same_again_is_the_same_cause_no_less_surely_after_no_fewer_kinds_of_looks(
    changes: dict[str, Any], same: bool
) -> None:
    assert KNOWN.shown_by(found(**changes), EVIDENCE) is same


def test_what_was_not_looked_at_or_did_not_answer_this_time_is_no_look() -> None:
    assert not KNOWN.shown_by(found(), {"E1": EVIDENCE["E1"]})
    failed = EVIDENCE["E2"].model_copy(update={"ok": False})
    assert not KNOWN.shown_by(found(), EVIDENCE | {"E2": failed})


def test_one_that_was_sure_with_all_confidence_is_shown_by_no_less() -> None:
    known = KNOWN.model_copy(update={"confidence": "high"})
    assert known.shown_by(found(), EVIDENCE)
    assert not known.shown_by(found(confidence="medium"), EVIDENCE)
    assert KNOWN.model_copy(update={"tools": frozenset({"kubernetes.log"})}).shown_by(found(), EVIDENCE)


def test_the_tools_of_a_diagnosis_are_those_its_claims_cite_as_far_as_the_looks_are_there() -> None:
    assert tools_of(found(), EVIDENCE) == KNOWN.tools
    assert tools_of(found(claims=claims(9, "seen")), EVIDENCE) == KNOWN.tools
    assert tools_of(found(claims=()), EVIDENCE) == frozenset()
