"""A language model behind an OpenAI-compatible endpoint: one typed question, one typed answer, within bounds.

Every way such an endpoint fails becomes one of three errors. Nothing is traced to third parties, whatever the
environment says, and only redacted text is sent. The client libraries take a second to import, so they are
kept in ``model_client``, which only ``ask`` imports.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, SecretStr

from tools.redaction import RedactedText

Schema = TypeVar("Schema", bound=BaseModel)
_CHARACTERS_PER_TOKEN = 4


class ModelError(Exception):
    """The model gave no usable answer. ``tokens`` is what the attempt cost, as far as anybody knows."""

    retryable = False

    def __init__(self, message: str, *, tokens: int = 0) -> None:
        super().__init__(message)
        self.tokens = tokens


class ModelUnavailable(ModelError):
    """The endpoint cannot be reached, is too slow, is overloaded, or failed."""

    retryable = True

    def __init__(self, message: str, *, tokens: int = 0, retry_after_s: float | None = None) -> None:
        super().__init__(message, tokens=tokens)
        self.retry_after_s = retry_after_s


class ModelRefused(ModelError):
    """The endpoint rejected the request or its key, or the model declined to answer."""


class ModelMalformed(ModelError):
    """What came back is not an answer of the shape asked for: broken, cut off, or empty."""


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model, where, and how often a failing call is tried again.

    ``method`` is how the shape is demanded: ``json_schema`` (structured output) or ``function_calling`` for
    gateways without it. ``temperature`` is left to the endpoint when None: some models refuse to be told.
    """

    base_url: str
    name: str
    api_key: SecretStr = field(default_factory=lambda: SecretStr("none"))
    method: Literal["json_schema", "function_calling"] = "json_schema"
    temperature: float | None = None
    retries: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.retries <= 5:
            raise ValueError("retries are between 0 and 5")


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What is asked: our own instructions, and evidence that went through redaction."""

    instructions: str
    evidence: RedactedText

    @property
    def tokens(self) -> int:
        """A rough count, for when the endpoint does not say."""
        return (len(self.instructions) + len(self.evidence)) // _CHARACTERS_PER_TOKEN + 1


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most one question may take: seconds in all, retries included, and tokens of the answer."""

    seconds: float
    answer_tokens: int

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.answer_tokens <= 0:
            raise ValueError("a budget is positive")


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[Schema]):
    """A well-formed answer and what it cost. Well-formed is not true: claims are checked elsewhere."""

    content: Schema
    input_tokens: int
    output_tokens: int
    model: str

    @property
    def tokens(self) -> int:
        """In and out together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model. Synchronous: agents call it in a thread. ``pause`` is how it waits before another try."""

    options: ModelOptions
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def ask(self, prompt: Prompt, schema: type[Schema], budget: Budget) -> Answer[Schema]:
        """One answer of the given shape. Raises ModelUnavailable, ModelRefused or ModelMalformed."""
        deadline, spent = time.monotonic() + budget.seconds, 0
        for attempt in range(self.options.retries + 1):
            left = max(deadline - time.monotonic(), 0.01)
            try:
                return self._once(prompt, schema, Budget(seconds=left, answer_tokens=budget.answer_tokens))
            except ModelUnavailable as problem:
                spent += problem.tokens
                wait = 0.5 * 2**attempt if problem.retry_after_s is None else problem.retry_after_s
                if attempt == self.options.retries or wait >= deadline - time.monotonic():
                    problem.tokens = spent
                    raise
                self.pause(wait)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, prompt: Prompt, schema: type[Schema], budget: Budget) -> Answer[Schema]:
        # A second of imports that a process without a model need not pay.
        from tools.model_client import ask

        return ask(self.options, prompt, schema, budget)
