"""When a model is left to rest, and which words it is asked with: both pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.incident import Diagnosis
from agents.investigator import prompts
from agents.investigator.consulting import key_of
from agents.investigator.opinion import UNSURE, stage_of
from agents.ledger.breaker import MOST_DOUBLINGS, Breaker
from tools.model import Model, ModelOptions, Prompt
from tools.redaction import redact

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
BREAKER = Breaker(failures=3, rest_s=60)


def ended(*well: bool) -> list[tuple[datetime, bool]]:
    """The last questions, newest first, one a minute."""
    return [(NOW - timedelta(minutes=n), one) for n, one in enumerate(well)]


@given(st.lists(st.booleans(), max_size=12))
def test_a_model_rests_exactly_when_its_newest_questions_all_failed(well: list[bool]) -> None:
    until = BREAKER.rests_until(ended(*well))
    failed = len(well) >= 3 and not any(well[:3])
    assert (until is not None) == failed
    if until is not None:
        assert timedelta(seconds=60) <= until - NOW <= timedelta(seconds=60 * 2**MOST_DOUBLINGS)


def test_each_further_failure_doubles_the_rest_and_one_answer_ends_it() -> None:
    rests = [BREAKER.rests_until(ended(*[False] * n, True)) for n in range(10)]
    assert rests[:3] == [None, None, None]
    seconds = [(until - NOW).total_seconds() for until in rests[3:] if until]
    assert seconds == [60, 120, 240, 480, 960, 960, 960]


def test_every_prompt_is_a_file_that_is_known_by_its_digest() -> None:
    folder = Path(prompts.__file__).parent
    assert {path.stem for path in folder.glob("*.md")} == {"opinion", "question", "summary"}
    versions = {prompts.words(stage).version for stage in ("opinion", "question", "summary")}
    assert len(versions) == 3
    for stage in ("opinion", "question", "summary"):
        name, _, digest = prompts.words(stage).version.partition("@")
        assert (name, len(digest)) == (stage, 64)
        assert prompts.words(stage) is prompts.words(stage), "it is read once"


@pytest.mark.parametrize("confidence", ["none", "low", "medium", "high"])
def test_the_strong_model_is_for_what_the_rules_are_unsure_of(confidence: str) -> None:
    found = Diagnosis(cause=None, confidence=confidence)  # type: ignore[arg-type]
    assert stage_of(found) == ("opinion" if confidence in UNSURE else "summary")


def test_a_question_is_the_same_only_when_all_that_decides_about_its_answer_is() -> None:
    base = {"base_url": "http://127.0.0.1:9/v1", "name": "a"}
    asked = Prompt(instructions="one", evidence=redact("E1"))
    keys = {
        key_of(Model(options=ModelOptions(**(base | change))), question)  # type: ignore[arg-type]
        for change in (
            {},
            {"name": "b"},
            {"base_url": "http://127.0.0.1:8/v1"},
            {"method": "function_calling"},
        )
        for question in (
            asked,
            Prompt(instructions="two", evidence=redact("E1")),
            Prompt(instructions="one", evidence=redact("E2")),
        )
    }
    assert len(keys) == 12
    again = Prompt(instructions="one", evidence=redact("E1"))
    assert key_of(Model(options=ModelOptions(**base)), again) in keys  # type: ignore[arg-type]
