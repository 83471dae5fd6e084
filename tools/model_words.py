"""The words of one question to a model: what is asked, within what, what came back, and how it fails.

They stand apart from ``model`` and ``model_client``, which both need them and must not need each
other: the client takes a second to import, and a process without a model does not pay for it.
"""

from __future__ import annotations

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
