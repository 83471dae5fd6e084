"""What ``midwatch check`` tries about the language model: one tiny question with a typed answer."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel

from midwatch.check_result import Result
from midwatch.settings import Settings
from midwatch.wiring import model_of
from tools.model import Budget, ModelMalformed, ModelRefused, ModelUnavailable, Prompt
from tools.redaction import redact

# Models that think first spend hundreds of tokens before the first word of their answer.
BUDGET = Budget(seconds=20.0, answer_tokens=1_000)
_QUESTION = Prompt(
    instructions="This is a test of a connection. Answer with the sum of the two numbers.",
    evidence=redact("2 and 3"),
)


class Sum(BaseModel):
    """The sum of the two numbers."""

    total: int


async def model(settings: Settings) -> list[Result]:
    """Whether the model answers in the shape that was asked for; whether it can add is beside the point."""
    asked = model_of(settings)
    if asked is None:
        return [Result(what="model", ok=True, says="not set: the rules diagnose alone")]
    try:
        answer = await asyncio.to_thread(asked.ask, _QUESTION, Sum, BUDGET)
    except ModelUnavailable as problem:
        return [_no(f"unavailable: {problem}: check model_base_url")]
    except ModelRefused as problem:
        return [_no(f"it refused: {problem}: check model_api_key and model_name")]
    except ModelMalformed as problem:
        return [_no(f"it answered in another shape: {problem}: it must do structured output (json_schema)")]
    return [Result(what="model", ok=True, says=f"{answer.model or settings.model_name} answers in shape")]


def _no(says: str) -> Result:
    return Result(what="model", ok=False, says=says)
