"""What ``midwatch check`` tries about language models: one small question each, and what the breaker says."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel

from agents.ledger import breaker
from agents.ledger.store import LedgerUnavailable
from midwatch.check_result import Result
from midwatch.settings import Settings
from midwatch.wiring import breaker_of, existing_ledger_of, model_of
from tools.model import Budget, Model, ModelMalformed, ModelRefused, ModelUnavailable, Prompt
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
    """Whether each model answers in the shape that was asked for; whether it can add is beside the point."""
    asked = models_of(settings)
    if not asked:
        return [Result(what="model", ok=True, says="not set: the rules diagnose alone")]
    return [await asyncio.to_thread(_answers, one) for one in asked.values()]


async def model_breaker(settings: Settings) -> list[Result]:
    """Whether the investigator may ask: the breaker can rest a model that answers here and now."""
    names = list(models_of(settings))
    return [await asyncio.to_thread(_breaker, settings, names)] if names else []


def models_of(settings: Settings) -> dict[str, Model]:
    """The models that may be asked, each once, by name."""
    both = (model_of(settings, "opinion"), model_of(settings, "summary"))
    return {one.options.name: one for one in both if one is not None}


def _answers(asked: Model) -> Result:
    try:
        answer = asked.ask(_QUESTION, Sum, BUDGET)
    except ModelUnavailable as problem:
        return _no(f"unavailable: {problem}: check model_base_url")
    except ModelRefused as problem:
        return _no(f"it refused: {problem}: check model_api_key and model_name")
    except ModelMalformed as problem:
        return _no(
            f"it answered in another shape: {problem}: it must do structured output (see model_method)"
        )
    return Result(what="model", ok=True, says=f"{answer.model or asked.options.name} answers in shape")


def _breaker(settings: Settings, names: list[str]) -> Result:
    limits = breaker_of(settings)
    try:
        ledger = existing_ledger_of(settings)
        now = ledger.now()
        with ledger.read() as session:
            against = [why for name in names if (why := breaker.against(session, now, (name, 0), limits))]
            spent = breaker.spent_since(session, now - breaker.HOUR)
        ledger.close()
    except LedgerUnavailable as problem:
        return Result(what="model breaker", ok=False, says=str(problem))
    if against:
        return Result(what="model breaker", ok=False, says="; ".join(dict.fromkeys(against)))
    says = f"closed: {spent} of {limits.tokens_per_hour} tokens of this hour are spent"
    return Result(what="model breaker", ok=True, says=says)


def _no(says: str) -> Result:
    return Result(what="model", ok=False, says=says)
