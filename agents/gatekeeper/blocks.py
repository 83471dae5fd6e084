"""Block Kit pieces that keep strangers' text inert: plain_text and rich_text elements only.

Limits are Slack's: header 150, section text 3,000, field 2,000, confirm text 300 characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agents.ledger.roster import Mention
from tools.redaction import RedactedText, redact
from tools.slack import Block

LONGEST = 900
"""Characters of one paragraph: what is longer is on the incident's page, and says that it goes on."""
LONGEST_LINE = 300


def plain(text: str, limit: int) -> Block:
    """A plain_text object of redacted, inert text, shortened visibly."""
    return {"type": "plain_text", "text": clipped(text, limit), "emoji": False}


def clipped(text: str, limit: int) -> str:
    """Redacted, inert text, shortened visibly."""
    safe = redact(text)
    return safe if len(safe) <= limit else f"{safe[: limit - 1]}…"


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
        {"type": "text", "text": clipped(text, LONGEST) or " "},
    ]
    if link is not None:
        parts += [{"type": "text", "text": "  "}, {"type": "link", "url": link[0], "text": link[1]}]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


def titled(title: str, link: tuple[str, str], lines: Iterable[str]) -> Block:
    """A bold title, a link of ours right behind it, and lines below."""
    parts: list[Block] = [
        {"type": "text", "text": f"{clipped(title, LONGEST_LINE)}  ", "style": {"bold": True}},
        {"type": "link", "url": link[0], "text": link[1]},
        *({"type": "text", "text": f"\n{clipped(line, LONGEST_LINE)}"} for line in lines),
    ]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


def people(title: str, text: str, called: Iterable[Mention]) -> Block:
    """A bold title, text and people or groups by their ids; Slack shows their names and calls them."""
    return spoken_of(title, text, ((one, " ") for one in called))


def spoken_of(title: str, text: str, named: Iterable[tuple[Mention, str]]) -> Block:
    """A bold title, text, and people or groups by their names, each with what is said of them."""
    block = paragraph(title, text)
    parts = block["elements"][0]["elements"]
    # An edit of a message calls nobody: cards name people like this, and threads only whom they call.
    for (kind, one), after in named:
        parts += [{"type": kind, f"{kind}_id": one}, {"type": "text", "text": after}]
    return block


def listed(lines: Iterable[str], limit: int = LONGEST_LINE) -> Block:
    """A bulleted list."""
    return _bullets([{"type": "text", "text": clipped(line, limit) or " "}] for line in lines)


def cited(claims: Iterable[tuple[str, tuple[str, ...]]], url_of: Callable[[str], str]) -> Block:
    """Sentences in a bulleted list, each with links that open the evidence it stands on."""
    lines = []
    for said, numbers in claims:
        parts: list[Block] = [{"type": "text", "text": clipped(said, LONGEST_LINE) or " "}]
        for number in numbers[:3]:
            parts += [{"type": "text", "text": " "}, {"type": "link", "url": url_of(number), "text": number}]
        lines.append(parts)
    return _bullets(lines)


def line(text: str, link: tuple[str, str]) -> Block:
    """One line of text and a link of ours: (url, words)."""
    parts = [
        {"type": "text", "text": clipped(text, LONGEST)},
        {"type": "link", "url": link[0], "text": link[1]},
    ]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


def button(action: str, words: str, value: str, style: str = "") -> Block:
    """A button; an empty ``style`` is the quiet one."""
    made = {"type": "button", "action_id": action, "text": plain(words, 75), "value": value}
    return made | ({"style": style} if style else {})


def menu(action: str, words: str, options: Iterable[tuple[str, str]]) -> Block:
    """A menu of (words, value) that looks like a button until it is opened."""
    offered = [{"text": plain(says, 75), "value": value} for says, value in options]
    return {
        "type": "static_select",
        "action_id": action,
        "placeholder": plain(words, 150),
        "options": offered,
    }


def _bullets(lines: Iterable[list[Block]]) -> Block:
    items = [{"type": "rich_text_section", "elements": parts} for parts in lines]
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
