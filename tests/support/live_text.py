"""What in a message to Slack is more than text: mentions, links, markup, pictures, hidden characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

ALIVE = frozenset(
    {"mrkdwn", "link", "user", "usergroup", "channel", "broadcast", "image", "video", "file", "markdown"}
)
"""Types of blocks and elements that call somebody, lead somewhere or fetch something."""
HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def parts(found: object) -> Iterator[dict[str, Any]]:
    """Every object within blocks, whatever holds it."""
    if isinstance(found, list):
        for one in found:
            yield from parts(one)
    if isinstance(found, dict):
        yield found
        yield from (part for one in found.values() for part in parts(one))


def texts(found: object) -> Iterator[str]:
    """Every text within blocks."""
    if isinstance(found, str):
        yield found
    if isinstance(found, list | dict):
        for one in found.values() if isinstance(found, dict) else found:
            yield from texts(one)


def words_in(found: object) -> list[str]:
    """What people read of blocks, in order."""
    return [part["text"] for part in parts(found) if part.get("type") in {"text", "plain_text"}]


def alive(blocks: object, ours: str) -> list[object]:
    """What is not inert; ``ours`` is how the one link that is ours begins."""
    found: list[object] = [
        part
        for part in parts(blocks)
        if part.get("type") in ALIVE and not (part["type"] == "link" and str(part["url"]).startswith(ours))
    ]
    found += [part for part in parts(blocks) if {"image_url", "slack_file", "title_url"} & part.keys()]
    return found + [text for text in texts(blocks) if HIDDEN.search(text)]


def alive_beside(text: str) -> bool:
    """Whether the text beside the blocks, which Slack reads as markup, is more than text."""
    return "<" in text or ">" in text or bool(HIDDEN.search(text))
