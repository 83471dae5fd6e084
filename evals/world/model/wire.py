"""The wire format of chat completions: requests checked as the real API does, answers written like its."""

from __future__ import annotations

import json
from collections.abc import Iterator

from evals.world.model.script import JsonObject, Line, Manner, ModelRequest

_CHARACTERS_PER_TOKEN = 4


class BadRequest(Exception):
    """The request is one the real API answers with 400 ``invalid_request_error``."""


def read(raw: bytes, models: tuple[str, ...]) -> ModelRequest:
    """The request in a body; raises BadRequest."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise BadRequest(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
        raise BadRequest("Invalid 'messages': a non-empty array is required")
    if body.get("model") not in models:
        raise BadRequest(f"The model `{body.get('model')}` does not exist or you do not have access to it.")
    if body.get("stream"):
        raise BadRequest("streaming is not offered by this endpoint")
    schema = (body.get("response_format") or {}).get("json_schema") or {}
    if schema:
        _check_schema(schema)
    return ModelRequest(body, "\n".join(_texts(body["messages"])), str(schema.get("name") or _function(body)))


def completion(request: ModelRequest, line: Line, number: int) -> JsonObject:
    """The body of a 200 for this line."""
    said = line.said(request)
    if line.manner is Manner.MALFORMED:
        said = f"Certainly! Here is my answer: {said[: len(said) // 2]}"
    elif line.manner is Manner.TRUNCATED:
        said = said[: max(1, len(said) // 2)]
    message: JsonObject = {"role": "assistant", "content": said, "refusal": None}
    finish = "length" if line.manner is Manner.TRUNCATED else "stop"
    if line.manner is Manner.REFUSING:
        message |= {"content": None, "refusal": said or "I'm sorry, I cannot help with that request."}
    elif line.manner is Manner.EMPTY:
        message["content"] = None
    elif request.body.get("tools"):
        call = {"name": _function(request.body), "arguments": said}
        message |= {
            "content": None,
            "tool_calls": [{"id": f"call_{number}", "type": "function", "function": call}],
        }
        finish = "length" if finish == "length" else "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        # Fixed, so that the same script gives the same bytes.
        "created": 1_767_225_600 + number,
        "model": request.body["model"],
        "choices": [] if line.manner is Manner.NO_CHOICES else [choice],
        "usage": usage(request, said),
    }


def usage(request: ModelRequest, said: str) -> JsonObject:
    """A rough token count: four characters each, schema and tools included."""
    asked = _tokens(json.dumps(request.body))
    answered = _tokens(said)
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def failure(message: str, kind: str, code: str | None = None) -> JsonObject:
    """The body of an error answer."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def _texts(messages: list[JsonObject]) -> Iterator[str]:
    # Content is a string or a list of typed parts; both are legal and clients use both.
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (str(part.get("text", "")) for part in content)


def _function(body: JsonObject) -> str:
    """The function the answer must call: the one demanded, else the first offered."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        return str(choice["function"]["name"])
    tools = body.get("tools") or []
    return str(tools[0]["function"]["name"]) if tools else ""


def _check_schema(schema: JsonObject) -> None:
    """Strict schemas close every object and require every property; the real API refuses others."""
    if not schema.get("name") or not isinstance(schema.get("schema"), dict):
        raise BadRequest("Missing required parameter: 'response_format.json_schema.name' or 'schema'")
    if schema.get("strict"):
        for found in _objects(schema["schema"]):
            problem = None
            if found.get("additionalProperties") is not False:
                problem = "'additionalProperties' is required to be supplied and to be false."
            elif set(found.get("required") or []) != set(found["properties"]):
                problem = "'required' is required to be an array including every key in properties."
            if problem:
                raise BadRequest(f"Invalid schema for response_format '{schema['name']}': {problem}")


def _objects(node: object) -> Iterator[JsonObject]:
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)
