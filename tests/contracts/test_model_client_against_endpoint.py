"""The real OpenAI client behind ``tools.model``, driven through every way an endpoint can behave."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

import pytest
from pydantic import BaseModel, SecretStr

from evals.world.model.script import Answer, Line, Manner, Script
from evals.world.model.server import ModelOptions as EndpointOptions
from evals.world.model.server import ModelServer
from tests.support.patience import PATIENCE_S
from tools.model import (
    Budget,
    Model,
    ModelError,
    ModelMalformed,
    ModelOptions,
    ModelRefused,
    ModelUnavailable,
    Price,
    Prompt,
    Usage,
)
from tools.redaction import redact

Method = Literal["json_schema", "function_calling"]
METHODS: tuple[Method, ...] = ("json_schema", "function_calling")


class Verdict(BaseModel):
    """A small shape with what real ones have: nesting, a list, a number, an optional field."""

    cause: str
    cites: list[str]
    score: float
    note: str | None


GOOD: Answer = {"cause": "image tag 2.1.9 does not exist", "cites": ["E1", "E4"], "score": 0.9, "note": None}
PROMPT = Prompt(instructions="You are careful.", evidence=redact("E1 pod is waiting: ImagePullBackOff"))
AMPLE = Budget(seconds=PATIENCE_S, answer_tokens=500)

Asked = Callable[..., Model]


@pytest.fixture
def endpoint() -> Iterator[ModelServer]:
    server = ModelServer()
    server.start()
    yield server
    server.stop()


def model(endpoint: ModelServer, method: Method = "json_schema", **changes: object) -> Model:
    waits: list[float] = []
    options = {
        "base_url": endpoint.url,
        "name": "pretend-1",
        "api_key": SecretStr("sk-pretend"),
        "method": method,
        "retries": 0,
        **changes,
    }
    return Model(options=ModelOptions(**options), pause=waits.append)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
def test_a_scripted_answer_arrives_typed_and_counted(endpoint: ModelServer, method: Method) -> None:
    endpoint.script.add(Line(answer=GOOD))
    answer = model(endpoint, method).ask(PROMPT, Verdict, AMPLE)
    assert answer.content == Verdict.model_validate(GOOD)
    assert answer.model == "pretend-1"
    assert answer.tokens == endpoint.tokens > 0
    assert endpoint.requests[0].stage == "Verdict"
    assert "ImagePullBackOff" in endpoint.requests[0].text
    assert not endpoint.requests[0].body.get("stream")


FAILURES: list[tuple[Manner, type[ModelError]]] = [
    (Manner.SLOW, ModelUnavailable),
    (Manner.RATE_LIMITED, ModelUnavailable),
    (Manner.SERVER_ERROR, ModelUnavailable),
    (Manner.DROPPED, ModelUnavailable),
    (Manner.REFUSING, ModelRefused),
    (Manner.MALFORMED, ModelMalformed),
    (Manner.TRUNCATED, ModelMalformed),
    (Manner.EMPTY, ModelMalformed),
    (Manner.NO_CHOICES, ModelMalformed),
    (Manner.NOT_JSON, ModelMalformed),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("manner", "expected"), FAILURES)
def test_every_bad_manner_becomes_its_error(
    endpoint: ModelServer, method: Method, manner: Manner, expected: type[ModelError]
) -> None:
    endpoint.script.add(Line(answer=GOOD, manner=manner, seconds=PATIENCE_S))
    budget = Budget(seconds=0.3 if manner is Manner.SLOW else PATIENCE_S, answer_tokens=500)
    with pytest.raises(expected) as caught:
        model(endpoint, method).ask(PROMPT, Verdict, budget)
    assert caught.value.retryable == (expected is ModelUnavailable)


def test_every_manner_of_the_script_is_tested() -> None:
    assert {manner for manner, _ in FAILURES} | {Manner.WELL} == set(Manner)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("answer", [{"cause": 1}, {"cause": "x"}, [], "null", '"text"', "{", ""])
def test_an_answer_of_another_shape_is_malformed(
    endpoint: ModelServer, method: Method, answer: Answer
) -> None:
    endpoint.script.add(Line(answer=answer))
    with pytest.raises(ModelMalformed) as caught:
        model(endpoint, method).ask(PROMPT, Verdict, AMPLE)
    assert caught.value.tokens > 0


def test_a_passing_failure_is_tried_again_after_the_wait_it_asks_for(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(manner=Manner.RATE_LIMITED, seconds=1.5), Line(answer=GOOD))
    waits: list[float] = []
    asked = Model(options=model(endpoint, retries=1).options, pause=waits.append)
    assert asked.ask(PROMPT, Verdict, AMPLE).content.score == 0.9
    assert waits == [1.5]


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after-ms": "1250"}, 1.25, 1.25),
        (
            # Said when the suite is collected, and heard as much later as it takes.
            {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=3600), usegmt=True)},
            60,
            3600,
        ),
        ({"Retry-After": "Fri, 01 Jan 2021 00:00:00 GMT"}, 0.3, 0.5),
        ({"Retry-After": "soon"}, 0.3, 0.5),
        ({"Retry-After": "-3"}, 0.3, 0.5),
    ],
)
def test_every_way_of_saying_when_to_come_back_is_understood(
    endpoint: ModelServer, headers: dict[str, str], least: float, most: float
) -> None:
    endpoint.script.add(Line(manner=Manner.RATE_LIMITED, headers=headers), Line(answer=GOOD))
    waits: list[float] = []
    asked = Model(options=model(endpoint, retries=1).options, pause=waits.append)
    asked.ask(PROMPT, Verdict, Budget(seconds=7200, answer_tokens=500))
    assert least <= waits[0] <= most


def test_each_wait_is_longer_than_the_one_before_and_none_is_the_same_for_all(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(manner=Manner.SERVER_ERROR, times=None))
    waits: list[float] = []
    asked = Model(options=model(endpoint, retries=5).options, pause=waits.append)
    with pytest.raises(ModelUnavailable):
        asked.ask(PROMPT, Verdict, Budget(seconds=600, answer_tokens=500))
    assert all(0.75 * 0.5 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(waits))
    assert waits == sorted(waits)
    assert len(set(waits)) == len(waits) == 5


def test_a_request_that_hangs_leaves_time_for_another(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(answer=GOOD, manner=Manner.SLOW, seconds=60), Line(answer=GOOD))
    answer = model(endpoint, retries=1).ask(PROMPT, Verdict, Budget(seconds=12, answer_tokens=500))
    assert answer.content.score == 0.9
    assert len(endpoint.requests) == 2
    assert answer.usage.estimated, "nobody knows what the request that hung has cost"
    assert answer.usage.input_tokens > PROMPT.tokens, "it is counted all the same"


def test_a_server_that_does_not_count_is_counted_by_length(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(answer=GOOD, counted=False))
    usage = model(endpoint).ask(PROMPT, Verdict, AMPLE).usage
    assert usage.estimated
    assert usage.input_tokens == PROMPT.tokens
    assert 10 < usage.output_tokens < 60


def test_a_price_is_for_a_million_tokens() -> None:
    price = Price(input=1.25, output=10)
    assert price.millionths(Usage(input_tokens=1_000_000, output_tokens=100_000)) == 2_250_000
    assert price.millionths(Usage()) == 0


def test_a_wait_beyond_the_budget_is_not_waited(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(manner=Manner.RATE_LIMITED, seconds=60, times=None))
    waits: list[float] = []
    asked = Model(options=model(endpoint, retries=3).options, pause=waits.append)
    with pytest.raises(ModelUnavailable) as caught:
        asked.ask(PROMPT, Verdict, Budget(seconds=30, answer_tokens=500))
    assert caught.value.retry_after_s == 60
    assert waits == []
    assert len(endpoint.requests) == 1


def test_retries_are_bounded(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(manner=Manner.SERVER_ERROR, times=None))
    with pytest.raises(ModelUnavailable):
        model(endpoint, retries=2).ask(PROMPT, Verdict, AMPLE)
    assert len(endpoint.requests) == 3


def test_a_refusal_is_not_tried_again(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(manner=Manner.REFUSING, times=None))
    with pytest.raises(ModelRefused):
        model(endpoint, retries=3).ask(PROMPT, Verdict, AMPLE)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("changes", [{"api_key": SecretStr("wrong")}, {"name": "unheard-of"}])
def test_a_wrong_key_or_model_is_refused_by_the_endpoint(
    endpoint: ModelServer, changes: dict[str, object]
) -> None:
    with pytest.raises(ModelRefused) as caught:
        model(endpoint, **changes).ask(PROMPT, Verdict, AMPLE)
    assert "wrong" not in str(caught.value)


def test_nobody_at_the_address_is_unavailable() -> None:
    nobody = Model(options=ModelOptions(base_url="http://127.0.0.1:9/v1", name="x", retries=0))
    with pytest.raises(ModelUnavailable):
        nobody.ask(PROMPT, Verdict, AMPLE)


def test_the_budget_bounds_the_tokens_of_the_answer(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(answer=GOOD))
    model(endpoint).ask(PROMPT, Verdict, Budget(seconds=PATIENCE_S, answer_tokens=77))
    assert endpoint.requests[0].body["max_completion_tokens"] == 77


def test_an_endless_answer_is_cut_off(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(answer="x" * 2_000_000))
    with pytest.raises(ModelMalformed, match="larger"):
        model(endpoint).ask(PROMPT, Verdict, AMPLE)


def test_a_slow_answer_costs_no_more_than_the_budget(endpoint: ModelServer) -> None:
    endpoint.script.add(Line(answer=GOOD, manner=Manner.SLOW, seconds=PATIENCE_S, times=None))
    begun = time.monotonic()
    with pytest.raises(ModelUnavailable):
        model(endpoint, retries=5).ask(PROMPT, Verdict, Budget(seconds=0.3, answer_tokens=10))
    assert time.monotonic() - begun < PATIENCE_S / 2, "nobody waited for the answer"


def test_lines_are_said_to_their_cue_and_as_often_as_written(endpoint: ModelServer) -> None:
    endpoint.script.add(
        Line(when="OOMKilled", answer={**GOOD, "cause": "memory"}),
        Line(when="Verdict", answer={**GOOD, "cause": "by stage"}, times=2),
        Line(answer=lambda request: {**GOOD, "cause": f"{len(request.text)} characters"}, times=None),
    )
    oom = Prompt(instructions="You are careful.", evidence=redact("container was OOMKilled"))
    asked = model(endpoint)
    causes = [asked.ask(prompt, Verdict, AMPLE).content.cause for prompt in (PROMPT, oom, PROMPT, PROMPT)]
    assert causes == ["by stage", "memory", "by stage", f"{len(endpoint.requests[0].text)} characters"]


def test_a_script_with_nothing_to_say_is_an_error_not_an_answer(endpoint: ModelServer) -> None:
    with pytest.raises(ModelRefused, match="no line left"):
        model(endpoint).ask(PROMPT, Verdict, AMPLE)


def test_a_script_can_be_written_as_plain_data() -> None:
    script = Script.of([{"when": "x", "answer": GOOD, "manner": "slow", "seconds": 1}])
    server = ModelServer(EndpointOptions(script=script))
    assert server.script is script
    with pytest.raises(ValueError, match="loud"):
        Script.of([{"manner": "loud"}])
    with pytest.raises(TypeError):
        Script.of([{"wen": "x"}])


def test_importing_the_tool_does_not_import_the_client() -> None:
    code = "import sys, tools.model; print('openai' in sys.modules, 'langchain_core' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert ran.stdout.strip() == "False False"


def test_a_key_is_not_shown_by_the_options() -> None:
    options = ModelOptions(base_url="http://127.0.0.1:9/v1", name="x", api_key=SecretStr("sk-very-secret"))
    assert "very-secret" not in repr(Model(options=options))
