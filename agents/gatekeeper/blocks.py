"""Block Kit pieces that keep strangers' text inert: plain_text and rich_text elements only.

Limits are Slack's: header 150, section text 3,000, field 2,000, confirm text 300 characters.
"""

from __future__ import annotations

from tools.redaction import RedactedText, redact
from tools.slack import Block


def plain(text: str, limit: int) -> Block:
    """A plain_text object of redacted, inert text, shortened visibly."""
    safe = redact(text)
    return {
        "type": "plain_text",
        "text": safe if len(safe) <= limit else f"{safe[: limit - 1]}…",
        "emoji": False,
    }


def header(text: str) -> Block:
    """A header."""
    return {"type": "header", "text": plain(text, 150)}


def context(*texts: str) -> Block:
    """One line of small print."""
    return {"type": "context", "elements": [plain(text, 1000) for text in texts if text]}


def fields(pairs: list[tuple[str, str]]) -> Block:
    """Names and values in two columns."""
    return {"type": "section", "fields": [plain(f"{name}\n{value}", 2000) for name, value in pairs]}


def paragraph(title: str, text: str, link: tuple[str, str] | None = None) -> Block:
    """A bold title and text as rich text; ``link`` is ours: (url, words)."""
    parts: list[Block] = [
        {"type": "text", "text": f"{title}  ", "style": {"bold": True}},
        {"type": "text", "text": redact(text) or " "},
    ]
    if link is not None:
        parts += [{"type": "text", "text": "  "}, {"type": "link", "url": link[0], "text": link[1]}]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


def people(title: str, text: str, user_ids: list[str]) -> Block:
    """A bold title, text and people by their accounts; Slack shows their names and calls them."""
    block = paragraph(title, text)
    parts = block["elements"][0]["elements"]
    for user_id in user_ids:
        parts += [{"type": "user", "user_id": user_id}, {"type": "text", "text": " "}]
    return block


def listed(lines: list[str]) -> Block:
    """A bulleted list."""
    items = [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": redact(line)}]} for line in lines
    ]
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_list", "style": "bullet", "elements": items}],
    }


def code(text: RedactedText) -> Block:
    """Preformatted text, whole."""
    part = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text or " "}]}
    return {"type": "rich_text", "elements": [part]}


def confirm(title: str, text: str, yes: str) -> Block:
    """A confirm dialog."""
    return {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain("Not yet", 30),
    }
