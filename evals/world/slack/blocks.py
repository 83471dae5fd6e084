"""Checking blocks and views as Slack does on arrival, and giving ids to what came without."""

import json
import secrets
from collections.abc import Iterator
from typing import Final

from evals.world.slack.blockkit import MESSAGE, VIEW
from evals.world.slack.schema import at
from evals.world.slack.wire import JsonObject, SlackError, problems

# Slack publishes no figure; messages are refused at about this many characters of blocks.
MAX_BLOCK_CHARACTERS: Final = 13_200


def elements_of(block: JsonObject) -> list[JsonObject]:
    """What a block lets one click or fill in: its ``elements``, its ``element`` or its ``accessory``."""
    if block.get("type") == "actions":
        return list(block.get("elements", []))
    return [block[name] for name in ("element", "accessory") if isinstance(block.get(name), dict)]


def message_blocks(raw: object) -> list[JsonObject]:
    """Validated blocks of a message, each with a ``block_id`` and each element with an ``action_id``.

    Raises ``invalid_blocks_format`` for what is no list, ``invalid_blocks`` with the problems listed, and
    ``msg_blocks_too_long`` above about 13,000 characters in all.
    """
    if not isinstance(raw, list):
        raise SlackError("invalid_blocks_format")
    # Duplicates are looked for only in blocks that are well formed.
    found = [*MESSAGE(raw, "/blocks")] or [*_duplicates(raw, "/blocks")]
    if found:
        raise problems("invalid_blocks", found)
    if _characters(raw) > MAX_BLOCK_CHARACTERS:
        raise SlackError("msg_blocks_too_long")
    return _with_ids(raw)


def checked_view(raw: object) -> JsonObject:
    """A validated view with ids given. Raises ``invalid_arguments`` with the problems listed."""
    found = [*VIEW(raw, "/view")]
    if isinstance(raw, dict) and not found:
        found = [*_duplicates(raw["blocks"], "/view/blocks"), *_needs_submit(raw)]
    if found or not isinstance(raw, dict):
        raise problems("invalid_arguments", found)
    return {**raw, "blocks": _with_ids(raw["blocks"])}


def _needs_submit(view: JsonObject) -> Iterator[str]:
    has_input = any(block["type"] == "input" for block in view["blocks"])
    if view["type"] == "modal" and has_input and "submit" not in view:
        yield at("submit must be set when there is an input block", "/view/submit")


def _duplicates(blocks: list[JsonObject], pointer: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id in seen:
            yield at(f"`block_id` {json.dumps(block_id)} already exists", f"{pointer}/{index}/block_id")
        seen |= {block_id} if block_id else set()
        ids = [element["action_id"] for element in elements_of(block) if "action_id" in element]
        for action_id in sorted({name for name in ids if ids.count(name) > 1}):
            yield at(f"`action_id` {json.dumps(action_id)} already exists", f"{pointer}/{index}/elements")


def _characters(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_characters(entry) for entry in value.values())
    return sum(_characters(entry) for entry in value) if isinstance(value, list) else 0


def _with_ids(blocks: list[JsonObject]) -> list[JsonObject]:
    # A copy: what the caller sent must not change under the journal.
    copied: list[JsonObject] = json.loads(json.dumps(blocks))
    for block in copied:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for element in elements_of(block):
            if element["type"] != "image":
                element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return copied
