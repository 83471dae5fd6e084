"""The heavy half of ``tools.model``: the OpenAI client within bounds, its failures put into our errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai
from langchain_openai import ChatOpenAI
from langsmith import tracing_context

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
    Usage,
    rough_tokens,
)

MAX_BYTES = 1024 * 1024
_CONNECT_S = 5.0
_OVERLOADED = frozenset({408, 409, 425, 429})


def ask(options: ModelOptions, prompt: Prompt, schema: type[Schema], budget: Budget) -> Answer[Schema]:
    """One request, one answer. Raises ModelUnavailable, ModelRefused or ModelMalformed."""
    # LANGSMITH_TRACING in the environment would send prompt and answer to a third party.
    with _BoundedClient(budget.seconds) as http, tracing_context(enabled=False):
        chat = ChatOpenAI(
            model=options.name,
            base_url=options.base_url,
            api_key=options.api_key,
            temperature=options.temperature,
            max_completion_tokens=budget.answer_tokens,
            # Its own retries would sleep for up to two minutes when a server says so.
            max_retries=0,
            timeout=budget.seconds,
            # Chosen by model name otherwise; gateways and local servers offer chat completions only.
            use_responses_api=False,
            streaming=False,
            http_client=http,
        )
        # With the raw message the tokens and the refusal can be read also when parsing failed.
        typed = chat.with_structured_output(schema, method=options.method, include_raw=True)
        try:
            found: Any = typed.invoke([("system", prompt.instructions), ("human", prompt.evidence)])
        except openai.OpenAIError as problem:
            raise _failure(problem, prompt) from problem
        except (ValueError, LookupError, AttributeError, TypeError) as problem:
            # The client stumbles in many ways over a body that is not a chat completion.
            raise ModelMalformed(f"not an answer: {_short(problem)}", usage=prompt.usage) from problem
    return _answer(found, schema, prompt)


def _answer(found: Any, schema: type[Schema], prompt: Prompt) -> Answer[Schema]:
    raw, parsed = found["raw"], found["parsed"]
    usage = _usage(raw, prompt)
    if raw.additional_kwargs.get("refusal"):
        raise ModelRefused(f"the model declined: {str(raw.additional_kwargs['refusal'])[:200]}", usage=usage)
    if not isinstance(parsed, schema):
        why = raw.response_metadata.get("finish_reason")
        raise ModelMalformed(f"no answer of the shape asked for (finish reason {why})", usage=usage)
    name = str(raw.response_metadata.get("model_name") or "")
    return Answer(content=parsed, usage=usage, model=name)


def _usage(raw: Any, prompt: Prompt) -> Usage:
    told = raw.usage_metadata
    if told is None:
        # Small local servers do not count; their tokens are still somebody's.
        said = raw.text + "".join(str(call["args"]) for call in raw.tool_calls)
        return prompt.usage + Usage(output_tokens=rough_tokens(said), estimated=True)
    return Usage(input_tokens=int(told["input_tokens"]), output_tokens=int(told["output_tokens"]))


def _failure(problem: openai.OpenAIError, prompt: Prompt) -> ModelError:
    if isinstance(problem, openai.LengthFinishReasonError):
        told = problem.completion.usage
        spent = prompt.usage
        if told is not None:
            spent = Usage(input_tokens=told.prompt_tokens, output_tokens=told.completion_tokens)
        return ModelMalformed("the answer was cut off at its token limit", usage=spent)
    if isinstance(problem, openai.APIConnectionError):
        return _connection_failure(problem, prompt)
    if isinstance(problem, openai.APIStatusError):
        return _status_failure(problem)
    if isinstance(problem, openai.ContentFilterFinishReasonError):
        return ModelRefused("the endpoint's content filter stopped the answer", usage=prompt.usage)
    return ModelMalformed(f"not an answer: {_short(problem)}", usage=prompt.usage)


def _connection_failure(problem: openai.APIConnectionError, prompt: Prompt) -> ModelError:
    if isinstance(problem, openai.APITimeoutError):
        return ModelUnavailable("no answer in time", usage=prompt.usage)
    # The libraries wrap one another; what happened is at the end of the chain.
    origin: BaseException = problem
    while origin.__cause__ is not None:
        origin = origin.__cause__
    if isinstance(origin, _TooLargeError):
        return ModelMalformed(str(origin), usage=prompt.usage)
    return ModelUnavailable(f"cannot be reached: {_short(origin)}")


def _status_failure(problem: openai.APIStatusError) -> ModelError:
    message = f"HTTP {problem.status_code}: {_short(problem)}"
    if problem.status_code >= 500 or problem.status_code in _OVERLOADED:
        return ModelUnavailable(message, retry_after_s=_retry_after(problem.response.headers))
    return ModelRefused(message)


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds until ``Retry-After`` (RFC 9110 §10.2.3, a number or a date); None when it says nothing."""
    try:
        # Some gateways say it in milliseconds as well, which is finer.
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        given = headers.get("retry-after", "")
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except ValueError:
        return None


def _short(problem: BaseException) -> str:
    return str(problem).replace("\n", " ")[:300]


class _TooLargeError(httpx2.TransportError):
    """The answer is larger than may be read."""


class _BoundedClient(httpx2.Client):
    """An HTTP client that gives up on an answer by its size and by the clock, not only between two bytes."""

    def __init__(self, seconds: float) -> None:
        timeout = httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_S))
        super().__init__(timeout=timeout, follow_redirects=False)
        self._deadline = time.monotonic() + seconds

    def send(self, request: httpx2.Request, *, stream: bool = False, **kwargs: Any) -> httpx2.Response:
        """Send and, unless streaming, read the answer within the bounds."""
        response = super().send(request, stream=True, **{**kwargs, "follow_redirects": False})
        response.stream = _BoundedStream(response.stream, self._deadline)
        if not stream:
            try:
                response.read()
            except httpx2.TransportError:
                response.close()
                raise
        return response


class _BoundedStream(httpx2.SyncByteStream):
    """Another stream, cut off beyond a size or after a moment of the monotonic clock."""

    def __init__(self, inner: Any, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._inner:
            size += len(part)
            if size > MAX_BYTES:
                raise _TooLargeError(f"the answer is larger than {MAX_BYTES} bytes")
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the answer did not end in time")
            yield part

    def close(self) -> None:
        """Close the other stream."""
        self._inner.close()
