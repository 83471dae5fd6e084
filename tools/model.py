"""A language model behind an OpenAI-compatible endpoint: one typed question, one typed answer, within bounds.

Every way such an endpoint fails becomes one of three errors. Nothing is traced to third parties, whatever the
environment says, and only redacted text is sent. The client libraries take a second to import, so they are
kept in ``model_client``, which only ``ask`` imports.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tools.model_words import (
    Answer,
    Budget,
    ModelError,
    ModelMalformed,
    ModelOptions,
    ModelRefused,
    ModelUnavailable,
    Prompt,
    Schema,
)

__all__ = [
    "Answer",
    "Budget",
    "Model",
    "ModelError",
    "ModelMalformed",
    "ModelOptions",
    "ModelRefused",
    "ModelUnavailable",
    "Prompt",
]


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
