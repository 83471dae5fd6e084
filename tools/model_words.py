"""The words of one question to a model: what is asked, within what, what came back, and how it fails.

They stand apart from ``model`` and ``model_client``, which both need them and must not need each
other: the client takes a second to import, and a process without a model does not pay for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tools.redaction import RedactedText

Schema = TypeVar("Schema", bound=BaseModel)
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens that were spent; ``estimated`` by length where the endpoint did not count them."""

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            estimated=self.estimated or other.estimated,
        )

    @property
    def tokens(self) -> int:
        """In and out together."""
        return self.input_tokens + self.output_tokens


class Price(BaseModel):
    """What a model's tokens cost: the price of a million, in and out, in whatever money the bill comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    input: float = Field(ge=0, le=1_000_000)
    output: float = Field(ge=0, le=1_000_000)

    def millionths(self, usage: Usage) -> int:
        """The cost in millionths of that money: tokens times the price of a million of them."""
        return round(usage.input_tokens * self.input + usage.output_tokens * self.output)


class ModelError(Exception):
    """The model gave no usable answer. ``usage`` is what the attempts cost, as far as anybody knows."""

    retryable = False

    def __init__(self, message: str, *, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage or Usage()

    @property
    def tokens(self) -> int:
        """What was spent, in and out together."""
        return self.usage.tokens


class ModelUnavailable(ModelError):
    """The endpoint cannot be reached, is too slow, is overloaded, or failed."""

    retryable = True

    def __init__(
        self, message: str, *, usage: Usage | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, usage=usage)
        self.retry_after_s = retry_after_s


class ModelRefused(ModelError):
    """The endpoint rejected the request or its key, or the model declined to answer."""


class ModelMalformed(ModelError):
    """What came back is not an answer of the shape asked for: broken, cut off, or empty."""


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model, where, how often a failing call is tried again, and what it costs if that is known.

    ``method`` is how the shape is demanded: ``json_schema`` (structured output) or ``function_calling`` for
    gateways without it. ``temperature`` is left to the endpoint when None: some models refuse to be told.
    """

    base_url: str
    name: str
    api_key: SecretStr = field(default_factory=lambda: SecretStr("none"))
    method: Literal["json_schema", "function_calling"] = "json_schema"
    temperature: float | None = None
    retries: int = 2
    price: Price | None = None

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
        return rough_tokens(self.instructions) + rough_tokens(self.evidence)

    @property
    def usage(self) -> Usage:
        """What asking cost at the most that can be told when nothing came back."""
        return Usage(input_tokens=self.tokens, estimated=True)


def rough_tokens(text: str) -> int:
    """The tokens of a text by its length."""
    return len(text) // _CHARACTERS_PER_TOKEN + 1


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
    usage: Usage
    model: str

    @property
    def tokens(self) -> int:
        """In and out together, the attempts that failed before it included."""
        return self.usage.tokens
