"""A language model behind an OpenAI-compatible endpoint: one typed question, one typed answer, within bounds.

Every way such an endpoint fails becomes one of three errors. Nothing is traced to third parties, whatever the
environment says, and only redacted text is sent. The client libraries take a second to import, so they are
kept in ``model_client``, which only ``ask`` imports.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tools.model_words import (
    Answer,
    Budget,
    ModelError,
    ModelMalformed,
    ModelOptions,
    ModelRefused,
    ModelUnavailable,
    Price,
    Prompt,
    Schema,
    Usage,
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
    "Price",
    "Prompt",
    "Usage",
]

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
PATIENCE = 2 / 3
"""The part of the time left that one attempt may take while another may follow: else a request that hangs
would use up all of it, and the repetition that mends most hangs would never be made."""
_JITTER = random.SystemRandom()


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model. Synchronous: agents call it in a thread. ``pause`` is how it waits before another try."""

    options: ModelOptions
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def ask(self, prompt: Prompt, schema: type[Schema], budget: Budget) -> Answer[Schema]:
        """One answer of the given shape. Raises ModelUnavailable, ModelRefused or ModelMalformed."""
        deadline, spent = time.monotonic() + budget.seconds, Usage()
        for attempt in range(self.options.retries + 1):
            left = max(deadline - time.monotonic(), 0.01)
            is_last = attempt == self.options.retries
            part = Budget(seconds=left if is_last else left * PATIENCE, answer_tokens=budget.answer_tokens)
            try:
                answer = self._once(prompt, schema, part)
            except ModelError as problem:
                spent = problem.usage = spent + problem.usage
                wait = _wait(problem, attempt)
                if not problem.retryable or is_last or wait >= deadline - time.monotonic():
                    raise
                self.pause(wait)
            else:
                return replace(answer, usage=spent + answer.usage)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, prompt: Prompt, schema: type[Schema], budget: Budget) -> Answer[Schema]:
        # A second of imports that a process without a model need not pay.
        from tools.model_client import ask

        return ask(self.options, prompt, schema, budget)


def _wait(problem: ModelError, attempt: int) -> float:
    """Seconds before the next attempt: what the endpoint asked for, else twice as long each time."""
    asked: float | None = problem.retry_after_s if isinstance(problem, ModelUnavailable) else None
    if asked:
        return asked
    # Spread out: workers that were refused together must not come back together.
    return min(FIRST_WAIT_S * 2.0**attempt, LONGEST_WAIT_S) * _JITTER.uniform(0.75, 1.0)
